using Engine.Distributed;

namespace Engine.Ops;

/// <summary>
/// How the tensors of an <see cref="AllReduce"/> lie one behind the other in its bucket, which is cut into as many slices as
/// there are ranks. All offsets are in bytes.
/// </summary>
internal sealed class BucketLayout
{
    /// <summary>A slice consists of whole cache lines, so that vectors and threads do not meet in one.</summary>
    private const long Line = 16;

    private readonly int _ranks;
    private readonly long[] _bytes;

    /// <param name="ranks">How many slices there are.</param>
    /// <param name="shards">How many terms the sums have; 0 for one a rank.</param>
    /// <param name="dtype">What is summed.</param>
    /// <param name="counts">How many elements each tensor has.</param>
    public BucketLayout(int ranks, int shards, DType dtype, IEnumerable<long> counts)
    {
        _ranks = ranks;
        _bytes = [.. counts.Select(count => count * dtype.Size())];
        MaxNodes = shards > 0 ? ShardTree.MaxNodes(ranks, shards) : 1;
        Elements = _bytes.Sum() / dtype.Size();
        long part = (Elements + ranks - 1) / ranks;
        SliceBytes = Math.Max((part + Line - 1) / Line * Line, Line) * dtype.Size();
    }

    /// <summary>Gets how many elements there are in all.</summary>
    public long Elements { get; }

    /// <summary>Gets how long a slice is.</summary>
    public long SliceBytes { get; }

    /// <summary>Gets the most nodes of the tree that a rank brings.</summary>
    public int MaxNodes { get; }

    /// <summary>
    /// Describes what goes to one place in the bucket: a part of a tensor, or what fills the last slices up with zeros.
    /// </summary>
    /// <param name="Tensor">Which tensor it is of; null for zeros.</param>
    /// <param name="From">Where in the tensor it begins.</param>
    /// <param name="Place">Where in the bucket it lies.</param>
    /// <param name="Bytes">How long it is.</param>
    public readonly record struct Piece(int? Tensor, long From, long Place, long Bytes);

    /// <summary>Returns all that lies in the bucket, where slices begin such a distance apart.</summary>
    public IEnumerable<Piece> Pieces(long distance)
    {
        long at = 0, end = _ranks * SliceBytes;
        for (int i = 0; i <= _bytes.Length; i++)
        {
            long bytes = i < _bytes.Length ? _bytes[i] : end - at;
            for (long done = 0; done < bytes;)
            {
                long offset = at % SliceBytes, length = Math.Min(SliceBytes - offset, bytes - done);
                yield return new Piece(i < _bytes.Length ? i : null, done, (at / SliceBytes * distance) + offset, length);
                (done, at) = (done + length, at + length);
            }
        }
    }

    /// <summary>
    /// Creates the nodes that all ranks bring, in order, and where this rank's slice of each lies in what it receives.
    /// </summary>
    public IReadOnlyList<(ShardTree.Node Node, long Offset)> Places(int shards) => [.. Enumerable.Range(0, _ranks)
        .SelectMany(rank => ShardTree.Nodes(rank, _ranks, shards).Select((node, i) =>
            (node, ((rank * MaxNodes) + i) * SliceBytes)))];
}
