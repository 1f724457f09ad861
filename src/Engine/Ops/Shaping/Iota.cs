using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Returns the integers from 0 to the input (exclusive), a size, as int32.</summary>
internal sealed record Iota : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 16384;

    public static IEnumerable<Sample> Samples(Random random)
    {
        yield return new Sample(new Iota(), Arg.Size(Arg.Dimension(random)));
        yield return new Sample(new Iota(), Arg.Size(257));
        yield return new Sample(new Iota(), Arg.Size(513));
        yield return new Sample(new Iota(), Arg.Size(-1)) { Error = "the dimension of axis 0 cannot be -1" };
        yield return new Sample(new Iota(), new Arg([2])) { Error = "a dimension must be an int32 scalar" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [new TensorType(DType.Int32, Dimensions.Of([Shape.Unknown], [0], inputs).Shape)];

    internal override bool IsPlain => true;

    public override bool Reads(int input) => false;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int i = 0; i < outputs[0].Data.Length; i++)
        {
            outputs[0].Data[i] = i;
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        int* y = step.Out<int>();
        return
        [
            new Phase(step.OutShape()[0], Grain, (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    y[i] = i;
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        int count = step.OutShape()[0];
        return [CudaCopies.Spread(new CudaKernel("fill.cu", "iota", "T int"), count, step.Out(), count)];
    }
}
