using Engine.Distributed;

namespace Engine.Ops;

/// <summary>Represents the memory of an <see cref="AllReduce"/> on the CPU, and runs it.</summary>
/// <param name="communicator">The ranks.</param>
/// <param name="shards">The number of terms of the sums; 0 for the library's own sum.</param>
/// <param name="dtype">The dtype of the terms.</param>
/// <param name="layout">How the tensors lie in the bucket.</param>
/// <param name="nodes">The addresses of this rank's nodes: all tensors of each node.</param>
/// <param name="outputs">The addresses of the sums.</param>
/// <param name="workspace">
/// Memory for a bucket; for the tree's order, memory for what is sent and what is received.
/// </param>
internal sealed unsafe class AllReduceBucket(
    Communicator communicator,
    int shards,
    DType dtype,
    BucketLayout layout,
    IReadOnlyList<IReadOnlyList<nint>> nodes,
    IReadOnlyList<nint> outputs,
    nint workspace)
{
    private readonly BucketLayout.Piece[] _sent = [.. layout.Pieces(shards > 0 ? layout.MaxNodes * layout.SliceBytes : layout.SliceBytes)];
    private readonly BucketLayout.Piece[] _sums = [.. layout.Pieces(layout.SliceBytes)];
    private readonly (ShardTree.Node Node, long Offset)[] _places = shards > 0 ? [.. layout.Places(shards)] : [];

    public void Run()
    {
        if (shards > 0)
        {
            RunInTree();
        }
        else
        {
            RunByLibrary();
        }
    }

    private void RunByLibrary()
    {
        Pack(nodes[0], (byte*)workspace);
        communicator.WaitInStep(communicator.StartAllReduce((void*)workspace, layout.Elements, dtype, Reduction.Sum));
        Unpack((byte*)workspace);
    }

    /// <summary>
    /// Gives each rank its slice of every rank's nodes. The rank adds them up in the order of the tree and sends the
    /// sum to all. This sends no more bytes than a ring, and the order does not depend on the number of ranks.
    /// </summary>
    private void RunInTree()
    {
        int size = communicator.Size;
        long rankBytes = layout.MaxNodes * layout.SliceBytes;
        byte* send = (byte*)workspace, receive = size > 1 ? send + (size * rankBytes) : send;
        for (int node = 0; node < nodes.Count; node++)
        {
            Pack(nodes[node], send + (node * layout.SliceBytes));
        }

        if (size > 1)
        {
            communicator.WaitInStep(communicator.StartAllToAll(send, rankBytes, receive));
        }

        ShardTree.Sum([.. _places.Select(place => place.Node)], (into, other) => Arithmetic.Reduce(
            receive + _places[into].Offset, receive + _places[other].Offset, layout.SliceBytes / dtype.Size(), dtype, Reduction.Sum));
        byte* sum = receive + _places[0].Offset;
        if (size > 1)
        {
            communicator.WaitInStep(communicator.StartAllGather(sum, layout.SliceBytes, send));
            sum = send;
        }

        Unpack(sum);
    }

    private void Pack(IReadOnlyList<nint> tensors, byte* to)
    {
        foreach (BucketLayout.Piece piece in _sent)
        {
            if (piece.Tensor is { } tensor)
            {
                Buffer.MemoryCopy((byte*)tensors[tensor] + piece.From, to + piece.Place, piece.Bytes, piece.Bytes);
            }
            else
            {
                Copies.Clear(to + piece.Place, piece.Bytes);
            }
        }
    }

    private void Unpack(byte* from)
    {
        foreach (BucketLayout.Piece piece in _sums)
        {
            if (piece.Tensor is { } tensor)
            {
                Buffer.MemoryCopy(from + piece.Place, (byte*)outputs[tensor] + piece.From, piece.Bytes, piece.Bytes);
            }
        }
    }
}
