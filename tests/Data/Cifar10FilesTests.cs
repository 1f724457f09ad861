using System.Formats.Tar;
using System.IO.Compression;
using Engine.Data;

namespace Engine.Tests.Data;

public class Cifar10FilesTests
{
    private Batches _batches = null!;

    [SetUp]
    public void MakeFolder() => _batches = new Batches();

    [TearDown]
    public void DeleteFolder() => _batches.Dispose();

    private static Dictionary<string, byte[]> SmallBinary() => new()
    {
        ["data_batch_1.bin"] = Batches.Binary(Batches.Pixels(2, 1), 3, 9),
        ["data_batch_2.bin"] = Batches.Binary(Batches.Pixels(1, 2), 0),
        ["test_batch.bin"] = Batches.Binary(Batches.Pixels(1, 3), 7),
    };

    private string ErrorOf(string? path = null) =>
        Assert.Throws<DataFormatException>(() => Cifar10.Read(path ?? _batches.Folder))!.Message;

    [Test]
    public void Both_formats_are_read_from_their_folder_and_from_the_one_around_it(
        [Values] bool binary, [Values] bool around)
    {
        string name = binary ? "cifar-10-batches-bin" : "cifar-10-batches-py";
        _batches.With(binary ? SmallBinary() : Batches.Small(), name);

        Cifar10Set set = Cifar10.Read(around ? _batches.Folder : Path.Combine(_batches.Folder, name));

        Batches.AssertSmall(set);
        Assert.That(set.Source, Is.EqualTo(Path.Combine(_batches.Folder, name)));
        Assert.That(set.ClassNames, Has.Count.EqualTo(10).And.Contains("frog"));
    }

    [Test]
    public void Both_formats_are_read_from_an_archive([Values] bool binary, [Values] bool around)
    {
        string archive = _batches.Write(
            binary ? "cifar-10-binary.tar.gz" : "cifar-10-python.tar.gz",
            Batches.Archive(binary ? SmallBinary() : Batches.Small()));

        Batches.AssertSmall(Cifar10.Read(around ? _batches.Folder : archive));
    }

    [Test]
    public void A_batch_longer_than_the_read_window_is_whole()
    {
        const int Count = 700;
        int[] labels = [.. Enumerable.Range(0, Count).Select(i => i % 10)];
        byte[] pixels = Batches.Pixels(Count);
        _batches.Write("data_batch_1", PickleWriter.Published(pixels, labels));
        _batches.Write("test_batch", PickleWriter.Python3(4, "numpy._core", pixels, false, labels));
        _batches.Write("bin/data_batch_1.bin", Batches.Binary(pixels, labels));
        _batches.Write("bin/test_batch.bin", Batches.Binary(pixels, labels));

        foreach (string folder in new[] { _batches.Folder, Path.Combine(_batches.Folder, "bin") })
        {
            Cifar10Set set = Cifar10.Read(folder);
            foreach (Cifar10Images images in new[] { set.Train, set.Test })
            {
                Assert.That(images.Images.Bytes.SequenceEqual(pixels));
                Assert.That(images.Labels.AsSpan<int>().SequenceEqual(labels));
            }
        }
    }

    [Test]
    public void The_class_names_are_those_of_the_set()
    {
        string[] names = [.. Enumerable.Range(0, 10).Select(i => $"kind{i}")];
        PickleWriter meta = new PickleWriter().Op(0x80, 2).Op('}').Op('(').ShortString("label_names").Op(']').Op('(');
        names.ToList().ForEach(name => meta.ShortString(name));
        _batches.With(Batches.Small()).Write("batches.meta", meta.Op('e').Op('u').Op('.').ToArray());
        _batches.With(SmallBinary(), "bin")
            .Write("bin/batches.meta.txt", [.. string.Join("\n", names).Select(c => (byte)c), 10, 10]);

        Assert.That(Cifar10.Read(_batches.Folder).ClassNames, Is.EqualTo(names));
        Assert.That(Cifar10.Read(Path.Combine(_batches.Folder, "bin")).ClassNames, Is.EqualTo(names));

        _batches.Write("bin/batches.meta.txt", "one\ntwo\n"u8.ToArray());
        Assert.That(ErrorOf(Path.Combine(_batches.Folder, "bin")),
            Does.Contain("batches.meta.txt").And.Contain("ten classes"));
    }

