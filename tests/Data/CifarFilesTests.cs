using System.Text;
using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>CIFAR-10 and CIFAR-100 as ordinary sources.</summary>
public class CifarFilesTests
{
    [Test]
    public void Ten_classes_come_with_their_names()
    {
        using Batches batches = new Batches().With(Batches.Small(), "cifar-10-batches-py");
        string folder = Path.Combine(batches.Folder, "cifar-10-batches-py");

        Assert.That(CifarFiles.IsMatch(folder), Is.True);
        DataSet data = new CifarFiles(folder).Load();

        Assert.That(Classes(data.Train), Is.EqualTo((string[])["cat", "truck", "airplane"]));
        Assert.That(Classes(data.Test!), Is.EqualTo((string[])["horse"]));
        Assert.That(((TensorColumn)data.Train["picture"]).Values.Shape, Is.EqualTo(new Shape(3, 3, 32, 32)));
    }

    [TestCase(false, "class7", "class99")]
    [TestCase(true, "group1", "group19")]
    public void Of_a_hundred_classes_the_fine_or_the_coarse_labels_are_taken(bool isCoarse, string first, string second)
    {
        using var batches = new Batches();
        batches.Write("train.bin", Rows((1, 7), (19, 99)));
        batches.Write("test.bin", Rows((1, 7)));
        batches.Write("fine_label_names.txt", Names("class", 100));
        batches.Write("coarse_label_names.txt", Names("group", 20));

        Assert.That(CifarFiles.IsMatch(batches.Folder), Is.True);
        DataSet data = new CifarFiles(batches.Folder) { IsCoarse = isCoarse }.Load();

        Assert.That(Classes(data.Train), Is.EqualTo((string[])[first, second]));
        Assert.That(((TensorColumn)data.Train["picture"]).Values.Rows(1, 1).Bytes.ToArray(),
            Is.EqualTo(Batches.Pixels(2)[3072..]));
        Assert.That(data.Test!.Count, Is.EqualTo(1));
    }

    [TestCase("cifar-100-binary.tar.gz", "")]
    [TestCase("", "")]
    [TestCase("", "cifar-100-binary")]
    public void A_hundred_classes_are_read_as_they_are_downloaded_or_unpacked(string archive, string unpacked)
    {
        using var batches = new Batches();
        var files = new Dictionary<string, byte[]>
        {
            ["test.bin"] = Rows((1, 7)),
            ["fine_label_names.txt"] = Names("class", 100),
            ["coarse_label_names.txt"] = Names("group", 20),
            ["train.bin"] = Rows((1, 7), (19, 99)),
        };
        _ = unpacked.Length > 0
            ? batches.With(files, unpacked)
            : batches.With([new("cifar-100-binary.tar.gz", Batches.Archive("cifar-100-binary", files))]);
        string path = Path.Combine(batches.Folder, archive);

        Assert.That(CifarFiles.IsMatch(path), Is.True);
        Assert.That(Classes(new CifarFiles(path).Load().Train), Is.EqualTo((string[])["class7", "class99"]));
        DataSet data = new CifarFiles(path) { IsCoarse = true }.Load();

        Assert.That(Classes(data.Train), Is.EqualTo((string[])["group1", "group19"]));
        Assert.That(((TensorColumn)data.Train["picture"]).Values.Rows(1, 1).Bytes.ToArray(),
            Is.EqualTo(Batches.Pixels(2)[3072..]));
        Assert.That(data.Test!.Count, Is.EqualTo(1));
    }

    [TestCase("a cut archive", "the archive is cut off or damaged")]
    [TestCase("no test", "has no file test.bin, which CIFAR-100 has")]
    [TestCase("coarse of ten", "is not CIFAR-100, which alone has coarse classes")]
    public void An_archive_that_lacks_something_is_refused_in_a_sentence(string kind, string said)
    {
        using var batches = new Batches();
        byte[] whole = kind == "coarse of ten" ? Batches.Archive(Batches.Small()) : Batches.Archive("cifar-100-binary",
            new Dictionary<string, byte[]>
            {
                ["train.bin"] = Rows([.. Enumerable.Range(0, 40).Select(i => (i % 20, i))]),
            });
        string path = batches.Write("cifar-100.tgz", kind == "a cut archive" ? whole[..(whole.Length / 2)] : whole);

        Assert.That(CifarFiles.IsMatch(path), Is.True);
        Assert.That(() => new CifarFiles(path) { IsCoarse = kind == "coarse of ten" }.Load(),
            Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains(said).And.Message.Contains(path));
    }

    [Test]
    public void A_label_beyond_the_last_class_is_refused()
    {
        using var batches = new Batches();
        batches.Write("train.bin", Rows((1, 100)));
        batches.Write("test.bin", Rows((1, 7)));

        Assert.That(() => new CifarFiles(batches.Folder).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("has the label 100; CIFAR-100's are 0 to 99"));
    }

    private static IEnumerable<string?> Classes(Table table) =>
        Enumerable.Range(0, table.Count).Select(table["class"].Text);

    private static byte[] Names(string word, int count) =>
        Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, count).Select(i => $"{word}{i}")));

    private static byte[] Rows(params (int Coarse, int Fine)[] labels)
    {
        byte[] pixels = Batches.Pixels(labels.Length);
        return [.. labels.SelectMany(
            (label, i) => (byte[])[(byte)label.Coarse, (byte)label.Fine, .. pixels[(i * 3072)..((i + 1) * 3072)]])];
    }
}
