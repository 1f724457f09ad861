using Engine.Distributed;

namespace Engine.Ops;

/// <summary>Computes a sum over ranks on the CPU, in the memory of a bucket.</summary>
/// <param name="communicator">The ranks.</param>
/// <param name="layout">How the tensors lie in the bucket.</param>
/// <param name="dtype">The type of the elements.</param>
/// <param name="groups">The addresses of this rank's terms: for each term, those of all tensors.</param>
/// <param name="bucket">Memory of <see cref="BucketLayout.Bytes"/>, for sent and received bytes.</param>
internal sealed unsafe class AllReduceBucket(
    Communicator communicator,
    BucketLayout layout,
    DType dtype,
    IReadOnlyList<IReadOnlyList<nint>> groups,
    nint bucket)
{
    private readonly BucketLayout.Piece[] _sent = [.. layout.Pieces(layout.RankBytes)];
    private readonly IReadOnlyList<(ShardTree.Node Node, long Offset)> _nodes = layout.ReceivedNodes();

    private byte* Send => (byte*)bucket;

    private byte* Receive => communicator.Size > 1 ? Send + (communicator.Size * layout.RankBytes) : Send;

    /// <summary>
    /// Begins the sum. When it is over, the result is at <see cref="BucketLayout.SumOffset"/> in the bucket.
    /// </summary>
    public Collective Start()
    {
        int nodes = layout.OwnNodes;
        for (int node = 0; node < nodes; node++)
        {
            // All groups from the last node on form one node: the sum of these groups, from the last one backward.
            byte* to = Send + (node * layout.SliceBytes);
            Pack(groups[node < nodes - 1 ? node : groups.Count - 1], to, isAdded: false);
            for (int part = groups.Count - 2; node == nodes - 1 && part >= node; part--)
            {
                Pack(groups[part], to, isAdded: true);
            }
        }

        if (layout.Shards == 0)
        {
            return communicator.StartAllReduce(Send, layout.Elements, dtype, Reduction.Sum);
        }

        // Each rank gets its slice of every rank's nodes, adds them in the order of the tree, and sends the sum to all.
        // With one node per rank this sends as many bytes as a ring, and the order is the same for any number of ranks.
        if (communicator.Size == 1)
        {
            SumSlices();
            return Collective.Nothing;
        }

        return communicator.Begun.Add(
            communicator.StartAllToAll(Send, layout.RankBytes, Receive),
            () =>
            {
                SumSlices();
                return communicator.StartAllGather(Receive + _nodes[0].Offset, layout.SliceBytes, Send, aside: true);
            });
    }

    private void SumSlices() =>
        ShardTree.Sum([.. _nodes.Select(each => each.Node)], (into, other) => Arithmetic.Reduce(
            Receive + _nodes[into].Offset, Receive + _nodes[other].Offset, layout.SliceBytes / dtype.Size(), dtype,
            Reduction.Sum));

    private void Pack(IReadOnlyList<nint> tensors, byte* to, bool isAdded)
    {
        foreach (BucketLayout.Piece piece in _sent)
        {
            if (piece.Tensor is not { } tensor)
            {
                Copies.Clear(to + piece.Offset, isAdded ? 0 : piece.Bytes);
            }
            else if (isAdded)
            {
                Arithmetic.Reduce(
                    to + piece.Offset, (byte*)tensors[tensor] + piece.From, piece.Bytes / dtype.Size(), dtype,
                    Reduction.Sum);
            }
            else
            {
                Buffer.MemoryCopy((byte*)tensors[tensor] + piece.From, to + piece.Offset, piece.Bytes, piece.Bytes);
            }
        }
    }

    /// <summary>Copies the sums out of a bucket.</summary>
    /// <param name="layout">How the tensors lie in it.</param>
    /// <param name="bucket">Its memory.</param>
    /// <param name="outputs">The addresses of the tensors of sums.</param>
    public static void Unpack(BucketLayout layout, nint bucket, IReadOnlyList<nint> outputs)
    {
        byte* from = (byte*)bucket + layout.SumOffset;
        foreach (BucketLayout.Piece piece in layout.Pieces(layout.SliceBytes))
        {
            if (piece.Tensor is { } tensor)
            {
                Buffer.MemoryCopy(from + piece.Offset, (byte*)outputs[tensor] + piece.From, piece.Bytes, piece.Bytes);
            }
        }
    }
}