    [Test]
    public void A_missing_folder_and_one_without_data_are_errors_that_say_what_belongs_there()
    {
        Assert.That(ErrorOf(Path.Combine(_batches.Folder, "nowhere")), Does.Contain("nowhere does not exist")
            .And.Contain("cifar-10-batches-py"));
        Assert.That(ErrorOf(), Does.Contain(_batches.Folder).And.Contain("holds no CIFAR-10"));
        Assert.That(ErrorOf(_batches.Write("picture.png", [1])), Does.Contain("picture.png"));
    }

    [TestCase("data_batch_1")]
    [TestCase("test_batch")]
    public void A_missing_batch_is_an_error(string name)
    {
        _batches.With(Batches.Small());
        File.Delete(Path.Combine(_batches.Folder, name));

        Assert.That(ErrorOf(), Does.Contain($"{name} is missing"));
    }

    [Test]
    public void A_gap_in_the_batches_is_an_error()
    {
        _batches.With(Batches.Small()).Write("data_batch_5", []);

        Assert.That(ErrorOf(), Does.Contain("data_batch_3, data_batch_4 are missing"));
    }

    [Test]
    public void Binary_batches_of_wrong_sizes_or_labels_are_errors_that_name_the_file()
    {
        byte[] whole = SmallBinary()["data_batch_1.bin"];

        Assert.That(ErrorWith(whole[..^1]),
            Does.Contain("data_batch_1.bin").And.Contain("6,145 bytes").And.Contain("3,073"));
        Assert.That(ErrorWith([.. whole, 0]), Does.Contain("6,147 bytes"));
        Assert.That(ErrorWith([]), Does.Contain("0 bytes"));
        Assert.That(ErrorWith([.. whole[..3073], 10, .. whole[3074..]]),
            Does.Contain("image 1").And.Contain("label 10"));
        string ErrorWith(byte[] content)
        {
            _batches.With(SmallBinary()).Write("data_batch_1.bin", content);
            return ErrorOf();
        }
    }

    [Test]
    public void A_pickled_batch_cut_off_in_the_middle_of_its_pixels_names_the_file()
    {
        byte[] whole = Batches.Small()["data_batch_1"];
        string path = _batches.With(Batches.Small()).Write("data_batch_1", whole[..3000]);

        Assert.That(ErrorOf(), Does.StartWith(path).And.Contain("cut off"));
    }

    [TestCase("../data_batch_3")]
    [TestCase("cifar-10-batches-py/../../data_batch_3")]
    [TestCase("..\\data_batch_3")]
    [TestCase("/data_batch_3")]
    [TestCase("C:\\data_batch_3")]
    public void An_archive_with_an_entry_that_leaves_its_folder_is_refused(string name)
    {
        var entry = new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream([1]) };
        string archive = _batches.Write("cifar-10-python.tar.gz", Batches.Archive(Batches.Small(), entry));

