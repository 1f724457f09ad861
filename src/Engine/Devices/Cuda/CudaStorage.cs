using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>A block of a GPU's memory.</summary>
internal sealed class CudaStorage(CudaDevice device, MemoryHandle memory, long bytes) : Storage
{
    public override long Bytes => bytes;

    public override object Device => device;

    public ulong Address => memory.IsClosed ? throw Freed() : memory.Address;

    public override void Write(ReadOnlySpan<byte> source, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + source.Length, Bytes);
        device.Upload(source, Address + (ulong)offset);
    }

    public override void Read(Span<byte> destination, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, Bytes);
        device.Download(Address + (ulong)offset, destination);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            memory.Dispose();
        }
    }
}
