using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>A block of a GPU's memory.</summary>
internal sealed unsafe class CudaStorage(CudaDevice device, MemoryHandle memory, long bytes) : Storage
{
    public override long Bytes => bytes;

    public override object Device => device;

    public ulong Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(memory.IsClosed, this);
            return memory.Address;
        }
    }

    public override void Write(ReadOnlySpan<byte> source, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + source.Length, Bytes);
        if (source.Length == 0)
        {
            return;
        }

        fixed (byte* start = source)
        {
            byte* from = start;
            nuint length = (nuint)source.Length;
            ulong to = Address + (ulong)offset;
            device.Do(stream => Driver.Check(DriverApi.cuMemcpyHtoDAsync_v2(to, from, length, stream)));
        }
    }

    public override void Read(Span<byte> destination, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, Bytes);
        if (destination.Length == 0)
        {
            return;
        }

        fixed (byte* start = destination)
        {
            byte* to = start;
            nuint length = (nuint)destination.Length;
            ulong from = Address + (ulong)offset;
            device.Do(stream => Driver.Check(DriverApi.cuMemcpyDtoHAsync_v2(to, from, length, stream)));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            memory.Dispose();
        }
    }
}
