namespace Engine.Compile;

/// <summary>The free ranges of an arena, which grows if no free range is large enough.</summary>
internal sealed class FreeRanges
{
    private readonly SortedSet<(long Bytes, long Start)> _bySize = [];
    private readonly Dictionary<long, long> _byStart = [];
    private readonly Dictionary<long, long> _byEnd = [];

    /// <summary>Gets the size of the arena.</summary>
    public long End { get; private set; }

    /// <summary>Takes the smallest range that is large enough and returns where it begins.</summary>
    public long Take(long bytes)
    {
        if (bytes == 0)
        {
            return 0;
        }

        (long size, long start) = _bySize.GetViewBetween((bytes, 0), (long.MaxValue, 0)).Min;
        if (size == 0)
        {
            start = _byEnd.GetValueOrDefault(End, End);
            size = End - start;
            End = start + bytes;
        }

        if (size > 0)
        {
            Remove(start, size);
        }

        if (size > bytes)
        {
            Add(start + bytes, size - bytes);
        }

        return start;
    }

    /// <summary>Frees a range and merges it with its free neighbors.</summary>
    public void Give(long start, long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        if (_byEnd.TryGetValue(start, out long before))
        {
            Remove(before, start - before);
            bytes += start - before;
            start = before;
        }

        if (_byStart.TryGetValue(start + bytes, out long behind))
        {
            Remove(start + bytes, behind);
            bytes += behind;
        }

        Add(start, bytes);
    }

    private void Add(long start, long bytes)
    {
        _bySize.Add((bytes, start));
        _byStart.Add(start, bytes);
        _byEnd.Add(start + bytes, start);
    }

    private void Remove(long start, long bytes)
    {
        _bySize.Remove((bytes, start));
        _byStart.Remove(start);
        _byEnd.Remove(start + bytes);
    }
}
