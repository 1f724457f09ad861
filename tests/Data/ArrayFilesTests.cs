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
        using (var gzip = new GZipStream(File.Create(folder.File("train-labels-idx1-ubyte.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(s_labels);
        }

        Assert.That(ArrayFiles.IsOne(folder.Path), Is.True);
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

        Assert.That(string.Join(',', read.Select(x => x.ToString(System.Globalization.CultureInfo.InvariantCulture))), Is.EqualTo(values));
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
    public void Channels_come_first_and_opacity_is_put_on_white(string sides, int opacity, string expected)
    {
        using var folder = new TempFolder();
        int[] shape = [.. sides.Split(' ').Select(int.Parse)];
        bool isLast = shape[0] == 5;
        byte[] color = [10, 20, 30, (byte)opacity];
        int channels = isLast ? shape[2] : shape[0];
        byte[] pixels = [.. Enumerable.Range(0, 30 * channels).Select(i => color[isLast ? i % channels : i / 30])];
        Npz.Save(folder.File("p.npz"), new Dictionary<string, Tensor> { ["x"] = Tensor.From(pixels, [1, .. shape]), ["y"] = Tensor.From([0]) });

        DataSet data = new ArrayFiles(folder.File("p.npz")).Load();

        Tensor read = ((TensorColumn)data.Train["x"]).Values;
        string colors = string.Join(' ', read.AsSpan<byte>().ToArray().Chunk(30).Select(plane => plane.Distinct().Single()));
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

    [TestCase(DType.Float32, double.NaN)]
    [TestCase(DType.Float64, double.PositiveInfinity)]
    public void Samples_that_are_no_numbers_are_refused_by_their_place(DType type, double odd)
    {
        using var folder = new TempFolder();
        Npz.Save(folder.File("d.npz"), new Dictionary<string, Tensor>
        {
            ["x"] = Tensor.From([1, 2, 3, odd, 5, 6], 3, 2).Cast(type),
            ["y"] = Tensor.From<int>([0, 1, 0]),
        });

        Assert.That(() => new ArrayFiles(folder.File("d.npz")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("d.npz").And.Message.Contains("in sample 1, place 1 of it"));
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
