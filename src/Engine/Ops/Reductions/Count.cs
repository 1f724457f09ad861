using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// The number of elements along axes, as a floating-point scalar; only the shape of the input matters.
/// </summary>
internal sealed record Count(Shape Axes, DType DType) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Side(random), Arg.Side(random), Arg.Side(random)];
        yield return new Sample(new Count([0, 1, 2], DType.Float32), new Arg(shape));
        yield return new Sample(new Count([0, 2], DType.Float64), Arg.Mask(shape));
        yield return new Sample(new Count([], DType.Float32), Arg.Int(shape, 0, 2));
        yield return new Sample(new Count([3], DType.Float32), new Arg(shape)) { Error = "there is no axis 3" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        foreach (int axis in Axes)
        {
            if (axis < 0 || axis >= inputs[0].Rank)
            {
                throw new EngineException($"there is no axis {axis}");
            }
        }

        return [new TensorType(DType, Shape.Scalar)];
    }

    public override bool Reads(int input) => false;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        outputs[0].Data[0] = Elements(inputs[0].Shape);

    public unsafe Phase[] Cpu(CpuStep step)
    {
        double count = Elements(step.Shape(0));
        byte* y = step.Out<byte>();
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                if (DType == DType.Float32)
                {
                    *(float*)y = (float)count;
                }
                else
                {
                    *(double*)y = count;
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [new CudaKernel("fill.cu", "fill", $"T {DType.Cuda()}").Launch(1, 1, step.Out(), Elements(step.Shape(0)), 1)];

    private double Elements(Shape shape) => Axes.Aggregate(1.0, (count, axis) => count * shape[axis]);
}

public static partial class Symbolic
{
    /// <summary>How many elements x has, as a scalar of its dtype; of float32 for integers.</summary>
    public static Variable Count(Variable x) => Count(x, null);

    /// <summary>
    /// How many elements x has along some axes (together), as a scalar of its dtype; of float32 for integers.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis, or it is named twice.</exception>
    public static Variable Count(Variable x, Shape axes) => Count(x, (Shape?)axes);

    private static Variable Count(Variable x, Shape? axes)
    {
        Shape counted = Axes(x, axes);
        return new Count(counted, x.DType.IsFloat() ? x.DType : DType.Float32).Call(x);
    }
}
