using System.IO.Compression;
using Engine.Data;
using Engine.IO;

namespace Engine.Tests.Data;

public class ArrayFilesTests
{
    private static readonly byte[] s_images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4];

    private static readonly byte[] s_labels = [0, 0, 8, 1, 0, 0, 0, 2, 5, 7];

    [Test]
    public void Idx_files_are_read_packed_or_not()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("train-images-idx3-ubyte"), s_images);
        using (var gzip =
            new GZipStream(File.Create(folder.File("train-labels-idx1-ubyte.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(s_labels);
        }

        Assert.That(ArrayFiles.IsMatch(folder.Path), Is.True);
        Table train = new ArrayFiles(folder.Path).Load().Train;
        Assert.That(((TensorColumn)train["x"]).Values.Shape, Is.EqualTo(new Shape(2, 1, 2, 1)));
        Assert.That((train["class"].Text(0), train["class"].Text(1)), Is.EqualTo(("5", "7")));
    }

    [TestCase(new byte[] { 0, 0, 0x0B, 1, 0, 0, 0, 2, 0xFF, 0xFE, 1, 0 }, "-2,256")]
    [TestCase(new byte[] { 0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 1, 1 }, "257")]
    [TestCase(new byte[] { 0, 0, 0x0D, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0 }, "1.5")]
    [TestCase(new byte[] { 0, 0, 0x09, 1, 0, 0, 0, 1, 0xFF }, "-1")]
    public void Every_type_of_idx_is_read(byte[] file, string values)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("x-idx1"), file);

        double[] read = Idx.Read(folder.File("x-idx1")).Cast(DType.Float64).AsSpan<double>().ToArray();

        Assert.That(string.Join(',', read.Select(x => x.ToString(System.Globalization.CultureInfo.InvariantCulture))),
            Is.EqualTo(values));
    }

    [TestCase(new byte[] { 1, 2, 3, 4, 5 }, "is not in the format idx")]
    [TestCase(new byte[] { 0, 0, 8, 1, 0, 0, 0, 9, 1 }, "is damaged")]
    [TestCase(new byte[] { 0, 0, 8, 1, 0, 0, 0, 1, 1, 1 }, "more values")]
    [TestCase(new byte[] { 0, 0, 8, 2, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF }, "damaged or too much")]
    [TestCase(new byte[] { 0, 0, 8, 1, 0x70, 0, 0, 0, 1 }, "is damaged")]
    public void A_damaged_idx_file_is_refused(byte[] file, string said)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("x-idx1"), file);

        Assert.That(() => Idx.Read(folder.File("x-idx1")), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains(said).And.Message.Contains("x-idx1"));
    }

    // One picture of 5 x 6 pixels, the color (10, 20, 30), in a form that programs write.
    [TestCase("5 6 3", 255, "3 5 6: 10 20 30")]
    [TestCase("3 5 6", 255, "3 5 6: 10 20 30")]
    [TestCase("5 6 4", 255, "3 5 6: 10 20 30")]
    [TestCase("4 5 6", 255, "3 5 6: 10 20 30")]
    [TestCase("5 6 4", 0, "3 5 6: 255 255 255")]
    [TestCase("5 6 4", 51, "3 5 6: 206 208 210")]
    [TestCase("5 6 2", 255, "2 5 6: 10 20")]
    [TestCase("5 6 1", 255, "1 5 6: 10")]
    public void Channels_come_first_and_opacity_is_put_on_white(string dimensions, int opacity, string expected)
    {
        using var folder = new TempFolder();
        int[] shape = [.. dimensions.Split(' ').Select(int.Parse)];
        bool isLast = shape[0] == 5;
        byte[] color = [10, 20, 30, (byte)opacity];
        int channels = isLast ? shape[2] : shape[0];
        byte[] pixels = [.. Enumerable.Range(0, 30 * channels).Select(i => color[isLast ? i % channels : i / 30])];
        Npz.Save(folder.File("p.npz"),
            new Dictionary<string, Tensor> { ["x"] = Tensor.From(pixels, [1, .. shape]), ["y"] = Tensor.From([0]) });

        DataSet data = new ArrayFiles(folder.File("p.npz")).Load();

        Tensor read = ((TensorColumn)data.Train["x"]).Values;
        string colors =
            string.Join(' ', read.AsSpan<byte>().ToArray().Chunk(30).Select(plane => plane.Distinct().Single()));
        Assert.That($"{string.Join(' ', read.Shape.Skip(1))}: {colors}", Is.EqualTo(expected));
        Assert.That(data.Notes[0].Contains("opacity", StringComparison.Ordinal), Is.EqualTo(channels == 4));
    }

    [TestCase("train-images-idx3-ubyte", "train-labels-idx1-ubyte is missing")]
    [TestCase("t10k-labels-idx1-ubyte", "t10k-images-idx3-ubyte is missing")]
    public void One_of_two_files_alone_is_refused(string name, string said)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File(name), name.Contains("images", StringComparison.Ordinal) ? s_images : s_labels);

        Assert.That(() => new ArrayFiles(folder.Path).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains(said).And.Message.Contains(folder.File(name)));
    }

    /// <summary>Labels as NumPy writes them: the type, the shape, the bytes, and the names of four samples.</summary>
    private static readonly (string Type, string Shape, byte[] Bytes, string Names)[] s_arrays =
    [
        ("<U2", "(4,)", [97, 0, 0, 0, 0, 0, 0, 0, 228, 0, 0, 0, 98, 0, 0, 0, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0xF6, 1, 0, 0,
            0, 0, 0], "a|äb|a|\U0001F600"),
        (">U1", "(4, 1)", [0, 0, 0, 97, 0, 0, 0, 98, 0, 0, 0, 97, 0, 0, 0, 98], "a|b|a|b"),
        ("|S2", "(4,)", [120, 0, 121, 122, 120, 0, 0, 0], "x|yz|x|_"),
        ("|b1", "(4,)", [1, 0, 1, 1], "True|False|True|True"),
        ("<i8", "(4,)", [1, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 32, 0, 1, 0, 0, 0, 0, 0, 32, 0, 3, 0, 0, 0, 0, 0, 0,
            0], "9007199254740993|9007199254740992|9007199254740993|3"),
        ("<i2", "(4,)", [7, 0, 8, 0, 7, 0, 8, 0], "7|8|7|8"),
        ("|u1", "(4, 3)", [0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1], "2|0|1|2"),
        ("|u1", "(4, 2)", [0, 1, 0, 1, 1, 0, 1, 1], "a row of 2 numbers of which one is 1"),
        ("|u1", "(4, 2)", [0, 1, 0, 0, 1, 0, 0, 1], "a row of 2 numbers of which one is 1"),
        ("|u1", "(2, 2)", [1, 0, 0, 1], "with n labels, not float32 (4, 2) with uint8 (2, 2)"),
        ("<U1", "(3,)", [97, 0, 0, 0, 98, 0, 0, 0, 97, 0, 0, 0], "with n labels, not float32 (4, 2) with texts (3)"),
        ("<U1", "(4,)", [0, 0xD8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "the text of element 0 is no Unicode"),
        ("|O", "(4,)", [1, 2, 3],
            "Python objects, which only Python can make; save arrays of numbers, or of texts by x.astype(str)"),
    ];

    [Test]
    public void Labels_of_every_kind_are_names_in_one_file_or_in_two([Range(0, 12)] int which, [Values] bool isPacked)
    {
        using var folder = new TempFolder();
        (string type, string shape, byte[] bytes, string names) = s_arrays[which];
        byte[] x = Npy("<f4", "(4, 2)", new byte[32]), y = Npy(type, shape, bytes);
        string path = folder.File(isPacked ? "d.npz" : "x.npy");
        if (isPacked)
        {
            using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
            foreach ((string name, byte[] array) in new[] { ("x.npy", x), ("y.npy", y) })
            {
                using Stream entry = zip.CreateEntry(name).Open();
                entry.Write(array);
            }
        }
        else
        {
            File.WriteAllBytes(path, x);
            File.WriteAllBytes(folder.File("y.npy"), y);
            Assert.That(ArrayFiles.IsMatch(folder.Path), Is.True);
        }

        if (which < 7)
        {
            Column labels = new ArrayFiles(path).Load().Train["class"];
            Assert.That(
                string.Join('|', Enumerable.Range(0, 4).Select(row => labels.Text(row) ?? "_")), Is.EqualTo(names));
        }
        else
        {
            Assert.That(() => new ArrayFiles(path).Load(),
                Throws.InstanceOf<EngineException>().With.Message.Contains(names).And.Message.Contains(folder.Path));
        }
    }

    [Test]
    public void Arrays_in_files_of_their_own_are_found_by_their_names()
    {
        using var folder = new TempFolder();
        byte[] one = Npy("|u1", "(1,)", [1]), two = Npy("|u1", "(2,)", [0, 1]);
        File.WriteAllBytes(folder.File("X_train.npy"), Npy("<f8", "(2, 2)", new byte[32]));
        File.WriteAllBytes(folder.File("y_train.npy"), two);
        File.WriteAllBytes(folder.File("X_test.npy"), Npy("<f8", "(1, 2)", new byte[16]));
        File.WriteAllBytes(folder.File("y_test.npy"), one);
        File.WriteAllBytes(folder.File("x.npy"), Npy("<f8", "(2, 2)", new byte[32]));
        File.WriteAllBytes(folder.File("cut.npy"), one[..^1]);
        File.WriteAllBytes(folder.File("long.npy"), [.. one, 1]);

        foreach (string path in (string[])[folder.Path, folder.File("X_train.npy")])
        {
            DataSet data = new ArrayFiles(path).Load();
            Assert.That((data.Train.Count, data.Test?.Count), Is.EqualTo((2, 1)));
        }

        Assert.That(() => new ArrayFiles(folder.File("x.npy")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("x.npy has no labels beside it: samples are in x.npy and their labels in y.npy"));
        Assert.That(() => new ArrayFiles(folder.File("y_train.npy")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("y_train.npy has no labels beside it"));
        Assert.That(ArrayFiles.ReadSamples(folder.File("x.npy"), "x").Count, Is.EqualTo(2));
        foreach (string name in (string[])["cut.npy", "long.npy"])
        {
            Assert.That(() => ArrayFiles.ReadSamples(folder.File(name), "x"), Throws.InstanceOf<EngineException>()
                .With.Message.Contains($"{folder.File(name)} is not a whole npy file"));
        }
    }

    private static byte[] Npy(string type, string shape, byte[] elements)
    {
        byte[] header =
            System.Text.Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. elements];
    }

    [TestCase(DType.Float32, double.NaN)]
    [TestCase(DType.Float64, double.PositiveInfinity)]
    public void Samples_that_are_no_numbers_are_refused_with_their_index(DType type, double odd)
    {
        using var folder = new TempFolder();
        Npz.Save(folder.File("d.npz"), new Dictionary<string, Tensor>
        {
            ["x"] = Tensor.From([1, 2, 3, odd, 5, 6], 3, 2).Cast(type),
            ["y"] = Tensor.From<int>([0, 1, 0]),
        });

        Assert.That(() => new ArrayFiles(folder.File("d.npz")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("d.npz").And.Message.Contains("in sample 1 at index 1"));
    }

    [Test]
    public void Arrays_of_an_npz_file_are_found_by_their_names_and_colors_brought_to_the_front()
    {
        using var folder = new TempFolder();
        byte[] pixels = [.. Enumerable.Range(0, 2 * 5 * 5 * 3).Select(i => (byte)i)];
        Npz.Save(folder.File("d.npz"), new Dictionary<string, Tensor>
        {
            ["x_train"] = Tensor.From(pixels, 2, 5, 5, 3),
            ["y_train"] = Tensor.From<int>([0, 1], 2, 1),
            ["x_test"] = Tensor.From(pixels[..75], 1, 5, 5, 3),
            ["y_test"] = Tensor.From<int>([1], 1, 1),
        });

        DataSet data = new ArrayFiles(folder.File("d.npz")).Load();

        Tensor planes = ((TensorColumn)data.Train["x"]).Values;
        Assert.That(planes.Shape, Is.EqualTo(new Shape(2, 3, 5, 5)));
        Assert.That(planes.AsSpan<byte>()[..3].ToArray(), Is.EqualTo((byte[])[0, 3, 6]), "red, pixel by pixel");
        Assert.That(data.Test!.Count, Is.EqualTo(1));
    }
}
