namespace Engine;

/// <summary>Represents a block of memory on a device, with copies to and from the host.</summary>
public abstract class Storage : IDisposable
{
    /// <summary>Gets its size in bytes.</summary>
    public abstract long Bytes { get; }

    /// <summary>Gets the device of the memory.</summary>
    public abstract object Device { get; }

    /// <summary>Copies bytes from the host to the offset <paramref name="offset"/>.</summary>
    public abstract void Write(ReadOnlySpan<byte> source, long offset = 0);

    /// <summary>Copies bytes from the offset <paramref name="offset"/> to the host.</summary>
    public abstract void Read(Span<byte> destination, long offset = 0);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Returns the error for a use after the memory was freed.</summary>
    private protected ObjectDisposedException Freed() => new(
        nameof(Storage),
        $"This memory, {Bytes} bytes on {Device}, was freed: dispose of it when nothing uses it any more.");

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
