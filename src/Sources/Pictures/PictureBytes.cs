namespace Engine.Data.Pictures;

/// <summary>
/// The bytes of a picture's file for the decoder: reading or seeking beyond the end, or seeking back, throws an
/// exception. The decoder itself would replace missing bytes by zeros, or search endlessly in a truncated file.
/// </summary>
internal sealed class PictureBytes(byte[] bytes) : Stream
{
    private int _at;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => bytes.Length;

    public override long Position
    {
        get => _at;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override int ReadByte() => _at < bytes.Length ? bytes[_at++] : throw new EndOfStreamException();

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (buffer.Length > bytes.Length - _at)
        {
            throw new EndOfStreamException();
        }

        bytes.AsSpan(_at, buffer.Length).CopyTo(buffer);
        _at += buffer.Length;
        return buffer.Length;
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        bool isStep = origin == SeekOrigin.Current;
        long to = isStep ? _at + offset : offset;
        return (isStep && offset < 0) || to < 0 || to > bytes.Length ? throw new EndOfStreamException() : _at = (int)to;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
