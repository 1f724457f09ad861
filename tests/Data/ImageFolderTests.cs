using Engine.Data;
using Engine.Tests.Runner;

namespace Engine.Tests.Data;

public class ImageFolderTests
{
    [Test]
    public void A_folder_is_a_class_with_all_that_is_below_it()
    {
        using var folder = new TempFolder();
        Put(folder, "cats/a.png", 200);
        Put(folder, "cats/more/b.PNG", 210);
        Put(folder, "dogs/c.png", 10);
        File.WriteAllText(folder.File("cats/notes.txt"), "");

        DataSet data = new ImageFolder(folder.Path) { Size = 4 }.Load();

        Assert.That(data.Train.Count, Is.EqualTo(3));
        Assert.That(
            Enumerable.Range(0, 3).Select(data.Train["class"].Text), Is.EqualTo((string[])["cats", "cats", "dogs"]));
        Assert.That(Pixels(data.Train).Shape, Is.EqualTo(new Shape(3, 3, 4, 4)));
        Assert.That(data.Warnings, Has.One.Contains("1 file that does not end in"));
    }

    [Test]
    public void Gray_pictures_have_one_channel_and_colored_ones_three()
    {
        using var folder = new TempFolder();
        Put(folder, "a/x.png", 200, isGray: true);
        Put(folder, "b/y.png", 100, isGray: true);

        Assert.That(Pixels(new ImageFolder(folder.Path) { Size = 2 }.Load().Train).AsSpan<byte>().ToArray(),
            Is.EqualTo((byte[])[200, 200, 200, 200, 100, 100, 100, 100]));
        Assert.That(
            Pixels(new ImageFolder(folder.Path) { Size = 2, IsGray = false }.Load().Train).Shape[1], Is.EqualTo(3));
    }

    [Test]
    public void Folders_called_train_and_test_are_kept_apart_and_doubles_between_them_told()
    {
        using var folder = new TempFolder();
        Put(folder, "train/a/1.png", 1);
        Put(folder, "train/b/2.png", 2);
        Put(folder, "test/a/3.png", 1);
        Put(folder, "test/b/4.png", 4);

        DataSet data = new ImageFolder(folder.Path) { Size = 2 }.Load();

        Assert.That((data.Train.Count, data.Test!.Count), Is.EqualTo((2, 2)));
        Assert.That(data.Warnings, Has.One.Contains("Among those to learn too: 1 of the"));
    }

    [Test]
    public void A_class_that_only_the_test_has_is_refused()
    {
        using var folder = new TempFolder();
        Put(folder, "train/a/1.png", 1);
        Put(folder, "train/b/2.png", 2);
        Put(folder, "test/c/3.png", 3);

        Assert.That(() => new ImageFolder(folder.Path).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("the class 'c'"));
    }

    [Test]
    public void Pictures_of_one_class_alone_are_refused()
    {
        using var folder = new TempFolder();
        Put(folder, "cats/1.png", 1);
        Put(folder, "cats/2.png", 2);

        Assert.That(() => new ImageFolder(folder.Path).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message
            .EqualTo(
                $"{folder.Path} has pictures of one class alone, 'cats': there is nothing to tell apart. "
                + $"Each class is a folder in it."));
    }

