namespace Engine.Compile;

/// <summary>A buffer's size, and the first and last step in which its contents are live.</summary>
internal readonly record struct Lifetime(long Bytes, int First, int Last);

/// <summary>Places buffers in one arena so that buffers that are live at the same step do not overlap.</summary>
internal sealed class MemoryPlan
{
    /// <summary>The alignment of buffers: a cache line, which also satisfies every vector load.</summary>
    public const long Alignment = 64;

    /// <summary>The most buffers for which the largest-first order is tried; it takes a few milliseconds.</summary>
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

    /// <summary>Gets the most bytes that are live at one step; no placement needs less.</summary>
    public long LowerBound { get; }

    /// <summary>Gets the bytes of all buffers without sharing.</summary>
    public long BytesWithoutReuse { get; }

    /// <summary>
    /// Places buffers in two ways and keeps the smaller arena: in the order of time and, unless there are too many, the
    /// largest first.
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
    /// Places buffers in the order of time, those with the same start by size, each in the smallest free range that is
    /// large enough: n log n.
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
    /// Places the largest first, each in the smallest gap between the buffers that are live at the same time (greedy by
    /// size, Pisarchyk and Lee, arXiv:2001.03288). It is within a few percent of the lower bound, but takes n² for the
    /// n buffers that are live at once.
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

        long alive = 0, peak = 0;
        foreach (long change in changes.Values)
        {
            alive += change;
            peak = Math.Max(peak, alive);
        }

        return peak;
    }

    private static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
