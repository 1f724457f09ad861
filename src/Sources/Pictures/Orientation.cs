using System.Buffers.Binary;

namespace Engine.Data.Pictures;

/// <summary>
/// The orientation of a camera, from a file's Exif data (tag 0x0112): how to turn rows and columns so that the picture
/// is upright.
/// </summary>
/// <param name="IsTransposed">Whether rows are columns.</param>
/// <param name="IsMirrored">Whether, after that, left is right.</param>
/// <param name="IsUpsideDown">Whether, after that, the first row is the last.</param>
internal readonly record struct Orientation(bool IsTransposed, bool IsMirrored, bool IsUpsideDown)
{
    private const int Tag = 0x0112, EntryLength = 12;

    private static ReadOnlySpan<byte> Name => "Exif\0\0"u8;

    /// <summary>Returns the orientation in a JPEG file; upright if it has none.</summary>
    public static Orientation OfJpeg(ReadOnlySpan<byte> jpeg) => OfExif(Exif(jpeg));

    /// <summary>Returns the orientation in Exif data, with or without the name before them.</summary>
    public static Orientation OfExif(ReadOnlySpan<byte> exif) =>
        Number(exif.StartsWith(Name) ? exif[Name.Length..] : exif) switch
        {
            2 => new(false, true, false),
            3 => new(false, true, true),
            4 => new(false, false, true),
            5 => new(true, false, false),
            6 => new(true, true, false),
            7 => new(true, true, true),
            8 => new(true, false, true),
            _ => default,
        };

    /// <summary>Turns the planes of a square.</summary>
    public void Apply(int side, Span<byte> planes)
    {
        if (this == default)
        {
            return;
        }

        byte[] before = planes.ToArray();
        for (int i = 0; i < planes.Length; i++)
        {
            int plane = i / (side * side), y = i / side % side, x = i % side;
            y = IsUpsideDown ? side - 1 - y : y;
            x = IsMirrored ? side - 1 - x : x;
            (x, y) = IsTransposed ? (y, x) : (x, y);
            planes[i] = before[(((plane * side) + y) * side) + x];
        }
    }

    /// <summary>Returns a file's Exif segment; empty if there is none.</summary>
    private static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> jpeg)
    {
        const byte App1 = 0xE1, StartOfScan = 0xDA;
        ReadOnlySpan<byte> rest = jpeg[2..];
        while (rest is [0xFF, _, _, _, ..] && rest[1] != StartOfScan)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (length < 2 || length + 2 > rest.Length)
            {
                break;
            }

            ReadOnlySpan<byte> content = rest[4..(2 + length)];
            if (rest[1] == App1 && content.StartsWith(Name))
            {
                return content;
            }

            rest = rest[(2 + length)..];
        }

        return [];
    }

    private static int Number(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8)
        {
            return 0;
        }

        bool isLittle = tiff[0] == 'I';
        long directory = UInt32(tiff[4..], isLittle);
        if (directory + 2 > tiff.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = tiff[(int)directory..];
        int entries = UInt16(rest, isLittle);
        for (rest = rest[2..]; entries > 0 && rest.Length >= EntryLength; entries--, rest = rest[EntryLength..])
        {
            if (UInt16(rest, isLittle) == Tag)
            {
                return UInt16(rest[8..], isLittle);
            }
        }

        return 0;
    }

    private static int UInt16(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt16LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt32LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