    [Test]
    public void A_few_damaged_pictures_are_left_out_and_many_refused()
    {
        using var folder = new TempFolder();
        for (int i = 0; i < 20; i++)
        {
            Put(folder, $"{(i % 2 == 0 ? "a" : "b")}/{i}.png", i);
        }

        File.WriteAllText(folder.File("a/broken.png"), "no picture");
        DataSet data = new ImageFolder(folder.Path) { Size = 2 }.Load();

        Assert.That(data.Train.Count, Is.EqualTo(20));
        Assert.That(
            data.Warnings, Has.One.Contains("Left out: 1 picture that cannot be read").And.One.Contains("broken.png"));
        Assert.That(() => new ImageFolder(folder.Path) { Size = 2, MaxBroken = 0 }.Load(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("1 of 21 pictures cannot be read"));
    }

    [TestCase(null)]
    [TestCase(true)]
    [TestCase(false)]
    public void Kept_in_a_file_pictures_are_those_in_memory_and_are_decoded_once(bool? isGray)
    {
        using var folder = new TempFolder();
        for (int i = 0; i < 20; i++)
        {
            Put(folder, $"photos/{(i % 2 == 0 ? "a" : "b")}/{i:D2}.png", 10 * i, isGray is null);
        }

        File.WriteAllText(folder.File("photos/a/broken.png"), "no picture");
        ImageFolder kept =
            new(folder.File("photos")) { Size = 2, IsGray = isGray, IsStored = true, Cache = folder.File("cache") };
        ImageFolder inMemory = kept with { IsStored = false };

        DataSet first = kept.Load(), second = kept.Load(), expected = inMemory.Load();

        Assert.That(first.Notes, Has.One.Contains("kept for the next time"));
        Assert.That(second.Notes, Has.One.Contains("from the last time"));
        Assert.That((kept with { Path = folder.File("photos/../photos") }).Load().Notes,
            Has.One.Contains("from the last time"), "however the folder is named");
        Assert.That(first.Train["picture"], Is.InstanceOf<StoredColumn>());
        foreach (DataSet stored in (DataSet[])[first, second])
        {
            Assert.That(((StoredColumn)stored.Train["picture"]).Load().Bytes.ToArray(),
                Is.EqualTo(Pixels(expected.Train).Bytes.ToArray()));
            Assert.That(stored.Warnings, Is.EqualTo(expected.Warnings));
            ScaledPlanes one = Planes(stored), other = Planes(expected);
            Assert.That((one.Size, one.Mean, one.Std), Is.EqualTo((other.Size, other.Mean, other.Std)));
        }

        static ScaledPlanes Planes(DataSet data) =>
            (ScaledPlanes)Preparation.Fit(data.WithTest().Train, data.Target).Transforms[0];
    }

    [Test]
    public void A_picture_that_has_changed_is_decoded_anew_and_a_damaged_file_of_decoded_ones_is_not_believed()
    {
        using var folder = new TempFolder();
        Put(folder, "photos/a/1.png", 10);
        Put(folder, "photos/b/2.png", 20);
        ImageFolder kept = new(folder.File("photos")) { Size = 2, IsStored = true, Cache = folder.File("cache") };
        kept.Load();

        Put(folder, "photos/a/1.png", 99);
        File.SetLastWriteTimeUtc(folder.File("photos/a/1.png"), new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        DataSet changed = kept.Load();
        string index = Directory.GetFiles(folder.File("cache"), "*.index").Single();
        File.WriteAllBytes(index, File.ReadAllBytes(index)[..40]);
        DataSet again = kept.Load();

        Assert.That(((StoredColumn)changed.Train["picture"]).Load().AsSpan<byte>()[0], Is.EqualTo(99));
        Assert.That(again.Notes, Has.One.Contains("kept for the next time"));
        Assert.That(((StoredColumn)again.Train["picture"]).Load().AsSpan<byte>()[0], Is.EqualTo(99));
    }

    [Test]
    public void Links_that_lead_back_are_not_followed()
    {
        Assume.That(OperatingSystem.IsWindows(), Is.False);
        using var folder = new TempFolder();
        Put(folder, "a/1.png", 1);
        Put(folder, "b/2.png", 2);
        Directory.CreateSymbolicLink(folder.File("loop"), folder.Path);
        Directory.CreateSymbolicLink(folder.File("a/loop"), folder.Path);

        Assert.That(new ImageFolder(folder.Path) { Size = 2 }.Load().Train.Count, Is.EqualTo(2));
    }

    /// <summary>As fastai's and Keras' tables of file names and labels.</summary>
    [TestCase("kind", "b,a,b")]
    [TestCase("age", "1,5,2,5,4,0")]
    public void A_table_names_the_pictures_and_their_targets(string target, string expected)
    {
        using var folder = new TempFolder();
        // Such names are no numbers in a unit.
        Put(folder, "images/1.png", 10);
        Put(folder, "images/more/2.png", 20);
        Put(folder, "images/3.png", 30);
        File.WriteAllText(folder.File("labels.csv"),
            "age;file;kind\n1,5;3.png;b\n2,5;more\\2.png;a\n4,0;1.png;b\n");
        Csv labels = new(folder.File("labels.csv")) { Target = target };

        DataSet data = new ImageFolder(folder.File("images")) { Size = 1, Labels = labels }.Load();

        Assert.That(PictureNames.FolderOf(labels), Is.EqualTo(folder.File("images")));
        Assert.That(data.Target, Is.EqualTo(target));
        Assert.That(data.Train.Columns.Select(column => column.Name), Is.EqualTo((string[])["picture", target]));
        Assert.That(
            string.Join(',', Enumerable.Range(0, 3).Select(data.Train[target].Text)), Is.EqualTo(expected));
        Assert.That(
            Enumerable.Range(0, 3).Select(i => Pixels(data.Train).AsSpan<byte>()[3 * i]),
            Is.EqualTo((byte[])[30, 20, 10]));
        Assert.That(data.Notes, Has.Some.StartsWith("'file' names the pictures"));
    }

    [TestCase("file,y\nhttp://x/1.png,a\nhttp://x/2.png,b\n", "names pictures beside it")]
    [TestCase("file,y\n7.png,a\n8.png,b\n", "names pictures beside it")]
    [TestCase("file,y\n1.png,a\nnone,b\n", "names pictures beside it")]
    public void A_table_of_other_names_is_a_table(string text, string said)
    {
        using var folder = new TempFolder();
        Put(folder, "1.png", 10);
        File.WriteAllText(folder.File("t.csv"), text);
        Csv table = new(folder.File("t.csv")) { Target = "y" };

        Assert.That(PictureNames.FolderOf(table), Is.Null);
        Assert.That(
            () => PictureNames.PathsOf(table), Throws.TypeOf<DataFormatException>().With.Message.Contains(said));
    }

    [Test]
    public void What_is_no_folder_of_classes_is_refused_in_a_sentence()
    {
        using var folder = new TempFolder();
        Put(folder, "1.png", 1);

        Assert.That(() => new ImageFolder(folder.Path).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("Each class is a folder"));
        Assert.That(() => new ImageFolder(folder.File("none")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("There is no folder"));
    }

    private static Tensor Pixels(Table table) => ((TensorColumn)table["picture"]).Values;

    private static void Put(TempFolder folder, string name, int value, bool isGray = false)
    {
        string path = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        byte own = (byte)value, other = isGray ? own : (byte)(value + 1);
        File.WriteAllBytes(path,
            PngWriter.Write([.. Enumerable.Repeat((byte[])[own, other, own], 6).SelectMany(pixel => pixel)], width: 3));
    }
}
