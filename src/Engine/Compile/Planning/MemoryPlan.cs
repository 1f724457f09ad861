namespace Engine.Compile;

/// <summary>A buffer's size and the steps between which its contents matter, both inclusive.</summary>
internal readonly record struct Lifetime(long Bytes, int First, int Last);

/// <summary>Places buffers in one arena so that no two that are alive at the same step overlap.</summary>
internal sealed class MemoryPlan
{
    /// <summary>
    /// Represents where buffers may start: on a cache line, which is also more than any vector load wants.
    /// </summary>
    public const long Alignment = 64;

    /// <summary>With so many buffers the largest are still put first, in a few milliseconds.</summary>
    private const int MaxBySize = 1000;

    private MemoryPlan(long[] offsets, long arenaBytes, long lowerBound, long bytesWithoutReuse)
    {
        Offsets = offsets;
        ArenaBytes = arenaBytes;
        LowerBound = lowerBound;
        BytesWithoutReuse = bytesWithoutReuse;
    }

    /// <summary>Gets where each buffer begins.</summary>
    public IReadOnlyList<long> Offsets { get; }

    /// <summary>Gets the size of the arena.</summary>
    public long ArenaBytes { get; }

    /// <summary>Gets the most bytes alive at one step: no placement can do with less.</summary>
    public long LowerBound { get; }

    /// <summary>Gets what the buffers would take without sharing.</summary>
    public long BytesWithoutReuse { get; }

    /// <summary>
    /// Returns places buffers in two ways and keeps the smaller arena: in the order of time, and, unless they are many,
    /// the largest first.
    /// </summary>
    public static MemoryPlan Layout(IReadOnlyList<Lifetime> buffers)
    {
        (long[] Offsets, long Bytes) best = InOrder(buffers);
        if (buffers.Count <= MaxBySize && BySize(buffers) is var bySize && bySize.Bytes <= best.Bytes)
        {
            best = bySize;
        }

        long bytesWithoutReuse = buffers.Sum(buffer => Align(buffer.Bytes));
        return new MemoryPlan(best.Offsets, best.Bytes, MaxAlive(buffers), bytesWithoutReuse);
    }

    /// <summary>
    /// In the order of time, those that begin together by size, each in the smallest free range that takes it: n log n.
    /// </summary>
    private static (long[] Offsets, long Bytes) InOrder(IReadOnlyList<Lifetime> buffers)
    {
        var offsets = new long[buffers.Count];
        var free = new FreeRanges();
        var ending = new PriorityQueue<int, int>();
        IEnumerable<int> order = Enumerable.Range(0, buffers.Count)
            .OrderBy(i => buffers[i].First).ThenByDescending(i => buffers[i].Bytes).ThenBy(i => i);
        foreach (int index in order)
        {
            while (ending.TryPeek(out int ended, out int last) && last < buffers[index].First)
            {
                free.Give(offsets[ended], Align(buffers[ended].Bytes));
                ending.Dequeue();
            }

            offsets[index] = free.Take(Align(buffers[index].Bytes));
            ending.Enqueue(index, buffers[index].Last);
        }

        return (offsets, free.End);
    }

    /// <summary>
    /// The largest first, each in the smallest gap that its neighbors in time leave it (greedy by size, Pisarchyk and Lee,
    /// arXiv:2001.03288): within some percent of the lower bound, but n² of those that are alive at once.
    /// </summary>
    private static (long[] Offsets, long Bytes) BySize(IReadOnlyList<Lifetime> buffers)
    {
        var offsets = new long[buffers.Count];
        var placed = new List<int>(buffers.Count);
        long arena = 0;
        IEnumerable<int> indices = Enumerable.Range(0, buffers.Count);
        foreach (int index in indices.OrderByDescending(i => buffers[i].Bytes).ThenBy(i => i))
        {
            Lifetime buffer = buffers[index];
            offsets[index] = BestGap(Align(buffer.Bytes), placed
                .Where(other => buffers[other].First <= buffer.Last && buffer.First <= buffers[other].Last)
                .Select(other => (Start: offsets[other], End: offsets[other] + Align(buffers[other].Bytes)))
                .OrderBy(range => range.Start));
            arena = Math.Max(arena, offsets[index] + Align(buffer.Bytes));
            placed.Add(index);
        }

        return (offsets, arena);
    }

    private static long BestGap(long bytes, IEnumerable<(long Start, long End)> taken)
    {
        long end = 0, best = -1, bestSize = long.MaxValue;
        foreach ((long start, long next) in taken)
        {
            long gap = start - end;
            if (gap >= bytes && gap < bestSize)
            {
                (best, bestSize) = (end, gap);
            }

            end = Math.Max(end, next);
        }

        return best >= 0 ? best : end;
    }

    private static long MaxAlive(IReadOnlyList<Lifetime> buffers)
    {
        var changes = new SortedDictionary<int, long>();
        foreach (Lifetime buffer in buffers)
        {
            changes[buffer.First] = changes.GetValueOrDefault(buffer.First) + Align(buffer.Bytes);
            changes[buffer.Last + 1] = changes.GetValueOrDefault(buffer.Last + 1) - Align(buffer.Bytes);
        }

        long alive = 0, most = 0;
        foreach (long change in changes.Values)
        {
            alive += change;
            most = Math.Max(most, alive);
        }

        return most;
    }

    private static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
