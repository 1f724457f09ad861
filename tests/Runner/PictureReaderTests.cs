using System.Buffers.Binary;
using System.IO.Compression;
using Engine.Data;
using Engine.Data.Pictures;
using Engine.IO;

namespace Engine.Tests.Runner;

/// <summary>Pictures converted to the input of networks.</summary>
public sealed partial class PictureReaderTests : IDisposable
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
        Assert.That(
            Read(PngWriter.Write([0, 100, 200, 40], width: 2, channels: 1), side: 4)[..16], Is.EqualTo(new byte[]
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
        int count = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_DAMAGED_FILES"), out int asked)
            ? asked
            : 400;
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

        Assert.That(SampleFiles.Pictures.Of([folder], isRecursive: false, notes),
            Is.EqualTo(new[] { Path.Combine(folder, "a.png") }));
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
            SampleFiles.Pictures.Of(["first.gif", folder, "last.png"], isRecursive: false, notes)
                .Select(path => Path.GetFileName(path)),
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
            SampleFiles.Pictures.Of([folder], isRecursive: true, notes)
                .Select(path => Path.GetRelativePath(folder, path)),
            Is.EqualTo(new[] { "aster/9.png", "aster/wild/3.png", "rose/1.jpg", "rose/2.png" }));
        Assert.That(notes.ToString(), Does.Contain("4 pictures; left out: 2 that"));
        Assert.That(
            () => SampleFiles.Pictures.Of([folder], isRecursive: false, notes),
            Throws.TypeOf<EngineException>().With.Message
                .EndsWith("Of the folders in it, 2, --recursive takes the pictures."));
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
