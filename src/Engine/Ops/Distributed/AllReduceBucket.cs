using Engine.Distributed;

namespace Engine.Ops;

/// <summary>The memory of an <see cref="AllReduce"/>, and what is done with it.</summary>
/// <param name="communicator">The ranks.</param>
/// <param name="shards">How many terms the sums have; 0 for the library's own sum.</param>
/// <param name="dtype">What is summed.</param>
/// <param name="nodes">Where this rank's nodes lie: of each, all tensors.</param>
/// <param name="outputs">Where the sums go.</param>
/// <param name="counts">How many elements each tensor has.</param>
/// <param name="workspace">Memory for a bucket, or in a tree's order for what is sent and for what is received.</param>
/// <param name="slice">How many elements of the bucket each rank sums.</param>
internal sealed unsafe class AllReduceBucket(
    Communicator communicator,
    int shards,
    DType dtype,
    IReadOnlyList<IReadOnlyList<nint>> nodes,
    IReadOnlyList<nint> outputs,
    IReadOnlyList<long> counts,
    nint workspace,
    long slice)
{
    private readonly long _sliceBytes = slice * dtype.Size();
    private readonly int _most = shards > 0 ? ShardTree.MaxNodes(communicator.Size, shards) : 1;

    private int Size => communicator.Size;

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
        Pack(nodes[0], (byte*)workspace, _sliceBytes);
        communicator.WaitInStep(communicator.StartAllReduce(
            (void*)workspace, counts.Sum(), dtype, Reduction.Sum));
        Unpack((byte*)workspace);
    }

    /// <summary>
    /// Each rank gets its slice of every rank's nodes, adds them up in the order of the tree, and gives the sum to all: no
    /// more bytes than a ring sends, and one order whatever the ranks.
    /// </summary>
    private void RunInTree()
    {
        byte* send = (byte*)workspace, receive = send + (Size * _most * _sliceBytes);
        long rankBytes = _most * _sliceBytes;
        for (int node = 0; node < nodes.Count; node++)
        {
            Pack(nodes[node], send + (node * _sliceBytes), rankBytes);
        }

        if (Size == 1)
        {
            receive = send;
        }
        else
        {
            communicator.WaitInStep(communicator.StartAllToAll(send, rankBytes, receive));
        }

        var all = new List<ShardTree.Node>();
        var places = new List<nint>();
        for (int rank = 0; rank < Size; rank++)
        {
            IReadOnlyList<ShardTree.Node> theirs = ShardTree.Nodes(rank, Size, shards);
            for (int node = 0; node < theirs.Count; node++)
            {
                all.Add(theirs[node]);
                places.Add((nint)(receive + (rank * rankBytes) + (node * _sliceBytes)));
            }
        }

        ShardTree.Sum(all, (into, other) =>
            Arithmetic.Reduce((void*)places[into], (void*)places[other], slice, dtype, Reduction.Sum));
        if (Size > 1)
        {
            communicator.WaitInStep(communicator.StartAllGather((void*)places[0], _sliceBytes, send));
        }

        Unpack(Size > 1 ? send : (byte*)places[0]);
    }

    /// <summary>
    /// Puts tensors one behind the other into slices that begin some distance apart; what fills the last ones up is zero.
    /// </summary>
    private void Pack(IReadOnlyList<nint> tensors, byte* to, long distance)
    {
        long at = 0;
        for (int i = 0; i < tensors.Count; i++)
        {
            at = Move((byte*)tensors[i], to, distance, at, counts[i] * dtype.Size(), isPacking: true);
        }

        for (long end = Size * _sliceBytes; at < end;)
        {
            long length = Math.Min(_sliceBytes - (at % _sliceBytes), end - at);
            Copies.Clear(to + (at / _sliceBytes * distance) + (at % _sliceBytes), length);
            at += length;
        }
    }

    private void Unpack(byte* from)
    {
        long at = 0;
        for (int i = 0; i < outputs.Count; i++)
        {
            at = Move((byte*)outputs[i], from, _sliceBytes, at, counts[i] * dtype.Size(), isPacking: false);
        }
    }

    /// <summary>Copies a tensor to or from its place among the slices; returns where the next one lies.</summary>
    private long Move(byte* tensor, byte* slices, long distance, long at, long bytes, bool isPacking)
    {
        for (long done = 0; done < bytes;)
        {
            long offset = at % _sliceBytes, length = Math.Min(_sliceBytes - offset, bytes - done);
            byte* place = slices + (at / _sliceBytes * distance) + offset;
            Buffer.MemoryCopy(isPacking ? tensor + done : place, isPacking ? place : tensor + done, length, length);
            (done, at) = (done + length, at + length);
        }

        return at;
    }
}
