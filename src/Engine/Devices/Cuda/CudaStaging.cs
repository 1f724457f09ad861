using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Copies between the host's arrays and the GPU through two pinned buffers: while the GPU copies one, the host fills or
/// empties the other. The caller holds the device.
/// </summary>
internal sealed unsafe class CudaStaging(StreamHandle stream) : IDisposable
{
    /// <summary>Large enough that a copy takes much longer than its start, and small enough for a cache.</summary>
    public const int PieceBytes = 4 << 20;

    private PinnedHandle? _memory;
    private EventHandle[] _copied = [];
    private int _next;

    /// <summary>Copies to the GPU; returns as soon as <paramref name="from"/> is no longer needed.</summary>
    public void Upload(ReadOnlySpan<byte> from, ulong to)
    {
        for (int done = 0; done < from.Length; done += PieceBytes)
        {
            Span<byte> piece = Take(Math.Min(PieceBytes, from.Length - done), out EventHandle copied);
            from.Slice(done, piece.Length).CopyTo(piece);
            Driver.Check(
                DriverApi.cuMemcpyHtoDAsync_v2(to + (ulong)done, Start(piece), (nuint)piece.Length, stream.Value),
                nameof(DriverApi.cuMemcpyHtoDAsync_v2));
            copied.Record(stream.Value);
        }
    }

    /// <summary>Copies from the GPU and waits for the end.</summary>
    public void Download(ulong from, Span<byte> to)
    {
        Span<byte> former = default;
        EventHandle? formerCopied = null;
        Span<byte> rest = to;
        for (int done = 0; done < to.Length; done += PieceBytes)
        {
            Span<byte> piece = Take(Math.Min(PieceBytes, to.Length - done), out EventHandle copied);
            Driver.Check(
                DriverApi.cuMemcpyDtoHAsync_v2(Start(piece), from + (ulong)done, (nuint)piece.Length, stream.Value),
                nameof(DriverApi.cuMemcpyDtoHAsync_v2));
            copied.Record(stream.Value);
            Empty(former, formerCopied, ref rest);
            former = piece;
            formerCopied = copied;
        }

        Empty(former, formerCopied, ref rest);
    }

    public void Dispose()
    {
        Array.ForEach(_copied, copied => copied.Dispose());
        _memory?.Dispose();
    }

    private static void Empty(ReadOnlySpan<byte> piece, EventHandle? copied, ref Span<byte> to)
    {
        copied?.Wait();
        piece.CopyTo(to);
        to = to[piece.Length..];
    }

    private static void* Start(Span<byte> pinned) =>
        Unsafe.AsPointer(ref MemoryMarshal.GetReference(pinned));

    /// <summary>Returns the next buffer, after its last copy is done.</summary>
    private Span<byte> Take(int bytes, out EventHandle copied)
    {
        if (_memory is null)
        {
            _copied = [new EventHandle(stream.Context), new EventHandle(stream.Context)];
            _memory = new PinnedHandle(stream.Context, _copied.Length * PieceBytes);
        }

        int piece = _next;
        _next = (_next + 1) % _copied.Length;
        copied = _copied[piece];
        copied.Wait();
        return _memory.Memory.Slice(piece * PieceBytes, bytes);
    }
}
