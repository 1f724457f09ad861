using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Broadcasts each tensor from the rank that owns it to all others. Of the inputs of the other ranks only the type
/// matters. Inputs after those of the tensors are not sent; they are only computed before.
/// </summary>
/// <param name="Communicator">The ranks, all of which compute this.</param>
/// <param name="Owners">For each tensor, the rank that owns it.</param>
internal sealed record FromOwners(Communicator Communicator, IReadOnlyList<int> Owners) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"fromOwners{{{Communicator.Size}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        Communicator alone = ThreadCommunicator.Create(1)[0];
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(new FromOwners(alone, [0]), new Arg(shape)) { HasGradient = false };
        yield return new Sample(new FromOwners(alone, [0, 0]), new Arg(shape), new Arg([257])) { HasGradient = false };
        yield return new Sample(new FromOwners(alone, [0]), new Arg(shape), new Arg([3])) { HasGradient = false };
        yield return new Sample(new FromOwners(alone, [0, 0]), new Arg(shape))
        {
            Error = "has the owners of 2 tensors, not of 1",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => inputs.Length >= Owners.Count
        ? [.. inputs[..Owners.Count].ToArray().Select(input => input with { KnownValue = null })]
        : throw new EngineException($"it has the owners of {Owners.Count} tensors, not of {inputs.Length}");

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        throw new EngineException($"{Name} brings new values of parameters to all ranks: it has no gradient");

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int i = 0; i < Owners.Count; i++)
        {
            var values = Tensor.From(inputs[i].Data);
            Communicator.Broadcast(values, Owners[i]);
            values.AsSpan<double>().CopyTo(outputs[i].Data);
        }
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public long CpuWorkspace(CpuStepTypes step) => Bytes(step.Outputs);

    public long CudaWorkspace(CudaStepTypes step) => Bytes(step.Outputs);

    public string? CpuPath(CpuStepTypes step)
    {
        long own = step.Outputs.Where((_, i) => Owners[i] == Communicator.Rank)
            .Sum(output => output.Shape.Count * output.DType.Size());
        return FormattableString.Invariant($"{(Communicator.Size == 1 ? 0 : own):N0} bytes of this rank's own");
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        nint[] inputs = [.. Enumerable.Range(0, Owners.Count).Select(i => (nint)step.In<byte>(i))];
        nint[] outputs = [.. Enumerable.Range(0, Owners.Count).Select(i => (nint)step.Out<byte>(i))];
        Part[] parts = [.. Parts(
            [.. Enumerable.Range(0, Owners.Count).Select(i => step.OutShape(i).Count * step.OutDType(i).Size())])];
        byte* bucket = (byte*)step.Workspace;
        return [new Phase(1, 1, (_, _, _) => Run())];

        void Run()
        {
            foreach ((int tensor, long offset, long bytes) in Pieces(Communicator.Rank))
            {
                Buffer.MemoryCopy((byte*)inputs[tensor], bucket + offset, bytes, bytes);
            }

            Collective[] begun = [.. parts.Where(_ => Communicator.Size > 1).Select(part =>
                Communicator.StartBroadcast(bucket + part.Offset, part.Bytes, part.Owner))];
            foreach (Collective exchange in begun)
            {
                Communicator.WaitInStep(exchange);
            }

            foreach ((int tensor, long offset, long bytes) in Pieces(null))
            {
                Buffer.MemoryCopy(bucket + offset, (byte*)outputs[tensor], bytes, bytes);
            }
        }

        IEnumerable<(int Tensor, long Offset, long Bytes)> Pieces(int? owner) =>
            parts.Where(part => owner is null || part.Owner == owner).SelectMany(part => part.Pieces);
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        Part[] parts = [.. Parts(
            [.. Enumerable.Range(0, Owners.Count).Select(i => step.OutShape(i).Count * step.OutDType(i).Size())])];
        var launches = new List<CudaLaunch>();
        foreach (Part part in parts)
        {
            ulong at = step.Workspace + (ulong)part.Offset;
            if (part.Owner == Communicator.Rank)
            {
                launches.AddRange(part.Pieces.Select(piece =>
                    new CopyLaunch(step.In(piece.Tensor), step.Workspace + (ulong)piece.Offset, piece.Bytes)));
            }

            if (Communicator.Size > 1)
            {
                launches.Add(new AllReduceLaunch.CollectiveLaunch(
                    "broadcast", stream => Communicator.EnqueueBroadcast(at, part.Bytes, part.Owner, stream)));
            }
        }

        launches.AddRange(parts.SelectMany(part => part.Pieces).Select(piece =>
            new CopyLaunch(step.Workspace + (ulong)piece.Offset, step.Out(piece.Tensor), piece.Bytes)));
        return [new AllReduceLaunch(Name, launches)];
    }

    private static long Bytes(IReadOnlyList<OperandType> outputs) =>
        outputs.Sum(output => output.Shape.Count * output.DType.Size());

    /// <summary>
    /// Returns how the tensors lie in the bucket: those of an owner together, without owners that have none.
    /// </summary>
    private IEnumerable<Part> Parts(long[] bytes)
    {
        long at = 0;
        for (int owner = 0; owner < Communicator.Size; owner++)
        {
            long first = at;
            var pieces = new List<(int Tensor, long Offset, long Bytes)>();
            for (int i = 0; i < bytes.Length; i++)
            {
                if (Owners[i] == owner && bytes[i] > 0)
                {
                    pieces.Add((i, at, bytes[i]));
                    at += bytes[i];
                }
            }

            if (pieces.Count > 0)
            {
                yield return new Part(owner, first, at - first, pieces);
            }
        }
    }

    private sealed record Part(
        int Owner, long Offset, long Bytes, IReadOnlyList<(int Tensor, long Offset, long Bytes)> Pieces);
}
