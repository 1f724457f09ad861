namespace Engine;

/// <summary>Represents a block of memory on some device, with copies to and from the host.</summary>
public abstract class Storage : IDisposable
{
    /// <summary>Gets its size in bytes.</summary>
    public abstract long Bytes { get; }

    /// <summary>Gets the device it lies on.</summary>
    public abstract object Device { get; }

    /// <summary>Copies bytes from the host to <paramref name="offset"/> on.</summary>
    public abstract void Write(ReadOnlySpan<byte> source, long offset = 0);

    /// <summary>Copies bytes from <paramref name="offset"/> on to the host.</summary>
    public abstract void Read(Span<byte> destination, long offset = 0);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>What tells of a use after the memory was freed.</summary>
    private protected ObjectDisposedException Freed() => new(
        nameof(Storage),
        $"This memory, {Bytes} bytes on {Device}, was freed: dispose of it when nothing uses it any more.");

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
