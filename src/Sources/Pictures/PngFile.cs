using System.Buffers.Binary;
using System.Text;
using Engine.IO;

namespace Engine.Data.Pictures;

/// <summary>
/// A PNG file (ISO 15948) that is whole: its chunks have correct checksums, and its header describes a readable
/// picture.
/// </summary>
internal sealed class PngFile
{
    private const int LengthBytes = 4, NameBytes = 4, SumBytes = 4, HeaderBytes = 13, ColorBytes = 3;
    private const int Gray = 0, Color = 2, WithPalette = 3;

    /// <summary>The bit depths of each color type.</summary>
    private static readonly Dictionary<int, int[]> s_depths = new()
    {
        [Gray] = [1, 2, 4, 8, 16],
        [Color] = [8, 16],
        [WithPalette] = [1, 2, 4, 8],
        [4] = [8, 16],
        [6] = [8, 16],
    };

    private readonly byte[] _bytes;
    private byte[] _palette = [], _transparency = [];
    private bool _isPalette;

    private PngFile(byte[] bytes) => _bytes = bytes;

    /// <summary>Gets the signature of every file.</summary>
    public static ReadOnlySpan<byte> Mark => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Gets the sides in pixels.</summary>
    public long Width { get; private set; }

    public long Height { get; private set; }

    /// <summary>Gets the bits of a sample.</summary>
    public int Depth { get; private set; }

    /// <summary>Gets the number of samples of a pixel.</summary>
    public int Samples { get; private set; }

    /// <summary>Gets whether the pixels are in seven passes.</summary>
    public bool IsInterlaced { get; private set; }

    /// <summary>Gets the orientation of a camera.</summary>
    public Orientation Orientation { get; private set; }

    /// <summary>Gets the packed pixels.</summary>
    public Stream Packed => new PngPixels(_bytes, Mark.Length);

    /// <summary>Reads a file that begins with the signature, all but the pixels.</summary>
    /// <exception cref="EndOfStreamException">It ends before the picture does.</exception>
    /// <exception cref="InvalidDataException">A checksum is wrong, or the header does not describe a readable
    /// picture.</exception>
    public static PngFile Read(byte[] bytes)
    {
        var file = new PngFile(bytes);
        bool hasPixels = false;
        int color = -1;
        for (ReadOnlySpan<byte> rest = bytes.AsSpan(Mark.Length); ;)
        {
            ReadOnlySpan<byte> chunk = Next(ref rest);
            string name = Encoding.ASCII.GetString(chunk[..NameBytes]);
            ReadOnlySpan<byte> data = chunk[NameBytes..];
            if (color < 0)
            {
                color = name == "IHDR"
                    ? file.ReadHeader(data)
                    : throw new InvalidDataException("it does not begin with a header");
                continue;
            }

            switch (name)
            {
                case "PLTE":
                    file._palette = data.Length % ColorBytes == 0 && data.Length is > 0 and <= 256 * ColorBytes
                        ? data.ToArray() : throw new InvalidDataException($"its palette has {data.Length} bytes");
                    break;
                case "tRNS":
                    file._transparency = data.ToArray();
                    break;
                case "eXIf":
                    file.Orientation = Orientation.OfExif(data);
                    break;
                case "IDAT":
                    hasPixels = true;
                    break;
                case "IEND":
                    file.Require(color);
                    return hasPixels ? file : throw new InvalidDataException("it has no pixels (IDAT)");
            }
        }
    }

    /// <summary>Converts a row of samples to red, green, blue and opacity, eight bits each.</summary>
    /// <param name="row">The row, without its filter's byte.</param>
    /// <param name="pixels">Receives the pixels.</param>
    /// <exception cref="InvalidDataException">A pixel has a color that the palette does not have.</exception>
    public void ToColors(ReadOnlySpan<byte> row, Span<byte> pixels)
    {
        bool hasColor = Samples >= ColorBytes, hasOpacity = Samples is 2 or 4;
        int step = Depth == 16 ? 2 : 1;
        for (int x = 0; x < pixels.Length / 4; x++)
        {
            Span<byte> pixel = pixels.Slice(4 * x, 4);
            if (Depth < 8)
            {
                int bit = x * Depth, max = (1 << Depth) - 1;
                Put((row[bit >> 3] >> (8 - Depth - (bit & 7))) & max, pixel, 255 / max);
                continue;
            }

            ReadOnlySpan<byte> sample = row.Slice(x * Samples * step, Samples * step);
            if (_isPalette)
            {
                Put(sample[0], pixel, scale: 1);
                continue;
            }

            // Of 16 bits, the upper eight are kept.
            pixel[0] = sample[0];
            pixel[1] = sample[hasColor ? step : 0];
            pixel[2] = sample[hasColor ? 2 * step : 0];
            pixel[3] = hasOpacity
                ? sample[(Samples - 1) * step]
                : IsTransparent(sample, step) ? (byte)0 : byte.MaxValue;
        }
    }

