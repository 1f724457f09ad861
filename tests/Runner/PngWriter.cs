using System.Buffers.Binary;
using System.IO.Compression;
using Engine.IO;

namespace Engine.Tests.Runner;

/// <summary>Writes PNG files (ISO 15948) in the simplest form: eight bits per channel, no filter.</summary>
internal static class PngWriter
{
    /// <summary>Returns a file with these pixels, row by row.</summary>
    /// <param name="pixels">The values of each pixel's channels.</param>
    /// <param name="width">The pixels in a row.</param>
    /// <param name="channels">1 for gray, 3 for color, 4 for color and opacity.</param>
    public static byte[] Write(byte[] pixels, int width, int channels = 3)
    {
        int row = width * channels, height = pixels.Length / row;
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(pixels, y * row, row);
            }
        }

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, channels switch { 1 => 0, 3 => 2, _ => 6 });
        return
        [
            0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A,
            .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, []),
        ];
    }

    /// <summary>Returns a file with an image in CIFAR-10's form: red, green and blue planes.</summary>
    public static byte[] OfPlanes(ReadOnlySpan<byte> planes, int side)
    {
        byte[] pixels = new byte[planes.Length];
        for (int i = 0; i < planes.Length; i++)
        {
            pixels[i] = planes[(i % 3 * side * side) + (i / 3)];
        }

        return Write(pixels, side);
    }

    /// <summary>Returns a chunk with its length and its checksum.</summary>
    public static byte[] Chunk(ReadOnlySpan<byte> name, byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. name, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        uint sum = Crc32.Of(chunk.AsSpan(4, name.Length + data.Length));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), sum);
        return chunk;
    }
}
