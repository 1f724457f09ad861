namespace Engine.Data.Pictures;

/// <summary>
/// Limits the memory of pictures that are decoded as a whole by several threads: a thread waits until the others leave
/// enough of it.
/// </summary>
/// <param name="bytes">The limit. A single picture may take more.</param>
internal sealed class MemoryBudget(long bytes)
{
    private readonly object _lock = new();

    /// <summary>Gets the bytes that are taken.</summary>
    public long Taken { get; private set; }

    /// <summary>Waits until the needed bytes are free, takes them and decodes a picture.</summary>
    public T With<T>(long needed, Func<T> decode)
    {
        lock (_lock)
        {
            while (Taken > 0 && Taken + needed > bytes)
            {
                Monitor.Wait(_lock);
            }

            Taken += needed;
        }

        try
        {
            return decode();
        }
        finally
        {
            lock (_lock)
            {
                Taken -= needed;
                Monitor.PulseAll(_lock);
            }
        }
    }
}
