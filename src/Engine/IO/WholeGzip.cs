using System.IO.Compression;

namespace Engine.IO;

/// <summary>
/// Decompresses gzip and detects truncation: .NET's own stream treats a truncated file as complete. This one appends
/// another compressed member, a mark, to the file; it is decompressed correctly only if everything before it is
/// complete.
/// </summary>
internal sealed class WholeGzip : ReadOnceStream
{
    private readonly GZipStream _inner;
    private readonly byte[] _held = new byte[(1 << 16) + Mark.Length];
    private int _start, _end;
    private bool _hasEnded;

    /// <param name="packed">The compressed bytes, from the stream's position on; disposed of with this stream.</param>
    public WholeGzip(Stream packed) => _inner = new GZipStream(new Marked(packed), CompressionMode.Decompress);

    private static ReadOnlySpan<byte> Mark => "mark of the end."u8;

    /// <summary>Reads some bytes; 0 at the end.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or truncated.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (_end - _start <= (_hasEnded ? 0 : Mark.Length))
        {
            if (_hasEnded || buffer.IsEmpty)
            {
                return 0;
            }

            _held.AsSpan(_start, _end - _start).CopyTo(_held);
            (_start, _end) = (0, _end - _start);
            int read = _inner.Read(_held.AsSpan(_end));
            if (read == 0)
            {
                if (!_held.AsSpan(0, _end).EndsWith(Mark))
                {
                    throw new InvalidDataException("It is cut off.");
                }

                (_hasEnded, _end) = (true, _end - Mark.Length);
            }

            _end += read;
        }

        int count = Math.Min(buffer.Length, _end - _start - (_hasEnded ? 0 : Mark.Length));
        _held.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>A stream's bytes followed by the compressed mark.</summary>
    private sealed class Marked(Stream first) : ReadOnceStream
    {
        private readonly MemoryStream _mark = Packed();
        private bool _isFirstOver;

        public override int Read(Span<byte> buffer)
        {
            int read = _isFirstOver ? 0 : first.Read(buffer);
            _isFirstOver |= read == 0 && buffer.Length > 0;
            return _isFirstOver ? _mark.Read(buffer) : read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                first.Dispose();
            }

            base.Dispose(disposing);
        }

        private static MemoryStream Packed()
        {
            var packed = new MemoryStream();
            using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            {
                zip.Write(Mark);
            }

            packed.Position = 0;
            return packed;
        }
    }
}
