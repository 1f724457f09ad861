using Engine.Distributed;

namespace Engine.Ops;

/// <summary>
/// Describes how the tensors of an <see cref="AllReduce"/> lie one after the other in its bucket, which has a slice for
/// each rank. All offsets are in bytes.
/// </summary>
internal sealed class BucketLayout
{
    /// <summary>
    /// The granularity of a slice in elements: slices are whole cache lines, which no two threads share.
    /// </summary>
    private const long Line = 16;

    private readonly Communicator _communicator;
    private readonly int _ranks;
    private readonly long[] _bytes;

    /// <param name="communicator">The ranks; each has a slice.</param>
    /// <param name="shards">The number of terms of each sum; 0 for one per rank.</param>
    /// <param name="dtype">The type of the elements.</param>
    /// <param name="counts">The number of elements of each tensor.</param>
    public BucketLayout(Communicator communicator, int shards, DType dtype, IEnumerable<long> counts)
    {
        int ranks = communicator.Size;
        (_communicator, _ranks, Shards) = (communicator, ranks, shards);
        _bytes = [.. counts.Select(count => count * dtype.Size())];
        MaxNodes = shards > 0 ? ShardTree.MaxNodes(ranks, shards) : 1;
        Elements = _bytes.Sum() / dtype.Size();
        long part = (Elements + ranks - 1) / ranks;
        SliceBytes = Math.Max((part + Line - 1) / Line * Line, Line) * dtype.Size();
    }

    /// <summary>Gets the number of terms of each sum; 0 for one per rank.</summary>
    public int Shards { get; }

    /// <summary>Gets the number of nodes of the tree that this rank computes.</summary>
    public int OwnNodes => Shards > 0 ? ShardTree.Nodes(_communicator.Rank, _ranks, Shards).Count : 1;

    /// <summary>Gets the bytes that a rank sends to each rank for its sum.</summary>
    public long RankBytes => MaxNodes * SliceBytes;

    /// <summary>Gets the bytes of a bucket: sent ones and, for a tree over several ranks, received ones.</summary>
    public long Bytes => _ranks * RankBytes * (Shards > 0 && _ranks > 1 ? 2 : 1);

    /// <summary>Gets the offset of the sum in the bucket.</summary>
    public long SumOffset => Shards > 0 && _ranks == 1 ? ReceivedNodes()[0].Offset : 0;

    /// <summary>Gets the bytes that a rank sends.</summary>
    public long BytesSent => (MaxNodes + 1) * _ranks * SliceBytes * (_ranks - 1) / _ranks;

    /// <summary>Gets the number of elements of all tensors.</summary>
    public long Elements { get; }

    /// <summary>Gets the bytes of a slice.</summary>
    public long SliceBytes { get; }

    /// <summary>Gets the maximum number of nodes of the tree that a rank computes.</summary>
    public int MaxNodes { get; }

    /// <summary>
    /// Describes one piece of the bucket: a part of a tensor, or the zeros that fill the last slices.
    /// </summary>
    /// <param name="Tensor">The index of its tensor; null for zeros.</param>
    /// <param name="From">Where in the tensor the piece begins.</param>
    /// <param name="Offset">Where in the bucket it lies.</param>
    /// <param name="Bytes">Its length.</param>
    public readonly record struct Piece(int? Tensor, long From, long Offset, long Bytes);

    /// <summary>Returns all pieces of the bucket, for slices that begin this distance apart.</summary>
    public IEnumerable<Piece> Pieces(long distance)
    {
        long at = 0, end = _ranks * SliceBytes;
        for (int i = 0; i <= _bytes.Length; i++)
        {
            long bytes = i < _bytes.Length ? _bytes[i] : end - at;
            for (long done = 0; done < bytes;)
            {
                long offset = at % SliceBytes, length = Math.Min(SliceBytes - offset, bytes - done);
                yield return new Piece(
                    i < _bytes.Length ? i : null, done, (at / SliceBytes * distance) + offset, length);
                (done, at) = (done + length, at + length);
            }
        }
    }

    /// <summary>
    /// Returns the nodes that all ranks bring, in order, and the offset of this rank's slice of each in what it
    /// receives.
    /// </summary>
    public IReadOnlyList<(ShardTree.Node Node, long Offset)> ReceivedNodes() =>
        Shards == 0 ? [] : [.. Enumerable.Range(0, _ranks)
            .SelectMany(rank => ShardTree.Nodes(rank, _ranks, Shards).Select((node, i) =>
                (node, ((rank * MaxNodes) + i) * SliceBytes)))];
}
