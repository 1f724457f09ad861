using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Returns the number of elements along axes, as a scalar. It reads only the shape of the input. As int32 it may decide
/// shapes.
/// </summary>
internal sealed record Count(Shape Axes, DType DType) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(new Count([0, 1, 2], DType.Float32), new Arg(shape));
        yield return new Sample(new Count([0, 2], DType.Float64), Arg.Mask(shape));
        yield return new Sample(new Count([], DType.Float32), Arg.Int(shape, 0, 2));
        yield return new Sample(new Count([1], DType.Int32), new Arg(shape));
        yield return new Sample(new Count([3], DType.Float32), new Arg(shape)) { Error = "there is no axis 3" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType input = inputs[0];
        foreach (int axis in Axes)
        {
            if (axis < 0 || axis >= input.Rank)
            {
                throw new EngineException($"there is no axis {axis}");
            }
        }

        return [new TensorType(DType, Shape.Scalar, DType == DType.Int32 ? checked((int?)Of(input.Shape)) : null)];
    }

    /// <summary>Returns the number of elements of an array; null if a dimension is unknown.</summary>
    public double? Of(Shape shape) => Axes.Any(axis => shape[axis] == Shape.Unknown) ? null : Elements(shape);

    internal override bool IsPlain => true;

    public override bool Reads(int input) => false;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        outputs[0].Data[0] = Elements(inputs[0].Shape);

    public unsafe Phase[] Cpu(CpuStep step)
    {
        double count = Elements(step.Shape(0));
        byte* y = step.Out<byte>();
        ElementConversion convert = Conversion.Of(DType.Float64, DType);
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                double number = count;
                convert(&number, y, 1);
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [new CudaKernel("fill.cu", "fill", $"T {DType.Cuda()}").Launch(1, 1, step.Out(), Elements(step.Shape(0)), 1)];

    private double Elements(Shape shape) => Axes.Aggregate(1.0, (count, axis) => count * shape[axis]);
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the length of an axis of x, as an int32 scalar that may decide shapes: Theano's <c>x.shape[axis]</c>. A
    /// negative axis counts from the innermost.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable DimensionOf(Variable x, int axis)
    {
        Shape chosen = Axes(x, [axis]);
        int dimension = x.Shape[chosen[0]];
        return dimension == Shape.Unknown ? new Count(chosen, DType.Int32).Call(x) : Constant(dimension, DType.Int32);
    }

    /// <summary>Returns the shape of x as an int32 vector: Theano's <c>x.shape</c>.</summary>
    public static Variable ShapeOf(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Rank == 0
            ? Constant(Tensor.From(Array.Empty<int>()))
            : Stack(0, [.. Enumerable.Range(0, x.Rank).Select(axis => DimensionOf(x, axis))]);
    }

    /// <summary>Returns the number of elements of x, as a scalar of its dtype; float32 for integers.</summary>
    public static Variable Count(Variable x) => Count(x, null);

    /// <summary>
    /// Returns the number of elements of x along some axes together, as a scalar of its dtype; float32 for integers.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis, or it is given twice.</exception>
    public static Variable Count(Variable x, Shape axes) => Count(x, (Shape?)axes);

    private static Variable Count(Variable x, Shape? axes)
    {
        Shape counted = Axes(x, axes);
        return new Count(counted, x.DType.Floating()).Call(x);
    }
}
