using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Begins the sums of tensors over the ranks that <see cref="AllReduce"/> computes. They are computed in a bucket, the
/// op's output, while the rank computes other ops; <see cref="AllReduceWait"/> takes them out. The schedule runs this
/// op as soon as its terms are computed, and the wait as late as possible.
/// </summary>
/// <param name="Communicator">The ranks, all of which compute this.</param>
/// <param name="Count">The number of tensors.</param>
/// <param name="Shards">The number of terms of each sum; 0 for one per rank, in the library's order.</param>
/// <param name="Number">Its number among such ops of a function: all ranks begin them in this order.</param>
internal sealed record AllReduceStart(Communicator Communicator, int Count, int Shards, int Number)
    : Op, ICpuOp, ICudaOp, ICpuBackground, IRunsEarly, ISampled
{
    public override string Name => $"allReduceStart{{{Communicator.Size}{(Shards > 0 ? $", {Shards}" : "")}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        Communicator alone = ThreadCommunicator.Create(1)[0];
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];

        // With sizes that leave no padding in the bucket, the output is the sum of this rank's parts.
        yield return new Sample(new AllReduceStart(alone, 1, 0, 0), new Arg([16])) { HasGradient = false };
        yield return new Sample(new AllReduceStart(alone, 1, 8, 0), new Arg([16]), new Arg([16]))
        {
            HasGradient = false,
        };
        yield return new Sample(
            new AllReduceStart(alone, 2, 8, 0), new Arg([8]), new Arg([8]), new Arg([8]), new Arg([8]))
        {
            HasGradient = false,
        };
        yield return new Sample(new AllReduceStart(alone, 2, 0, 0), new Arg(shape))
        {
            Error = "2 tensors of each part",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs.Length == 0 || inputs.Length % Count != 0)
        {
            throw new EngineException($"the sum takes {Count} tensors of each part, not {inputs.Length} in all");
        }

        foreach (TensorType input in inputs)
        {
            if (!input.DType.IsFloat() || input.DType != inputs[0].DType)
            {
                throw new EngineException(
                    $"what is summed together is floating point and of one dtype, not {inputs[0]} and {input}");
            }
        }

        if (inputs.ToArray().Any(input => !input.Shape.IsKnown))
        {
            return [new TensorType(inputs[0].DType, [Shape.Unknown])];
        }

        BucketLayout layout = Layout([.. inputs.ToArray().Select(input => new OperandType(input.DType, input.Shape))]);
        return [new TensorType(inputs[0].DType, [checked((int)(layout.Bytes / inputs[0].DType.Size()))])];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        throw new EngineException($"{Name} sums gradients: it has none itself");

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int at = 0;
        outputs[0].Data.AsSpan().Clear();
        for (int tensor = 0; tensor < Count; tensor++)
        {
            for (int i = 0; i < inputs[tensor].Data.Length; i++, at++)
            {
                for (int part = tensor; part < inputs.Count; part += Count)
                {
                    outputs[0].Data[at] += inputs[part].Data[i];
                }
            }
        }

        Communicator.AllReduce(Tensor.From(outputs[0].Data));
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        (Math.Max(Shards, Communicator.Size) - 1) * inputs.Take(Count).Sum(input => input.Shape.Count);

    public string? CpuPath(CpuStepTypes step)
    {
        long sent = Layout(step.Inputs).BytesSent;
        return FormattableString.Invariant(
            $"{(Shards > 0 ? $"tree over {Shards} shards" : "the library's sum")}: {sent:N0} bytes sent by a rank while it computes");
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        nint address = (nint)step.Out<byte>();
        var bucket = new AllReduceBucket(
            Communicator, Layout(step.Types.Inputs), step.OutDType(),
            [.. Enumerable.Range(0, step.InputCount / Count).Select(part => (IReadOnlyList<nint>)
                [.. Enumerable.Range(part * Count, Count).Select(input => (nint)step.In<byte>(input))])],
            address);
        return [new Phase(1, 1, (_, _, _) =>
        {
            Collective begun = bucket.Start();
            if (!Communicator.IsAsynchronous)
            {
                Communicator.WaitInStep(begun);
            }

            Communicator.Begun.Put(address, begun);
        })];
    }

    /// <inheritdoc/>
    public void MoveOn() => Communicator.Begun.MoveOn();

    public CudaLaunch[] Cuda(CudaStep step) => [AllReduceLaunch.Start(
        Name, Communicator, Layout(step.Types.Inputs), Count, step)];

    private BucketLayout Layout(IReadOnlyList<OperandType> inputs) => new(
        Communicator, Shards, inputs[0].DType, inputs.Take(Count).Select(input => input.Shape.Count));
}
