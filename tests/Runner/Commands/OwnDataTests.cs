using Engine.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary>A user's own data on the command line, from a folder or a table to predictions.</summary>
[NonParallelizable]
public class OwnDataTests
{
    [Test]
    public async Task A_table_is_trained_on_tested_shown_reported_and_predicted()
    {
        using var folder = new TempFolder();
        string table = folder.File("fruit.csv"), model = folder.File("fruit.model");
        File.WriteAllText(table, Fruit(120));
        File.WriteAllText(folder.File("new.csv"), "weight;color\n180,5;red\n;yellow\n");

        (int code, string output, string errors) = await Run(
            "train", table, "--target", "kind", "--epochs", "40", "--save", model, "--history", folder.File("h.jsonl"));
        Assert.That(code, Is.Zero, errors);
        Assert.That(
            output, Does.Contain("fruit.csv: 120 rows; 3 columns; ';' between; a header line; decimal commas; UTF-8"));
        Assert.That(output, Does.Contain("Target 'kind': 2 classes."));
        Assert.That(output, Does.Contain("Tested on 24 rows that it has not seen").And.Contain("macro avg"));
        Assert.That(output, Does.Contain($"Model: {model}"));
        string page = File.ReadAllText(folder.File("fruit.html"));
        Assert.That(page,
            Does.Contain("permutation importance").And.Contain("lemon").And.Contain("<td>").And.Not.Contain("CIFAR"));

        (code, output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("new.csv"), "--format", "csv", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[0], Is.EqualTo("file,class1,probability1,class2,probability2"));
        Assert.That(output.Split('\n')[1], Does.StartWith("row 1,apple,"));

        (code, output, errors) =
            await TestCommandLine.Run("predict", "--load", model, "--count", "2", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"\d+ of 24 right: accuracy"));

        (code, output, errors) =
            await TestCommandLine.Run("show", model, "--pictures", folder.File("pictures"), "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(File.Exists(folder.File("pictures/confusion.png")), Is.True);

        (code, output, errors) = await TestCommandLine.Run("show", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("predicts 'kind': 'apple', 'lemon'").And.Contain("accuracy"));

        (code, output, errors) = await TestCommandLine.Run(
            "report", folder.File("h.jsonl"), model, "-o", folder.File("again.html"), "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(File.ReadAllText(folder.File("again.html")), Does.Contain("Test accuracy"));
    }

    [Test]
    public async Task A_model_that_goes_to_a_device_has_no_page_beside_it()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Windows has no files that are devices.");
        }

        using var folder = new TempFolder();
        string device = folder.File("model.device");
        File.CreateSymbolicLink(device, "/dev/null");
        File.WriteAllText(folder.File("fruit.csv"), Fruit(120));

        (int code, _, string errors) = await Run(
            "train", folder.File("fruit.csv"), "--target", "kind", "--epochs", "1", "--save", device);

