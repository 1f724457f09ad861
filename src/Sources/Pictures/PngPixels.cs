using System.Buffers.Binary;

namespace Engine.Data.Pictures;

/// <summary>The data of a PNG file's chunks of pixels (IDAT), one after the other, without a copy of them.</summary>
/// <param name="bytes">The file, whose chunks are known to be whole.</param>
/// <param name="at">Where its first chunk begins.</param>
internal sealed class PngPixels(byte[] bytes, int at) : Stream
{
    private const int Before = 8, After = 4;

    private int _at = at, _left;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

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

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
