using System.Buffers.Binary;
using System.IO.Compression;
using Engine.Data.Pictures;
using StbImageSharp;

namespace Engine.Tests.Runner;

public sealed partial class PictureReaderTests
{
    private static IEnumerable<TestCaseData> Kinds =>
        from kind in ((int Color, int Depth)[])[(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1),
            (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
        from isInterlaced in (bool[])[false, true]
        from isTransparent in (bool[])[false, true]
        where !isTransparent || kind.Color < 4
        select new TestCaseData(kind.Color, kind.Depth, isInterlaced, isTransparent);

    /// <summary>Random rows with random filters, as another decoder reads them.</summary>
    [TestCaseSource(nameof(Kinds))]
    public void A_png_file_of_each_kind_is_read(int color, int depth, bool isInterlaced, bool isTransparent)
    {
        foreach (int side in (int[])[1, 2, 3, 5, 8, 19])
        {
            byte[] png = RandomPng(side, color, depth, isInterlaced, isTransparent);
            byte[] expected = ImageResult.FromMemory(png, ColorComponents.RedGreenBlueAlpha).Data;

            byte[] planes = Read(png, side);

            for (int i = 0; i < planes.Length; i++)
            {
                int pixel = i % (side * side), value = expected[(4 * pixel) + (i / (side * side))],
                    opacity = expected[(4 * pixel) + 3];
                Assert.That(planes[i], Is.EqualTo((byte)(255 + ((value - 255) * (opacity / 255.0)) + 0.5)),
                    $"{side}x{side}, value {i}");
            }
        }
    }

    [TestCase(0, "red green blue white")]
    [TestCase(3, "white blue green red")]
    [TestCase(6, "blue red white green")]
    [TestCase(8, "green white red blue")]
    public void A_png_file_stands_upright_as_its_camera_says(int orientation, string colors)
    {
        byte[] png = PngWriter.Write([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255], width: 2);
        foreach (bool isBehind in new[] { false, true })
        {
            foreach (bool isNamed in new[] { false, true })
            {
                byte[] exif = Exif(orientation, isLittle: isBehind);
                byte[] chunk = PngWriter.Chunk("eXIf"u8, isNamed ? exif : exif[6..]);
                int at = isBehind ? png.Length - 12 : 33;

                Assert.That(Colors([.. png[..at], .. chunk, .. png[at..]]), Is.EqualTo(colors));
            }
        }
    }

    /// <summary>zlib's own check sum, of the pixels, behind which PNG has another, of the chunk.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void A_png_file_whose_pixels_have_another_check_sum_is_refused(bool isInterlaced)
    {
        byte[] png = RandomPng(5, color: 2, depth: 8, isInterlaced, isTransparent: false);
        int at = png.AsSpan().IndexOf("IDAT"u8), length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at - 4));
        Assert.That(() => Read(png, 5), Throws.Nothing);
        for (int i = 1; i <= 4; i++)
        {
            byte[] wrong = [.. png];
            wrong[at + 4 + length - i] ^= 1;
            BinaryPrimitives.WriteUInt32BigEndian(
                wrong.AsSpan(at + 4 + length), Engine.IO.Crc32.Of(wrong.AsSpan(at, 4 + length)));

            Assert.That(() => Read(wrong, 5), Throws.TypeOf<EngineException>().With.Message
                .Contains("is damaged (its pixels cannot be unpacked, or their check sum is another)"));
        }
    }

