using System.Buffers.Binary;
using System.IO.Compression;
using Engine.Data;
using Engine.Data.Pictures;
using Engine.IO;

namespace Engine.Tests.Runner;

/// <summary>Pictures converted to the input of networks.</summary>
public sealed class PictureReaderTests : IDisposable
{
    /// <summary>16x16: a red and a green quarter above a blue and a white one. Made by Pillow.</summary>
    private const string Quarters = """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8X
        GBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAAR
        CAAQABADAREAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAACAkK/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/EABgBAAMBAQAAAAAAAAAAAAAA
        AAcJCgYI/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AOgGGpmMCSY9LxRm7laWyrG4f/9k=
        """;

    /// <summary>The same, progressive.</summary>
    private const string ProgressiveQuarters = """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8X
        GBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgAR
        CAAQABADAREAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABwgJ/8QAGAEAAwEBAAAAAAAAAAAAAAAABggJBQf/2gAMAwEAAhADEAAAATkF
        aljCZjy9Rnuelqrbn//EABQQAQAAAAAAAAAAAAAAAAAAACD/2gAIAQEAAQUCH//EABQRAQAAAAAAAAAAAAAAAAAAACD/2gAIAQMBAT8BH//E
        ABQRAQAAAAAAAAAAAAAAAAAAACD/2gAIAQIBAT8BH//EABQQAQAAAAAAAAAAAAAAAAAAACD/2gAIAQEABj8CH//EABQQAQAAAAAAAAAAAAAA
        AAAAACD/2gAIAQEAAT8hH//aAAwDAQACAAMAAAAQ9U//xAAUEQEAAAAAAAAAAAAAAAAAAAAg/9oACAEDAQE/EB//xAAUEQEAAAAAAAAAAAAA
        AAAAAAAg/9oACAECAQE/EB//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAE/EB//2Q==
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase(32, 32, 32)]
    [TestCase(64, 64, 32)]
    [TestCase(33, 33, 32)]
    [TestCase(100, 71, 32)]
    [TestCase(45, 250, 32)]
    [TestCase(7, 9, 5)]
    public void A_smaller_picture_is_the_mean_of_the_areas_of_the_middle_square(int width, int height, int side)
    {
        byte[] pixels = Noise(width * height * 3, seed: width);

        byte[] planes = Read(PngWriter.Write(pixels, width), side);

        int square = Math.Min(width, height), left = (width - square) / 2, top = (height - square) / 2;
        double step = (double)square / side;
        for (int i = 0; i < planes.Length; i++)
        {
            int plane = i / (side * side), row = i / side % side, column = i % side;
            double sum = 0;
            for (int y = 0; y < square; y++)
            {
                for (int x = 0; x < square; x++)
                {
                    sum += Shared(y, row * step, step) * Shared(x, column * step, step)
                        * pixels[(((((top + y) * width) + left + x) * 3) + plane)];
                }
            }

            Assert.That((double)planes[i], Is.EqualTo(sum / (step * step)).Within(0.5 + 1e-9));
        }

        static double Shared(int pixel, double from, double length) =>
            Math.Max(0, Math.Min(pixel + 1, from + length) - Math.Max(pixel, from));
    }

    [Test]
    public void A_larger_picture_is_on_straight_lines_between_the_old_pixels() =>
        Assert.That(Read(PngWriter.Write([0, 100, 200, 40], width: 2, channels: 1), side: 4)[..16], Is.EqualTo(new byte[]
        {
            0, 25, 75, 100,
            50, 59, 76, 85,
            150, 126, 79, 55,
            200, 160, 80, 40,
        }));

    [Test]
    public void A_single_pixel_fills_the_square() =>
        Assert.That(
            Read(PngWriter.Write([7, 8, 9], width: 1), side: 2),
            Is.EqualTo(new byte[] { 7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9 }));

    [Test]
    public void Gray_has_three_equal_planes() =>
        Assert.That(
            Read(PngWriter.Write([1, 2, 3, 4], width: 2, channels: 1), side: 2),
            Is.EqualTo(new byte[] { 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4 }));

    [Test]
    public void What_is_transparent_shows_white()
    {
        byte[] pixels = [10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 51, 0, 0, 0, 255];

        // A fifth of the color and four fifths of white.
        Assert.That(Read(PngWriter.Write(pixels, width: 2, channels: 4), side: 2), Is.EqualTo(new byte[]
        {
            10, 255, 206, 0,
            20, 255, 208, 0,
            30, 255, 210, 0,
        }));
    }

    [TestCase(Quarters)]
    [TestCase(ProgressiveQuarters)]
    public void A_jpeg_file_is_read(string text) =>
        Assert.That(Colors(Convert.FromBase64String(text)), Is.EqualTo("red green blue white"));

    // How the first row and the first column of the file are oriented in the picture: Exif 2.32, 4.6.4.
    [TestCase(0, "red green blue white")]
    [TestCase(1, "red green blue white")]
    [TestCase(2, "green red white blue")]
    [TestCase(3, "white blue green red")]
    [TestCase(4, "blue white red green")]
    [TestCase(5, "red blue green white")]
    [TestCase(6, "blue red white green")]
    [TestCase(7, "white green blue red")]
    [TestCase(8, "green white red blue")]
    [TestCase(9, "red green blue white")]
    public void A_jpeg_file_stands_upright_as_its_camera_says(int orientation, string colors)
    {
        foreach (bool isLittle in new[] { true, false })
        {
            byte[] jpeg = WithExif(Convert.FromBase64String(Quarters), orientation, isLittle);
            Assert.That(Colors(jpeg), Is.EqualTo(colors));
        }
    }

    private static IEnumerable<TestCaseData> Kinds =>
        from kind in ((int Color, int Depth)[])[(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
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
            byte[] expected = StbImageSharp.ImageResult.FromMemory(png, StbImageSharp.ColorComponents.RedGreenBlueAlpha).Data;

            byte[] planes = Read(png, side);

            for (int i = 0; i < planes.Length; i++)
            {
                int pixel = i % (side * side), value = expected[(4 * pixel) + (i / (side * side))], opacity = expected[(4 * pixel) + 3];
                Assert.That(planes[i], Is.EqualTo((byte)(255 + ((value - 255) * (opacity / 255.0)) + 0.5)), $"{side}x{side}, value {i}");
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

    [Test]
    public void A_large_png_file_is_read_in_the_memory_of_its_rows()
    {
        const int Side = 16_384;
        byte[] png = Packed(Side, Side, isInterlaced: false, row => row.AsSpan(1).Fill(77));
        byte[] planes = new byte[3 * 64 * 64];
        long before = GC.GetAllocatedBytesForCurrentThread();

        PictureReader.Read("large", png, 64, planes);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(10 << 20));
        Assert.That(planes, Is.All.EqualTo(77));
    }

    [TestCase(30_000, 30_000, false, "has 30000x30000 pixels, more than the 268,435,456 that are read: make it smaller.")]
    [TestCase(10_000, 10_000, true, "has 10000x10000 pixels, more than the 67,108,864 that are read of an interlaced PNG file: make it smaller.")]
    [TestCase(100_000, 1, false, "has 100000x1 pixels, and 65,535 a side is the most: make it smaller.")]
    public void A_picture_beyond_the_limits_is_refused(int width, int height, bool isInterlaced, string said) =>
        Assert.That(
            () => PictureReader.Read("large", Packed(width, 1, isInterlaced, _ => { }, height), 64, new byte[3 * 64 * 64]),
            Throws.TypeOf<EngineException>().With.Message.EqualTo($"large {said}"));

    [Test]
    public void A_jpeg_file_beyond_the_limit_is_refused()
    {
        byte[] jpeg = Convert.FromBase64String(Quarters);
        int frame = jpeg.AsSpan().IndexOf((byte[])[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 10_000);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 10_000);

        Assert.That(() => PictureReader.Read("large", jpeg, 64, new byte[3 * 64 * 64]), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("large has 10000x10000 pixels, more than the 67,108,864 that are read of a JPEG file: make it smaller."));
    }

    [Test]
    public void Pictures_wait_for_the_memory_of_others_and_a_large_one_is_read_alone()
    {
        var room = new DecodingRoom(100);
        long most = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            long needed = i % 20 == 0 ? 1000 : 40, taken = room.With(needed, () => room.Taken);
            InterlockedMax(ref most, taken - (needed == 1000 ? 900 : 0));
        });

        Assert.That(most, Is.LessThanOrEqualTo(100));
        Assert.That(room.Taken, Is.Zero);
        Assert.That(() => room.With<int>(40, () => throw new InvalidDataException()), Throws.TypeOf<InvalidDataException>());
        Assert.That(room.Taken, Is.Zero);
    }

    [Test]
    public void A_cut_file_is_refused_wherever_it_is_cut([Values] bool isPng)
    {
        byte[] whole = isPng ? PngWriter.Write(Noise(300, 1), width: 10) : Convert.FromBase64String(Quarters);
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.That(() => Read(whole[..length], side: 4), Throws.TypeOf<EngineException>()
                .With.Message.StartsWith(_folder.Path).And.Message.EndsWith("."), $"{length} bytes");
        }
    }

    /// <summary>400 of each kind; <c>ENGINE_DAMAGED_FILES</c> sets another number.</summary>
    [Test]
    public void A_damaged_file_is_read_or_refused_in_one_sentence(
        [Values("png", "png with right check sums", "jpeg", "progressive jpeg")] string kind)
    {
        byte[] whole = kind switch
        {
            "png" or "png with right check sums" => PngWriter.Write(Noise(300, 1), width: 10),
            "jpeg" => WithExif(Convert.FromBase64String(Quarters), orientation: 6, isLittle: true),
            _ => Convert.FromBase64String(ProgressiveQuarters),
        };
        int count = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_DAMAGED_FILES"), out int asked) ? asked : 400;
        var random = new Random(1);
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] damaged = [.. whole];
            for (int slips = random.Next(1, 4); slips > 0; slips--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            if (kind == "png with right check sums")
            {
                PutRight(damaged);
            }

            try
            {
                Read(damaged, side: 4);
            }
            catch (EngineException error)
            {
                refused++;
                Assert.That(error.Message, Does.StartWith(_folder.Path).And.Match(@"^[ -~]*\.$"));
            }
        }

        Assert.That(refused, Is.GreaterThan(count / 50));
    }

    [Test]
    public void What_is_no_picture_is_said_to_be_none() =>
        Assert.That(() => Read("GIF89a"u8.ToArray(), side: 4), Throws.TypeOf<EngineException>()
            .With.Message.EndsWith("picture is neither a PNG nor a JPEG file: convert it to one of these."));

    // Width, height, bit depth, color type, compression, filter, interlace.
    [TestCase(30000u, 30000u, 8, 2, 0, 0, 0, " has 30000x30000 pixels, more than the 268,435,456 that are read")]
    [TestCase(0x7FFFFFFFu, 0x7FFFFFFFu, 8, 2, 0, 0, 0, " pixels, more than the 268,435,456 that are read")]
    [TestCase(0u, 10u, 8, 2, 0, 0, 0, "is damaged (it has 0x10 pixels)")]
    [TestCase(10u, 0u, 8, 2, 0, 0, 0, "is damaged (it has 10x0 pixels)")]
    [TestCase(0xFFFFFFFFu, 10u, 8, 2, 0, 0, 0, "is damaged (it has 4294967295x10 pixels)")]
    [TestCase(10u, 10u, 8, 3, 0, 0, 0, "(its pixels are numbers of colors, and it has no palette (PLTE))")]
    [TestCase(10u, 10u, 3, 2, 0, 0, 0, "is damaged (PNG has no 3 bits of color type 2)")]
    [TestCase(10u, 10u, 8, 5, 0, 0, 0, "is damaged (PNG has no 8 bits of color type 5)")]
    [TestCase(10u, 10u, 8, 2, 1, 0, 0, "(it is compressed, filtered or interlaced in a way that PNG does not have)")]
    [TestCase(10u, 10u, 8, 2, 0, 1, 0, "(it is compressed, filtered or interlaced in a way that PNG does not have)")]
    [TestCase(10u, 10u, 8, 2, 0, 0, 2, "(it is compressed, filtered or interlaced in a way that PNG does not have)")]
    public void A_header_of_no_picture_is_refused_with_what_is_wrong(
        uint width, uint height, int depth, int color, int compression, int filter, int interlace, string message)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteUInt32BigEndian(header, width);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[10], header[11], header[12]) =
            ((byte)depth, (byte)color, (byte)compression, (byte)filter, (byte)interlace);
        byte[] png = PngWriter.Write(Noise(300, 1), width: 10);

        byte[] changed = [.. png[..8], .. PngWriter.Chunk("IHDR"u8, header), .. png[33..]];

        Assert.That(() => Read(changed, side: 4), Throws.TypeOf<EngineException>().With.Message.Contains(message));
    }

    [Test]
    public void Pixels_that_unpack_to_more_than_the_header_says_are_refused()
    {
        byte[] png = PngWriter.Write(Noise(300, 1), width: 10);
        var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(new byte[1 << 20]);
        }

        byte[] bomb = [.. png[..33], .. PngWriter.Chunk("IDAT"u8, packed.ToArray()), .. PngWriter.Chunk("IEND"u8, [])];

        Assert.That(
            () => Read(bomb, side: 4),
            Throws.TypeOf<EngineException>().With.Message.Contains("its pixels take more bytes than its header says"));
    }

    [Test]
    public void Every_changed_bit_of_a_png_file_is_noticed_by_the_check_sums()
    {
        byte[] png = PngWriter.Write(Noise(75, 1), width: 5);
        Assert.That(() => Read(png, side: 4), Throws.Nothing);
        for (int bit = 0; bit < 8 * png.Length; bit++)
        {
            byte[] damaged = [.. png];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));

            Assert.That(() => Read(damaged, side: 4), Throws.TypeOf<EngineException>(), $"bit {bit}");
        }
    }

    [Test]
    public void A_changed_part_is_named()
    {
        byte[] png = PngWriter.Write(Noise(75, 1), width: 5);
        png[^20] ^= 1;

        Assert.That(() => Read(png, side: 4), Throws.TypeOf<EngineException>()
            .With.Message.EndsWith("is damaged (the check sum of its part IDAT is another): it cannot be decoded."));
    }

    [Test]
    public void Of_a_folder_what_is_hidden_or_of_a_system_is_not_there()
    {
        string folder = Directory.CreateDirectory(_folder.File("junk")).FullName;
        string[] names =
            ["a.png", "._a.png", ".b.jpg", ".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "Icon\r"];
        foreach (string name in names)
        {
            File.WriteAllText(Path.Combine(folder, name), "");
        }

        Directory.CreateDirectory(Path.Combine(folder, "__MACOSX"));
        using var notes = new StringWriter();

        Assert.That(SampleFiles.Pictures.Of([folder], isRecursive: false, notes), Is.EqualTo(new[] { Path.Combine(folder, "a.png") }));
        Assert.That(notes.ToString(), Is.Empty);
    }

    [Test]
    public void Of_a_folder_the_pictures_come_by_name_and_the_others_are_counted()
    {
        string folder = _folder.File("several");
        Directory.CreateDirectory(Path.Combine(folder, "d.png"));
        foreach (string name in (string[])["b.PNG", "a.jpeg", "c.txt", "B.jpg", "none"])
        {
            File.WriteAllText(Path.Combine(folder, name), "");
        }

        using var notes = new StringWriter();

        Assert.That(
            SampleFiles.Pictures.Of(["first.gif", folder, "last.png"], isRecursive: false, notes).Select(path => Path.GetFileName(path)),
            Is.EqualTo(new[] { "first.gif", "B.jpg", "a.jpeg", "b.PNG", "last.png" }));
        Assert.That(notes.ToString(), Does.Contain("3 pictures; left out: 3 that"));
    }

    [Test]
    public void Of_a_folder_of_classes_the_pictures_come_class_by_class_if_asked_for()
    {
        string folder = _folder.File("classes");
        foreach (string name in (string[])["rose/2.png", "rose/1.jpg", "aster/9.png", "aster/wild/3.png", "a.txt"])
        {
            string file = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
        }

        Directory.CreateSymbolicLink(Path.Combine(folder, "rose", "again"), folder);
        using var notes = new StringWriter();

        Assert.That(
            SampleFiles.Pictures.Of([folder], isRecursive: true, notes).Select(path => Path.GetRelativePath(folder, path)),
            Is.EqualTo(new[] { "aster/9.png", "aster/wild/3.png", "rose/1.jpg", "rose/2.png" }));
        Assert.That(notes.ToString(), Does.Contain("4 pictures; left out: 1 that"));
        Assert.That(
            () => SampleFiles.Pictures.Of([folder], isRecursive: false, notes),
            Throws.TypeOf<EngineException>().With.Message.EndsWith("Of the folders in it, 2, --recursive takes the pictures."));
    }

    /// <summary>Corrects the checksums of a PNG file's chunks, as far as their lengths are valid.</summary>
    private static void PutRight(byte[] png)
    {
        long length;
        for (int at = 8; at + 12 <= png.Length; at += (int)length + 12)
        {
            length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (at + 12 + length > png.Length)
            {
                return;
            }

            uint sum = Crc32.Of(png.AsSpan(at + 4, 4 + (int)length));
            BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(at + 8 + (int)length), sum);
        }
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (long known = Volatile.Read(ref most); value > known; known = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, known);
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
                ? ((int, int, int, int)[])[(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] : [(0, 0, 1, 1)])
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

        byte[] palette = new byte[3 << Math.Min(depth, 8)], transparency = color switch { 0 => [0, 1], 2 => [0, 1, 0, 2, 0, 3], _ => [0, 100] };
        random.NextBytes(palette);
        return Png(
            side, side, depth, color, isInterlaced,
            [
                .. color == 3 ? PngWriter.Chunk("PLTE"u8, palette) : [], .. isTransparent ? PngWriter.Chunk("tRNS"u8, transparency) : [],
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

    private static byte[] Noise(int count, int seed)
    {
        byte[] noise = new byte[count];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    private byte[] Read(byte[] content, int side)
    {
        File.WriteAllBytes(_folder.File("picture"), content);
        byte[] planes = new byte[3 * side * side];
        PictureReader.Read(_folder.File("picture"), side, planes);
        return planes;
    }

    /// <summary>Returns the colors of the four quarters.</summary>
    private string Colors(byte[] jpeg)
    {
        byte[] planes = Read(jpeg, side: 2);
        return string.Join(' ', Enumerable.Range(0, 4).Select(i => (IsOn(i), IsOn(4 + i), IsOn(8 + i)) switch
        {
            (true, false, false) => "red",
            (false, true, false) => "green",
            (false, false, true) => "blue",
            (true, true, true) => "white",
            _ => "another",
        }));

        bool IsOn(int value) => planes[value] > 127;
    }

    /// <summary>
    /// Inserts an Exif segment with an orientation, after another entry, directly after a JPEG file's first marker.
    /// </summary>
    private static byte[] WithExif(byte[] jpeg, int orientation, bool isLittle)
    {
        byte[] exif = Exif(orientation, isLittle);
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    /// <summary>Returns Exif data with an orientation after another entry.</summary>
    private static byte[] Exif(int orientation, bool isLittle)
    {
        return
        [
            .. "Exif\0\0"u8, .. isLittle ? "II"u8 : "MM"u8, .. Number(42, 2), .. Number(8, 4),
            .. Number(2, 2),
            .. Number(0x0100, 2), .. Number(4, 2), .. Number(1, 4), .. Number(16, 4),
            .. Number(0x0112, 2), .. Number(3, 2), .. Number(1, 4), .. Number(orientation, 2), 0, 0,
            .. Number(0, 4),
        ];

        byte[] Number(int value, int length)
        {
            byte[] bytes = BitConverter.GetBytes(value)[..length];
            if (!isLittle)
            {
                Array.Reverse(bytes);
            }

            return bytes;
        }
    }
}
