using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Distributed;

namespace Engine.Ops;

/// <summary>
/// Runs an <see cref="AllReduce"/> on a GPU as one piece of a stream's work, so that all ranks begin their exchanges in
/// the same order.
/// </summary>
/// <param name="name">The op.</param>
/// <param name="parts">The launches, in order.</param>
internal sealed class AllReduceLaunch(string name, IReadOnlyList<CudaLaunch> parts) : CudaLaunch
{
    private readonly CudaLaunch[] _parts = [.. parts.Where(part => !part.IsEmpty)];

    public override string Name => name;

    public override bool IsEmpty => _parts.Length == 0;

    public override long Nodes => _parts.Length;

    public override IEnumerable<KernelLaunch> Kernels => _parts.SelectMany(part => part.Kernels);

    public override void Enqueue(nint stream)
    {
        foreach (CudaLaunch part in _parts)
        {
            part.Enqueue(stream);
        }
    }

    /// <summary>Returns the launch of an op.</summary>
    /// <param name="op">The op.</param>
    /// <param name="layout">How its tensors lie in the bucket.</param>
    /// <param name="step">The op's memory.</param>
    public static AllReduceLaunch Of(AllReduce op, BucketLayout layout, CudaStep step)
    {
        var parts = new List<CudaLaunch>();
        ulong[] inputs = [.. Enumerable.Range(0, step.InputCount).Select(step.In)];
        ulong[] outputs = [.. Enumerable.Range(0, op.Count).Select(step.Out)];
        Communicator ranks = op.Communicator;
        if (op.Shards == 0)
        {
            parts.AddRange(Pack(layout, inputs, step.Workspace, layout.SliceBytes));
            if (ranks.Size > 1)
            {
                parts.Add(new ExchangeLaunch("all-reduce", stream => ranks.EnqueueAllReduce(
                    step.Workspace, layout.Elements, step.OutDType(), Reduction.Sum, stream)));
            }

            parts.AddRange(Unpack(layout, step.Workspace, outputs));
            return new AllReduceLaunch(op.Name, parts);
        }

        // The same as AllReduceBucket on the CPU: each rank sums its slice in the order of the tree.
        ulong send = step.Workspace, rankBytes = (ulong)(layout.MaxNodes * layout.SliceBytes);
        ulong receive = ranks.Size > 1 ? send + ((ulong)ranks.Size * rankBytes) : send;
        for (int node = 0; node * op.Count < inputs.Length; node++)
        {
            parts.AddRange(Pack(
                layout, inputs[(node * op.Count)..((node + 1) * op.Count)], send + (ulong)(node * layout.SliceBytes), (long)rankBytes));
        }

        if (ranks.Size > 1)
        {
            parts.Add(new ExchangeLaunch("all-to-all", stream => ranks.EnqueueAllToAll(send, (long)rankBytes, receive, stream)));
        }

        var slice = new OperandType(step.OutDType(), [checked((int)(layout.SliceBytes / step.OutDType().Size()))]);
        IReadOnlyList<(ShardTree.Node Node, long Offset)> places = layout.Places(op.Shards);
        ShardTree.Sum([.. places.Select(place => place.Node)], (into, other) =>
        {
            (ulong a, ulong b) = (receive + (ulong)places[into].Offset, receive + (ulong)places[other].Offset);
            parts.AddRange(new Binary<Add>().Cuda(step.At([(a, slice), (b, slice)], [(a, slice)])));
        });
        ulong sum = receive + (ulong)places[0].Offset;
        if (ranks.Size > 1)
        {
            parts.Add(new ExchangeLaunch("all-gather", stream => ranks.EnqueueAllGather(sum, layout.SliceBytes, send, stream)));
        }

        parts.AddRange(Unpack(layout, ranks.Size > 1 ? send : sum, outputs));
        return new AllReduceLaunch(op.Name, parts);
    }

    private static IEnumerable<CudaLaunch> Pack(BucketLayout layout, ulong[] tensors, ulong to, long distance)
    {
        foreach (BucketLayout.Piece piece in layout.Pieces(distance))
        {
            ulong place = to + (ulong)piece.Place;
            yield return piece.Tensor is { } tensor
                ? new CopyLaunch(tensors[tensor] + (ulong)piece.From, place, piece.Bytes)
                : new ClearLaunch(place, piece.Bytes);
        }
    }

    private static IEnumerable<CudaLaunch> Unpack(BucketLayout layout, ulong bucket, ulong[] tensors)
    {
        foreach (BucketLayout.Piece piece in layout.Pieces(layout.SliceBytes))
        {
            if (piece.Tensor is { } tensor)
            {
                yield return new CopyLaunch(bucket + (ulong)piece.Place, tensors[tensor] + (ulong)piece.From, piece.Bytes);
            }
        }
    }

    /// <summary>Adds NCCL's work to the stream.</summary>
    private sealed class ExchangeLaunch(string name, Action<nint> enqueue) : CudaLaunch
    {
        public override string Name => name;

        public override void Enqueue(nint stream) => enqueue(stream);
    }
}
