using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Waits for the sums that <see cref="AllReduceStart"/> has begun, and copies them out of the bucket.
/// </summary>
/// <param name="Start">The op that began them.</param>
/// <param name="Shapes">The shapes of the tensors.</param>
internal sealed record AllReduceWait(AllReduceStart Start, IReadOnlyList<Shape> Shapes)
    : Op, ICpuOp, ICudaOp, IRunsLate, ISampled
{
    public override string Name => $"allReduceWait{{{Start.Communicator.Size}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        var start = new AllReduceStart(ThreadCommunicator.Create(1)[0], 1, 0, 0);
        yield return new Sample(new AllReduceWait(start, [[4, 4]]), new Arg([16])) { HasGradient = false };
        yield return new Sample(new AllReduceWait(start, [[4, 4]]), new Arg([17]))
        {
            Error = "the bucket has 16 elements, not 17",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        DType dtype = inputs[0].DType;
        long elements = Layout(dtype).Bytes / dtype.Size();
        return !inputs[0].Shape.IsKnown || inputs[0].Shape.Count == elements
            ? [.. Shapes.Select(shape => new TensorType(dtype, shape))]
            : throw new EngineException($"the bucket has {elements} elements, not {inputs[0].Shape.Count}");
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        throw new EngineException($"{Name} sums gradients: it has none itself");

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int at = 0;
        foreach (NdArray output in outputs)
        {
            inputs[0].Data.AsSpan(at, output.Data.Length).CopyTo(output.Data);
            at += output.Data.Length;
        }
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public unsafe Phase[] Cpu(CpuStep step)
    {
        BucketLayout layout = Layout(step.OutDType());
        nint address = (nint)step.In<byte>(0);
        nint[] outputs = [.. Enumerable.Range(0, Shapes.Count).Select(i => (nint)step.Out<byte>(i))];
        return [new Phase(1, 1, (_, _, _) =>
        {
            Start.Communicator.WaitInStep(Start.Communicator.Begun.Take(address));
            AllReduceBucket.Unpack(layout, address, outputs);
        })];
    }

    public CudaLaunch[] Cuda(CudaStep step) => [AllReduceLaunch.Wait(
        Name, Start.Communicator, Layout(step.OutDType()), step.In(0),
        [.. Enumerable.Range(0, Shapes.Count).Select(step.Out)])];

    private BucketLayout Layout(DType dtype) =>
        new(Start.Communicator, Start.Shards, dtype, Shapes.Select(shape => shape.Count));
}
