using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Engine.IO;

namespace Engine.Data.Pictures;

/// <summary>
/// Checks a PNG file (ISO 15948) before anything is allocated for it: its chunks must be whole with correct checksums,
/// and the first one, the header, must describe a readable picture. The decoder does not check this.
/// </summary>
internal static class PngChunks
{
    private const int LengthBytes = 4, NameBytes = 4, SumBytes = 4, HeaderBytes = 13;
    private const int WithPalette = 3;

    /// <summary>The bit depths of each color type.</summary>
    private static readonly Dictionary<int, int[]> s_depths = new()
    {
        [0] = [1, 2, 4, 8, 16],
        [2] = [8, 16],
        [WithPalette] = [1, 2, 4, 8],
        [4] = [8, 16],
        [6] = [8, 16],
    };

    /// <summary>Gets the signature of every file.</summary>
    public static ReadOnlySpan<byte> Mark => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Checks a file that begins with the signature.</summary>
    /// <returns>The sides in its header.</returns>
    /// <exception cref="EndOfStreamException">It ends before the picture does.</exception>
    /// <exception cref="InvalidDataException">A checksum is wrong, or the header does not describe a readable
    /// picture.</exception>
    public static (uint Width, uint Height) Check(ReadOnlySpan<byte> png)
    {
        (uint Width, uint Height) sides = (0, 0);
        long bytes = 0;
        using var packed = new MemoryStream();
        bool hasPalette = false, hasPixels = false, needsPalette = false;
        for (ReadOnlySpan<byte> rest = png[Mark.Length..]; ;)
        {
            ReadOnlySpan<byte> chunk = Next(ref rest);
            string name = Encoding.ASCII.GetString(chunk[..NameBytes]);
            ReadOnlySpan<byte> data = chunk[NameBytes..];
            if (sides == (0, 0))
            {
                sides = name == "IHDR"
                    ? Sides(data)
                    : throw new InvalidDataException("it does not begin with a header");
                needsPalette = data[9] == WithPalette;
                bytes = PixelBytes(sides, data[8], data[9]);
            }

            hasPalette |= name == "PLTE";
            hasPixels |= name == "IDAT";
            if (name == "IDAT")
            {
                packed.Write(data);
            }

            if (name == "IDAT" && needsPalette && !hasPalette)
            {
                throw new InvalidDataException("its pixels are numbers of colors, and it has no palette (PLTE)");
            }

            if (name == "IEND")
            {
                RequireAtMost(bytes, packed);
                return hasPixels ? sides : throw new InvalidDataException("it has no pixels (IDAT)");
            }
        }
    }

    /// <summary>Returns a bound of the unpacked bytes: interlaced pictures have more rows, each with a byte for its filter.</summary>
    private static long PixelBytes((uint Width, uint Height) sides, int depth, int color)
    {
        int samples = color switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        Int128 row = 1 + ((((Int128)sides.Width * samples * depth) + 7) / 8);
        return (long)Int128.Min(long.MaxValue, (2 * row * sides.Height) + (64 << 10));
    }

    /// <summary>Unpacks the pixels piece by piece: the decoder takes memory for all that a file has, whatever its header says.</summary>
    private static void RequireAtMost(long bytes, MemoryStream packed)
    {
        packed.Position = 0;
        using var pixels = new ZLibStream(packed, CompressionMode.Decompress);
        byte[] piece = new byte[16 << 10];
        try
        {
            for (int read; (read = pixels.Read(piece)) > 0;)
            {
                bytes -= read;
                if (bytes < 0)
                {
                    throw new InvalidDataException("its pixels take more bytes than its header says");
                }
            }
        }
        catch (InvalidDataException) when (bytes >= 0)
        {
            // The decoder says what is wrong with them.
        }
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

    private static (uint Width, uint Height) Sides(ReadOnlySpan<byte> header)
    {
        if (header.Length != HeaderBytes)
        {
            throw new InvalidDataException($"its header has {header.Length} bytes, not {HeaderBytes}");
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(header);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue)
        {
            throw new InvalidDataException($"it has {width}x{height} pixels");
        }

        (int depth, int color) = (header[8], header[9]);
        if (!s_depths.TryGetValue(color, out int[]? depths) || !depths.Contains(depth))
        {
            throw new InvalidDataException($"PNG has no {depth} bits of color type {color}");
        }

        return header is [.., 0, 0, 0 or 1] ? (width, height) : throw new InvalidDataException(
            "it is compressed, filtered or interlaced in a way that PNG does not have");
    }
}
