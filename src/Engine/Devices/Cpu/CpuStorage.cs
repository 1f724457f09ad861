using System.Runtime.InteropServices;
using Engine.Interop;

namespace Engine.Devices.Cpu;

/// <summary>
/// Host memory: either its own, aligned to a cache line and with room for a vector past its end, or that of a tensor,
/// read in place.
/// </summary>
internal sealed unsafe class CpuStorage : Storage
{
    private const nuint Alignment = 64;


    private readonly GCHandle _pin;
    private byte* _memory;

    public CpuStorage(CpuDevice device, long bytes)
    {
        Device = device;
        Bytes = bytes;
        bool isLarge = bytes >= LargePages.Min;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Alignment, isLarge ? LargePages.Bytes : Alignment);
        if (isLarge)
        {
            LargePages.Advise(_memory, (nuint)bytes);
        }

        GC.AddMemoryPressure(bytes + (long)Alignment);
    }

    public CpuStorage(CpuDevice device, Tensor tensor)
    {
        Device = device;
        Bytes = tensor.ByteCount;
        _pin = tensor.Pin();
        _memory = (byte*)_pin.AddrOfPinnedObject();
    }

    ~CpuStorage() => Dispose(false);

    public override long Bytes { get; }

    public override object Device { get; }

    public static byte* Pointer(MemoryRange range) => ((CpuStorage)range.Storage).Memory + range.Offset;

    public override void Write(ReadOnlySpan<byte> source, long offset = 0)
    {
        if (_pin.IsAllocated)
        {
            throw new InvalidOperationException("What was borrowed from a tensor is not to be written.");
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + source.Length, Bytes);
        source.CopyTo(new Span<byte>(Memory + offset, source.Length));
    }

    public override void Read(Span<byte> destination, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, Bytes);
        new ReadOnlySpan<byte>(Memory + offset, destination.Length).CopyTo(destination);
    }

    private byte* Memory => _memory is not null ? _memory : throw Freed();

    protected override void Dispose(bool disposing)
    {
        if (_memory is null)
        {
            return;
        }

        if (_pin.IsAllocated)
        {
            _pin.Free();
        }
        else
        {
            NativeMemory.AlignedFree(_memory);
            GC.RemoveMemoryPressure(Bytes + (long)Alignment);
        }

        _memory = null;
    }
}