    [Test]
    public void A_large_png_file_is_read_in_the_memory_of_its_rows()
    {
        byte[] png = Packed(width: 16_384, rows: 4_096, isInterlaced: false, row => row.AsSpan(1).Fill(77));
        byte[] planes = new byte[3 * 64 * 64];
        long before = GC.GetAllocatedBytesForCurrentThread(), pixels = 4 * 16_384 * 4_096;

        PictureReader.Read("large", png, 64, planes);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(pixels / 100));
        Assert.That(planes, Is.All.EqualTo(77));
    }

    [TestCase(
        30_000, 30_000, false, "has 30000x30000 pixels, more than the 268,435,456 that are read: make it smaller.")]
    [TestCase(10_000, 10_000, true,
        "has 10000x10000 pixels, more than the 67,108,864 that are read of an interlaced PNG file: make it smaller.")]
    [TestCase(100_000, 1, false, "has 100000x1 pixels, and 65,535 a side is the most: make it smaller.")]
    public void A_picture_beyond_the_limits_is_refused(int width, int height, bool isInterlaced, string said) =>
        Assert.That(
            () => PictureReader.Read(
                "large", Packed(width, 1, isInterlaced, _ => { }, height), 64, new byte[3 * 64 * 64]),
            Throws.TypeOf<EngineException>().With.Message.EqualTo($"large {said}"));

    [Test]
    public void A_jpeg_file_beyond_the_limit_is_refused()
    {
        byte[] jpeg = Convert.FromBase64String(Quarters);
        int frame = jpeg.AsSpan().IndexOf((byte[])[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 10_000);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 10_000);

        Assert.That(() => PictureReader.Read("large", jpeg, 64, new byte[3 * 64 * 64]), Throws.TypeOf<EngineException>()
            .With.Message
            .EqualTo(
                "large has 10000x10000 pixels, more than the 67,108,864 that are read of a JPEG file: "
                + "make it smaller."));
    }

    [Test]
    public void Pictures_wait_for_the_memory_of_others_and_a_large_one_is_read_alone()
    {
        var budget = new MemoryBudget(100);
        long max = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            long needed = i % 20 == 0 ? 1000 : 40, taken = budget.With(needed, () => budget.Taken);
            InterlockedMax(ref max, taken - (needed == 1000 ? 900 : 0));
        });

        Assert.That(max, Is.LessThanOrEqualTo(100));
        Assert.That(budget.Taken, Is.Zero);
        Assert.That(
            () => budget.With<int>(40, () => throw new InvalidDataException()), Throws.TypeOf<InvalidDataException>());
        Assert.That(budget.Taken, Is.Zero);
    }

    private static void InterlockedMax(ref long max, long value)
    {
        for (long known = Volatile.Read(ref max); value > known; known = Volatile.Read(ref max))
        {
            Interlocked.CompareExchange(ref max, value, known);
        }
    }

    private static byte[] RandomPng(int side, int color, int depth, bool isInterlaced, bool isTransparent)
    {
        var random = new Random((color * 100) + depth + side);
        int samples = color switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach ((int left, int top, int stepX, int stepY) in isInterlaced
                ? ((int, int, int, int)[])[(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                    (1, 0, 2, 2), (0, 1, 1, 2)] : [(0, 0, 1, 1)])
            {
                int columns = (side - left + stepX - 1) / stepX;
                for (int y = top; y < side && columns > 0; y += stepY)
                {
                    byte[] row = new byte[1 + (((columns * samples * depth) + 7) / 8)];
                    random.NextBytes(row);
                    row[0] = (byte)random.Next(5);
                    zip.Write(row);
                }
            }
        }

        byte[] palette = new byte[3 << Math.Min(depth, 8)],
            transparency = color switch { 0 => [0, 1], 2 => [0, 1, 0, 2, 0, 3], _ => [0, 100] };
        random.NextBytes(palette);
        return Png(
            side, side, depth, color, isInterlaced,
            [
                .. color == 3 ? PngWriter.Chunk("PLTE"u8, palette) : [],
                .. isTransparent ? PngWriter.Chunk("tRNS"u8, transparency) : [],
                .. packed.ToArray().Chunk(7).SelectMany(part => PngWriter.Chunk("IDAT"u8, part)),
            ]);
    }

    /// <summary>Returns a gray file of equal rows.</summary>
    private static byte[] Packed(int width, int rows, bool isInterlaced, Action<byte[]> fill, int? height = null)
    {
        byte[] row = new byte[1 + width];
        fill(row);
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int y = 0; y < rows; y++)
            {
                zip.Write(row);
            }
        }

        return Png(width, height ?? rows, 8, 0, isInterlaced, PngWriter.Chunk("IDAT"u8, packed.ToArray()));
    }

    private static byte[] Png(int width, int height, int depth, int color, bool isInterlaced, byte[] chunks)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)color, isInterlaced ? (byte)1 : (byte)0);
        return [.. PngFile.Mark, .. PngWriter.Chunk("IHDR"u8, header), .. chunks, .. PngWriter.Chunk("IEND"u8, [])];
    }
}
