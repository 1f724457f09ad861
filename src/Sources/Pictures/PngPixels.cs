using System.Buffers.Binary;
using Engine.IO;

namespace Engine.Data.Pictures;

/// <summary>The data of a PNG file's chunks of pixels (IDAT), one after the other, without a copy of them.</summary>
/// <param name="bytes">The file, whose chunks are known to be whole.</param>
/// <param name="at">Where its first chunk begins.</param>
internal sealed class PngPixels(byte[] bytes, int at) : ReadOnceStream
{
    private const int Before = 8, After = 4;

    private int _at = at, _left;

    public override int Read(Span<byte> buffer)
    {
        while (_left == 0)
        {
            ReadOnlySpan<byte> head = bytes.AsSpan(_at, Before);
            int length = BinaryPrimitives.ReadInt32BigEndian(head);
            if (head.EndsWith("IEND"u8))
            {
                return 0;
            }

            bool isPixels = head.EndsWith("IDAT"u8) && length > 0;
            _left = isPixels ? length : 0;
            _at += Before + (isPixels ? 0 : length + After);
        }

        int some = Math.Min(buffer.Length, _left);
        bytes.AsSpan(_at, some).CopyTo(buffer);
        (_at, _left) = (_at + some, _left - some);
        _at += _left == 0 ? After : 0;
        return some;
    }
}
