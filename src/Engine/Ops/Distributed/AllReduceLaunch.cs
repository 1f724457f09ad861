using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Distributed;

namespace Engine.Ops;

/// <summary>
/// Runs an <see cref="AllReduce"/> on a GPU as one piece of a stream's work, so that all ranks begin their exchanges in
/// the same order.
/// </summary>
/// <param name="name">The op's name.</param>
/// <param name="parts">The launches, in order.</param>
internal sealed class AllReduceLaunch(string name, IReadOnlyList<CudaLaunch> parts) : CudaLaunch
{
    private readonly CudaLaunch[] _parts = [.. parts.Where(part => !part.IsEmpty)];

    public override string Name => name;

    public override bool IsEmpty => _parts.Length == 0;

    public override long Nodes => _parts.Sum(part => part.Nodes);

    public override IEnumerable<KernelLaunch> Kernels => _parts.SelectMany(part => part.Kernels);

    public override void Enqueue(nint stream)
    {
        foreach (CudaLaunch part in _parts)
        {
            part.Enqueue(stream);
        }
    }

    /// <summary>Returns the launch of a sum.</summary>
    /// <param name="name">The op's name.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="layout">How its tensors lie in the bucket, which is its scratch memory.</param>
    /// <param name="count">The number of tensors.</param>
    /// <param name="step">The op's memory.</param>
    public static AllReduceLaunch Of(string name, Communicator ranks, BucketLayout layout, int count, CudaStep step) =>
        new(name,
        [
            .. Fill(layout, count, step.Workspace, step),
            .. Begin(ranks, step.Workspace, Exchange(ranks, layout, step.Workspace, step)),
            .. End(ranks, step.Workspace),
            .. Unpack(layout, step.Workspace, [.. Enumerable.Range(0, count).Select(step.Out)]),
        ]);

    /// <summary>Returns the launch of a sum that stays in the bucket, which is the op's output.</summary>
    public static AllReduceLaunch Start(
        string name, Communicator ranks, BucketLayout layout, int count, CudaStep step) => new(name,
        [.. Fill(layout, count, step.Out(0), step),
            .. Begin(ranks, step.Out(0), Exchange(ranks, layout, step.Out(0), step))]);

    /// <summary>Returns the launch that waits for a sum and copies it out of its bucket.</summary>
    public static AllReduceLaunch Wait(
        string name, Communicator ranks, BucketLayout layout, ulong bucket, ulong[] outputs) =>
        new(name, [.. End(ranks, bucket), .. Unpack(layout, bucket, outputs)]);

    /// <summary>
    /// Copies this rank's terms into the bucket. Parts of one node are added, from the last to the first.
    /// </summary>
    private static IEnumerable<CudaLaunch> Fill(BucketLayout layout, int count, ulong bucket, CudaStep step)
    {
        ulong[] inputs = [.. Enumerable.Range(0, step.InputCount).Select(step.In)];
        int nodes = layout.OwnNodes, groups = inputs.Length / count;
        for (int node = 0; node < nodes; node++)
        {
            ulong to = bucket + (ulong)(node * layout.SliceBytes);
            foreach (CudaLaunch launch in Pack(layout, Group(node < nodes - 1 ? node : groups - 1), to))
            {
                yield return launch;
            }

            for (int part = groups - 2; node == nodes - 1 && part >= node; part--)
            {
                foreach (CudaLaunch launch in Add(layout, Group(part), to, step))
                {
                    yield return launch;
                }
            }
        }

        ulong[] Group(int group) => inputs[(group * count)..((group + 1) * count)];
    }

    /// <summary>
    /// Begins a bucket's exchanges in the stream of the ranks, so that the device's stream computes meanwhile.
    /// </summary>
    private static List<CudaLaunch> Begin(Communicator ranks, ulong bucket, List<CudaLaunch> exchanges) =>
        ranks.Size == 1 ? exchanges : [new BesideLaunch(ranks, bucket, exchanges)];

    private static CudaLaunch[] End(Communicator ranks, ulong bucket) =>
        ranks.Size == 1 ? [] : [new CollectiveLaunch("wait", stream => ranks.EnqueueWait(stream, bucket))];

