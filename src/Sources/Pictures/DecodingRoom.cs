namespace Engine.Data.Pictures;

/// <summary>
/// Shares out memory for pictures that are decoded as a whole: a thread waits until those of the others leave enough,
/// so that many large pictures at once take no more than this.
/// </summary>
/// <param name="bytes">The memory. A single picture may take more.</param>
internal sealed class DecodingRoom(long bytes)
{
    private readonly object _lock = new();

    /// <summary>Gets the bytes that are taken.</summary>
    public long Taken { get; private set; }

    /// <summary>Waits for room, and decodes in it.</summary>
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