        Assert.That(ErrorOf(), Does.Contain(archive).And.Contain(name).And.Contain("nothing was written"));
        Assert.That(() => Cifar10Files.Unpack(archive, Path.Combine(_batches.Folder, "out")),
            Throws.TypeOf<DataFormatException>());
        Assert.That(Directory.EnumerateFiles(_batches.Folder), Is.EquivalentTo(new[] { archive }));
    }

    [TestCase(TarEntryType.SymbolicLink)]
    [TestCase(TarEntryType.HardLink)]
    public void An_archive_with_a_link_is_refused(TarEntryType type)
    {
        var entry = new UstarTarEntry(type, "cifar-10-batches-py/data_batch_3") { LinkName = "/etc/hostname" };
        _batches.Write("cifar-10-python.tar.gz", Batches.Archive(Batches.Small(), entry));

        Assert.That(ErrorOf(), Does.Contain(type.ToString()).And.Contain("data_batch_3"));
    }

    [Test]
    public void Only_the_batches_are_unpacked()
    {
        var entry = new UstarTarEntry(TarEntryType.RegularFile, "cifar-10-batches-py/evil.sh")
        {
            DataStream = new MemoryStream([1]),
        };
        string archive = _batches.Write("some.tar.gz", Batches.Archive(Batches.Small(), entry));
        string folder = Path.Combine(_batches.Folder, "out");

        Cifar10Files.Unpack(archive, folder);

        Assert.That(Directory.EnumerateFiles(folder).Select(Path.GetFileName), Is.EquivalentTo(Batches.Small().Keys));
        Batches.AssertSmall(Cifar10.Read(folder));
    }

    [Test]
    public void A_file_that_is_twice_in_an_archive_is_an_error()
    {
        var entry = new UstarTarEntry(TarEntryType.RegularFile, "other/test_batch")
        {
            DataStream = new MemoryStream(Batches.Small()["test_batch"]),
        };
        _batches.Write("cifar-10-python.tar.gz", Batches.Archive(Batches.Small(), entry));

        Assert.That(ErrorOf(), Does.Contain("twice"));
    }

    [Test]
    public void An_archive_without_batches_is_an_error()
    {
        _batches.Write("cifar-10-python.tar.gz", Batches.Archive([]));

        Assert.That(ErrorOf(), Does.Contain("data_batch_1, test_batch are missing"));
    }

    [Test]
    public void A_damaged_archive_is_the_one_exception_or_read_as_it_was()
    {
        byte[] whole = Batches.Archive(Batches.Small());
        var random = new Random(1);
        for (int round = 0; round < 400; round++)
        {
            byte[] damaged = [.. whole];
            if (round % 2 == 0)
            {
                damaged = damaged[..random.Next(damaged.Length)];
            }
            else
            {
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            }

            string archive = _batches.Write("cifar-10-python.tar.gz", damaged);
            try
            {
                Assert.That(Cifar10.Read(archive).Test.Count, Is.EqualTo(1));
            }
            catch (DataFormatException e)
            {
                Assert.That(e.Message, Does.StartWith(archive));
            }
        }
    }

    [Test]
    public void Damaged_headers_in_an_archive_are_the_one_exception_or_harmless()
    {
        // Without compression, so that the damage reaches the tar headers.
        var random = new Random(2);
        byte[] whole = Unzipped(Batches.Archive(Batches.Small()));
        for (int round = 0; round < 400; round++)
        {
            byte[] damaged = [.. whole];
            damaged[(random.Next(2) * 512) + random.Next(512)] = (byte)random.Next(256);
            string archive = _batches.Write("cifar-10-python.tar.gz", Zipped(damaged));
            try
            {
                Cifar10.Read(archive);
            }
            catch (DataFormatException e)
            {
                Assert.That(e.Message, Does.StartWith(archive));
            }
        }

        Assert.That(() => Cifar10.Read(_batches.Write("whole.tar.gz", Zipped(whole))), Throws.Nothing);
    }

    [Test]
    public void An_entry_that_claims_more_than_the_archive_can_hold_is_an_error_before_anything_is_allocated()
    {
        byte[] tar = Unzipped(Batches.Archive(Batches.Small()));
        // Changes the size of the first file, in octal, and the header's checksum.
        Span<byte> header = tar.AsSpan(512, 512);
        "07777777777"u8.CopyTo(header[124..]);
        header.Slice(148, 8).Fill((byte)' ');
        int sum = header.ToArray().Sum(b => b);
        System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
        _batches.Write("cifar-10-python.tar.gz", Zipped(tar));

        Assert.That(ErrorOf(), Does.Contain("1,073,741,823 bytes do not fit"));
    }

    private static byte[] Unzipped(byte[] bytes)
    {
        using var zipped = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        var plain = new MemoryStream();
        zipped.CopyTo(plain);
        return plain.ToArray();
    }

    private static byte[] Zipped(byte[] bytes)
    {
        var zipped = new MemoryStream();
        using (var stream = new GZipStream(zipped, CompressionLevel.NoCompression))
        {
            stream.Write(bytes);
        }

        return zipped.ToArray();
    }
}