    /// <summary>
    /// Exchanges as <see cref="AllReduceBucket"/> on the CPU: each rank sums its slice in the tree's order.
    /// </summary>
    private static List<CudaLaunch> Exchange(Communicator ranks, BucketLayout layout, ulong bucket, CudaStep step)
    {
        DType dtype = step.OutDType();
        if (layout.Shards == 0)
        {
            return ranks.Size == 1 ? [] : [new CollectiveLaunch("all-reduce", stream => ranks.EnqueueAllReduce(
                bucket, layout.Elements, dtype, Reduction.Sum, stream))];
        }

        var parts = new List<CudaLaunch>();
        ulong receive = ranks.Size > 1 ? bucket + (ulong)(ranks.Size * layout.RankBytes) : bucket;
        if (ranks.Size > 1)
        {
            parts.Add(new CollectiveLaunch(
                "all-to-all", stream => ranks.EnqueueAllToAll(bucket, layout.RankBytes, receive, stream)));
        }

        IReadOnlyList<(ShardTree.Node Node, long Offset)> nodes = layout.ReceivedNodes();
        ShardTree.Sum([.. nodes.Select(each => each.Node)], (into, other) => parts.AddRange(Sum(
            receive + (ulong)nodes[into].Offset, receive + (ulong)nodes[other].Offset, layout.SliceBytes, step)));
        if (ranks.Size > 1)
        {
            ulong sum = receive + (ulong)nodes[0].Offset;
            parts.Add(new CollectiveLaunch(
                "all-gather", stream => ranks.EnqueueAllGather(sum, layout.SliceBytes, bucket, stream)));
        }

        return parts;
    }

    /// <summary>Adds a vector to another.</summary>
    private static CudaLaunch[] Sum(ulong into, ulong other, long bytes, CudaStep step)
    {
        var type = new OperandType(step.OutDType(), [checked((int)(bytes / step.OutDType().Size()))]);
        return new Binary<Add>().Cuda(step.At([(into, type), (other, type)], [(into, type)]));
    }

    private static IEnumerable<CudaLaunch> Add(BucketLayout layout, ulong[] tensors, ulong to, CudaStep step) => layout
        .Pieces(layout.RankBytes)
        .Where(piece => piece.Tensor is not null && piece.Bytes > 0)
        .SelectMany(
            piece => Sum(
                to + (ulong)piece.Offset, tensors[piece.Tensor!.Value] + (ulong)piece.From, piece.Bytes, step));

    private static IEnumerable<CudaLaunch> Pack(BucketLayout layout, ulong[] tensors, ulong to)
    {
        foreach (BucketLayout.Piece piece in layout.Pieces(layout.RankBytes))
        {
            ulong address = to + (ulong)piece.Offset;
            yield return piece.Tensor is { } tensor
                ? new CopyLaunch(tensors[tensor] + (ulong)piece.From, address, piece.Bytes)
                : new ClearLaunch(address, piece.Bytes);
        }
    }

    private static IEnumerable<CudaLaunch> Unpack(BucketLayout layout, ulong bucket, ulong[] tensors)
    {
        foreach (BucketLayout.Piece piece in layout.Pieces(layout.SliceBytes))
        {
            if (piece.Tensor is { } tensor)
            {
                yield return new CopyLaunch(
                    bucket + (ulong)(layout.SumOffset + piece.Offset), tensors[tensor] + (ulong)piece.From,
                    piece.Bytes);
            }
        }
    }

    /// <summary>Launches in the stream of the ranks, beside the device's.</summary>
    private sealed class BesideLaunch(Communicator ranks, ulong bucket, List<CudaLaunch> parts) : CudaLaunch
    {
        public override string Name => "exchange";

        public override long Nodes => parts.Count;

        public override IEnumerable<KernelLaunch> Kernels => parts.SelectMany(part => part.Kernels);

        public override void Enqueue(nint stream) =>
            ranks.EnqueueBeside(stream, bucket, own => parts.ForEach(part => part.Enqueue(own)));
    }

    /// <summary>Represents the work that NCCL puts into the stream.</summary>
    public sealed class CollectiveLaunch(string name, Action<nint> enqueue) : CudaLaunch
    {
        public override string Name => name;

        public override void Enqueue(nint stream) => enqueue(stream);
    }
}