        Assert.That(code, Is.Zero, errors);
        Assert.That(File.Exists(folder.File("model.html")), Is.False);
        Assert.That(new FileInfo(device).LinkTarget, Is.EqualTo("/dev/null"));
    }

    [Test]
    public async Task Values_are_learnt_and_predicted_in_their_own_unit()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("houses.csv"), "area,price\n" + string.Concat(Enumerable.Range(0, 80).Select(i =>
            FormattableString.Invariant($"{50 + (i * 37 % 100)},{1000 * (50 + (i * 37 % 100)) + 500}.5\n"))));
        string model = folder.File("houses.model");

        (int code, string output, string errors) = await Run(
            "train", folder.File("houses.csv"), "--target", "price", "--epochs", "80", "--save", model, "--hidden",
            "20,10");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("Target 'price': values from").And.Match(@"R² 0\.9"));
        Assert.That(File.ReadAllText(folder.File("houses.html")), Does.Contain("of the test</dt>"));

        (code, output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("houses.csv"), "--format", "json", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("{\"file\":\"row 1\",\"value\":5"));
    }

    [Test]
    public async Task A_folder_of_pictures_is_trained_on_and_new_ones_get_its_names()
    {
        using var folder = new TempFolder();
        WritePhotos(folder);

        string model = folder.File("photos.model");
        (int code, string output, string errors) = await Run(
            "train", folder.File("photos/"), "--size", "8", "--network", "small", "--epochs", "4", "--save", model,
            "--class-weights", "balanced");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("40 pictures of 2 classes, from 10x20 to 10x20 pixels"));
        Assert.That(File.ReadAllText(folder.File("photos.html")), Does.Contain("night"));

        (code, output, errors) =
            await TestCommandLine.Run("predict", "--load", model, folder.File("photos/night"), "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(
            output.Split('\n'), Has.Length.EqualTo(20).And.All.Contains("  night 0.").Or.All.Contains("  night 1."));
    }

    [Test]
    public async Task A_folder_of_texts_is_trained_on_and_files_and_folders_are_predicted_and_exported()
    {
        using var folder = new TempFolder();
        for (int i = 0; i < 60; i++)
        {
            string part = i < 40 ? "train" : i < 50 ? "valid" : "test",
                path = folder.File($"mail/{part}/{(i % 2 == 0 ? "ham" : "spam")}/{i}.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(
                path, [.. System.Text.Encoding.Latin1.GetBytes(
                    i % 2 == 0 ? $"see you at the caf\u00E9, number {i}" : $"win money now, it is free, number {i}")]);
        }

        File.WriteAllText(folder.File("mail/test/spam/bad.txt"), "");
        string model = folder.File("mail.model"), onnx = folder.File("mail.onnx");
        foreach (string save in (string[])[model, onnx])
        {
            (int trained, string said, string complaint) =
                await Run("train", folder.File("mail"), "--epochs", "20", "--save", save);
            Assert.That(trained, Is.Zero, complaint);
            Assert.That(said, Does.Contain("40 texts train; 10 validate; 10 test.").And
                .Contain("40 texts of 2 classes; 20 in WINDOWS-1252, 20 in UTF-8."));
            Assert.That(complaint, Does.Contain("bad.txt is empty."));
            Assert.That(File.Exists(save));
        }

        File.WriteAllBytes(folder.File("mail/test/spam/bad.txt"), [0, 1, 2, 0xFF]);
        (int code, string output, string errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("mail/test"), "--recursive", "--device", "cpu");
        Assert.That(code, Is.EqualTo(1), errors);
        Assert.That(errors, Does.Contain("bad.txt is no text"));
        Assert.That(output.Split('\n'), Has.Length.EqualTo(10));
        (code, output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("mail/test/ham"), folder.File("mail/test/spam/51.txt"), "--format",
            "csv", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[1..^1], Is.All.Contains(",ham,"));
        Assert.That(output.Split('\n')[^1], Does.Contain("51.txt,spam,"));
        (code, output, errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("10 of 10 right"));
    }

    [Test]
    public async Task Arrays_are_trained_on_and_arrays_and_pictures_are_predicted()
    {
        using var folder = new TempFolder();
        string model = folder.File("digits.model");
        Tensor x =
            Tensor.From([.. Enumerable.Range(0, 60 * 64).Select(i => (byte)(i / 64 % 2 == 0 ? 20 : 230))], 60, 8, 8);
        Engine.IO.Npz.Save(folder.File("digits.npz"), new Dictionary<string, Tensor>
        {
            ["x"] = x,
            ["y"] = Tensor.From([.. Enumerable.Range(0, 60).Select(i => i % 2)]),
        });
        Engine.IO.Npz.Save(folder.File("new.npz"), new Dictionary<string, Tensor> { ["x"] = x.Rows(0, 3) });
        Engine.IO.Npz.Save(folder.File("only.npz"), new Dictionary<string, Tensor> { ["arr_0"] = x.Rows(0, 2) });
        Engine.IO.Npz.Save(folder.File("odd.npz"), new Dictionary<string, Tensor> { ["a"] = x, ["b"] = x });
        Engine.IO.Npz.Save(folder.File("wide.npz"), new Dictionary<string, Tensor> { ["x"] = x.Reshape(60, 4, 16) });
        File.WriteAllBytes(folder.File("t-images-idx3-ubyte"),
            [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8, .. x.AsSpan<byte>()[64..128]]);
        File.WriteAllBytes(folder.File("p.png"), PngWriter.Write([.. x.AsSpan<byte>()[..64]], width: 8));

        (int code, _, string errors) = await Run(
            "train", folder.File("digits.npz"), "--network", "mlp", "--epochs", "20", "--save", model, "--quiet");
        Assert.That(code, Is.Zero, errors);

        foreach ((string file, string[] said) in (ReadOnlySpan<(string, string[])>)
        [
            ("new.npz", ["sample 0,0,", "sample 1,1,", "sample 2,0,"]), ("only.npz", ["sample 0,0,", "sample 1,1,"]),
            ("t-images-idx3-ubyte", ["sample 0,1,"]), ("p.png", [$"{folder.File("p.png")},0,"]),
        ])
        {
            (code, string output, errors) = Predict(file);
            Assert.That(code, Is.Zero, errors);
            string[] lines = output.Split('\n')[1..];
            Assert.That(lines, Has.Length.EqualTo(said.Length), file);
            Assert.That(lines.Zip(said, (line, begin) => line.StartsWith(begin, StringComparison.Ordinal)), Is.All.True,
                output);
        }

        foreach ((string file, string said) in (ReadOnlySpan<(string, string)>)
        [
            ("odd.npz", "has no array 'x' or 'X' or 'x_test' or 'X_test' or 'images' or 'data' to predict: "
                + "it has 'a', 'b'."), ("wide.npz", "4x16"), ("nope.npz", "There is no file"),
        ])
        {
            (code, _, errors) = Predict(file);
            Assert.That(code, Is.EqualTo(1));
            Assert.That(errors, Does.Contain(said).And.Not.Contain("\n"));
        }

        (int Code, string Output, string Errors) Predict(string file) =>
            TestCommandLine.Run("predict", "--load", model, folder.File(file), "--format", "csv", "--device", "cpu")
                .GetAwaiter().GetResult();
    }

    [Test]
    public async Task A_folder_of_texts_is_trained_on_and_new_ones_get_its_names()
    {
        using var folder = new TempFolder();
        string[] good = ["fine", "lovely", "great", "warm"], bad = ["dull", "poor", "cold", "weak"];
        for (int i = 0; i < 80; i++)
        {
            string path = folder.File($"reviews/{(i % 2 == 0 ? "good" : "bad")}/{i / 20}/{i}.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            string[] words = i % 2 == 0 ? good : bad;
            File.WriteAllText(
                path, $"This film number {i} was {words[i / 2 % 4]} and\nits end was {words[i / 3 % 4]}, I say.");
        }

        File.WriteAllText(folder.File("new.txt"), "A lovely evening and a warm end");
        string model = folder.File("reviews.model");

        (int code, string output, string errors) =
            await Run("train", folder.File("reviews"), "--epochs", "40", "--save", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("80 texts of 2 classes; UTF-8.").And
            .Match(@"text +text +0 +which of \d+ words: ").And.Contain("16 of 16 right"));

        (code, output, errors) =
            await TestCommandLine.Run("predict", "--load", model, folder.File("new.txt"), "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"new\.txt +good 0\.\d+|new\.txt +good 1\.0"));

        (code, output, errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("16 of 16 right"));
    }

    [TestCase("cnn")]
    [TestCase("resnet")]
    public async Task Streamed_from_a_file_of_decoded_pictures_the_model_is_the_same_to_the_bit(string network)
    {
        Assume.That(OperatingSystem.IsWindows(), Is.False, "The cache folder is the user's there.");
        using var folder = new TempFolder();
        WritePhotos(folder);

        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        try
        {
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", folder.File("cache"));
            string[] args = ["train", folder.File("photos/"), "--size", "12", "--network", network, "--epochs", "2"];
            (int code, string output, string errors) =
                await Run([.. args, "--save", folder.File("a.model"), "--stream"]);
            Assert.That(code, Is.Zero, errors);
            Assert.That(output, Does.Contain("MB of decoded pictures that are kept for the next time").And
                .Contain("time went into waiting for samples"));

            (code, output, errors) = await Run([.. args, "--save", folder.File("b.model")]);
            Assert.That(code, Is.Zero, errors);
            Assert.That(output, Does.Not.Contain("decoded pictures"));
            Assert.That(Values("a.model"), Is.EqualTo(Values("b.model")));
        }
        finally
        {
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", cache);
        }

        string[] Values(string model) =>
            [.. Engine.IO.Parameters.Load(folder.File(model))
                .Select(one => $"{one.Key} {Convert.ToHexString(one.Value.Bytes)}")];
    }

    [TestCase("de", "", "x\n1.234\n", "large")]
    [TestCase("region", "--keep-na region", "region\nNA\n", "far")]
    public async Task What_the_table_that_trained_says_holds_for_new_ones(
        string kind, string words, string other, string expected)
    {
        using var folder = new TempFolder();
        string model = folder.File("m.model");
        File.WriteAllText(folder.File("new.csv"), other);
        File.WriteAllText(folder.File("t.csv"), kind == "de"
            ? "x;y\n"
                + string.Concat(Enumerable.Range(0, 60)
                    .Select(i => i % 2 == 0 ? $"{1 + (i / 20)}.{100 + i},5;large\n" : $"{i % 9},25;small\n"))
            : "region,y\n" + string.Concat(
                Enumerable.Range(0, 60).Select(i => i % 2 == 0 ? "NA,far\n" : i % 3 == 0 ? "EU,near\n" : "AS,near\n")));

        (int code, _, string errors) = await Run(
            ["train", folder.File("t.csv"), "--target", "y", "--epochs", "30", "--save", model,
                .. words.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.That(code, Is.Zero, errors);

        (code, string output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("new.csv"), "--format", "csv", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[1], Does.StartWith($"row 1,{expected},"));
        (code, output, errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("12 of 12 right"));
    }

    [Test]
    public async Task The_twenty_classes_of_CIFAR_100_are_chosen_and_known_again()
    {
        using var batches = new Engine.Tests.Data.Batches();
        byte[] rows = [.. Enumerable.Range(0, 20)
            .SelectMany(i => (byte[])[(byte)i, (byte)(99 - i), .. Engine.Tests.Data.Batches.Pixels(1, i)])];
        batches.Write("c/train.bin", rows);
        batches.Write("c/test.bin", rows);
        string folder = Path.Combine(batches.Folder, "c"), model = Path.Combine(batches.Folder, "m.model");

        (int code, string output, string errors) =
            await Run("train", folder, "--target", "coarse", "--network", "mlp", "--epochs", "1", "--save", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("20 classes."));

        (code, output, errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"\d+ of 20 right"));
        (code, _, errors) = await Run("train", folder, "--target", "medium", "--save", model);
        Assert.That((code, errors), Is.EqualTo(
            (1, "--target: CIFAR-100 has the classes 'fine' (a hundred) and 'coarse' (twenty), not 'medium'.")));
    }

    [Test]
    public async Task How_a_table_is_written_can_be_said_and_is_known_ever_after()
    {
        using var folder = new TempFolder();
        System.Text.Encoding cyrillic = System.Text.CodePagesEncodingProvider.Instance.GetEncoding("windows-1251")!;
        File.WriteAllBytes(folder.File("t.csv"), cyrillic.GetBytes(
            string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7 % 13},5~{(i % 2 == 0 ? "кот" : "пёс")}\n"))));
        string model = folder.File("m.model");

        (int code, string output, string errors) = await Run(
            "train", folder.File("t.csv"), "--encoding", "windows-1251", "--separator", "~", "--header", "no",
            "--decimal", "comma", "--epochs", "1", "--save", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output,
            Does.Contain("t.csv: 40 rows; 2 columns; '~' between; no header line; decimal commas; WINDOWS-1251"));

        (code, output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, folder.File("t.csv"), "--format", "csv", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("кот"));

        (code, output, errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
    }

    [TestCase("--encoding klingon", "--encoding must be the name of an encoding")]
    [TestCase("--separator :=", "--separator must be one character")]
    [TestCase("--header maybe", "--header must be yes or no")]
    [TestCase("--decimal dot", "--decimal must be comma or point")]
    public async Task How_a_table_is_written_is_said_in_known_words(string words, string said)
    {
        (int code, _, string errors) = await TestCommandLine.Run(["train", "t.csv", .. words.Split(' ')]);

        Assert.That(code, Is.EqualTo(2));
        Assert.That(errors, Does.Contain(said));
    }

    /// <summary>Writes 40 pictures of 10 × 20 pixels in the folders photos/day and photos/night.</summary>
    private static void WritePhotos(TempFolder folder)
    {
        for (int i = 0; i < 40; i++)
        {
            string path = folder.File($"photos/{(i % 2 == 0 ? "day" : "night")}/{i}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(
                path, PngWriter.Write(
                    [.. Enumerable.Range(0, 30 * 20).Select(j => (byte)((i % 2 == 0 ? 200 : 20) + ((i + j) % 30)))],
                    width: 10));
        }
    }

    internal static string Fruit(int count) =>
        "weight;color;kind\n" + string.Concat(Enumerable.Range(0, count).Select(i =>
            i % 2 == 0
                ? $"{150 + (i % 40)},5;{(i % 6 == 0 ? "green" : "red")};apple\n"
                : $"{80 + (i % 30)},25;yellow;lemon\n"));

    private static Task<(int Code, string Output, string Errors)> Run(params string[] args) =>
        TestCommandLine.RunOnConsole(args);
}