    private void Put(int value, Span<byte> pixel, int scale)
    {
        if (!_isPalette)
        {
            pixel[..ColorBytes].Fill((byte)(value * scale));
            pixel[ColorBytes] = _transparency.Length > 0 && BinaryPrimitives.ReadUInt16BigEndian(_transparency) == value
                ? (byte)0
                : byte.MaxValue;
            return;
        }

        if ((value + 1) * ColorBytes > _palette.Length)
        {
            throw new InvalidDataException(
                $"a pixel has the color {value}, and its palette has {_palette.Length / ColorBytes}");
        }

        _palette.AsSpan(value * ColorBytes, ColorBytes).CopyTo(pixel);
        pixel[ColorBytes] = value < _transparency.Length ? _transparency[value] : byte.MaxValue;
    }

    /// <summary>Returns whether a pixel has the color that stands for transparent.</summary>
    private bool IsTransparent(ReadOnlySpan<byte> sample, int step)
    {
        for (int i = 0; i < _transparency.Length; i += 2)
        {
            int value = step == 1 ? sample[i / 2] : BinaryPrimitives.ReadUInt16BigEndian(sample[i..]);
            if (value != BinaryPrimitives.ReadUInt16BigEndian(_transparency.AsSpan(i)))
            {
                return false;
            }
        }

        return _transparency.Length > 0;
    }

    private void Require(int color)
    {
        int max =
            color switch { Gray => 2, Color => 2 * ColorBytes, WithPalette => _palette.Length / ColorBytes, _ => 0 };
        bool isRight = _transparency.Length == 0
            || (color == WithPalette ? _transparency.Length <= max : _transparency.Length == max || max == 0);
        if (color == WithPalette && _palette.Length == 0)
        {
            throw new InvalidDataException("its pixels are numbers of colors, and it has no palette (PLTE)");
        }

        _transparency = isRight && max > 0 ? _transparency
            : isRight
            ? []
            : throw new InvalidDataException($"its transparency (tRNS) has {_transparency.Length} bytes");
    }

    private int ReadHeader(ReadOnlySpan<byte> header)
    {
        if (header.Length != HeaderBytes)
        {
            throw new InvalidDataException($"its header has {header.Length} bytes, not {HeaderBytes}");
        }

        (Width, Height) =
            (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
        if (Width is 0 or > int.MaxValue || Height is 0 or > int.MaxValue)
        {
            throw new InvalidDataException($"it has {Width}x{Height} pixels");
        }

        (Depth, int color, IsInterlaced) = (header[8], header[9], header[12] == 1);
        if (!s_depths.TryGetValue(color, out int[]? depths) || !depths.Contains(Depth))
        {
            throw new InvalidDataException($"PNG has no {Depth} bits of color type {color}");
        }

        (Samples, _isPalette) = (color switch { Color => 3, 4 => 2, 6 => 4, _ => 1 }, color == WithPalette);
        return header is [.., 0, 0, 0 or 1] ? color : throw new InvalidDataException(
            "it is compressed, filtered or interlaced in a way that PNG does not have");
    }

    /// <summary>Returns the next chunk's name and data.</summary>
    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest)
    {
        const int Around = LengthBytes + NameBytes + SumBytes;
        long length = rest.Length < Around ? 0 : BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length + Around > rest.Length)
        {
            throw new EndOfStreamException();
        }

        ReadOnlySpan<byte> chunk = rest.Slice(LengthBytes, NameBytes + (int)length);
        rest = rest[(LengthBytes + chunk.Length)..];
        if (BinaryPrimitives.ReadUInt32BigEndian(rest) != Crc32.Of(chunk))
        {
            string name = Encoding.ASCII.GetString(chunk[..NameBytes]);
            throw new InvalidDataException(name.All(char.IsAsciiLetter)
                ? $"the check sum of its part {name} is another"
                : "a check sum is another");
        }

        rest = rest[SumBytes..];
        return chunk;
    }
}
