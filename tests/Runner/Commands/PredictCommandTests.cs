using System.Text.Json;
using Engine.Data;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary>Predictions of a saved network for pictures.</summary>
public sealed class PredictCommandTests
{
    private const int Count = 130;

    private TempFolder _folder = null!;
    private Batches _data = null!;
    private string[] _pictures = [];

    private string Model => _folder.File("model.safetensors");

    private string Folder => _folder.File("pictures");

    [OneTimeSetUp]
    public void Save_a_network_and_pictures()
    {
        (_folder, _data) = (new TempFolder(), new Batches());
        Cifar10Set drawn = SyntheticImages.Draw(train: 10, test: Count);
        byte[] test = drawn.Test.Images.AsSpan<byte>().ToArray();
        _data.Write("data_batch_1.bin", Batches.Binary(Batches.Pixels(10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        _data.Write("test_batch.bin", Batches.Binary(test, drawn.Test.Labels.AsSpan<int>().ToArray()));
        Directory.CreateDirectory(Folder);
        _pictures = [.. Enumerable.Range(0, Count).Select(i => Path.Combine(Folder, $"{i:000}.png"))];
        for (int i = 0; i < Count; i++)
        {
            File.WriteAllBytes(_pictures[i], PngWriter.OfPlanes(test.AsSpan(i * 3072, 3072), side: 32));
        }

        Save(Networks.Cnn, Model);
    }

    [OneTimeTearDown]
    public void Discard()
    {
        _folder.Dispose();
        _data.Dispose();
    }

    [Test]
    public async Task Pictures_of_the_test_images_are_taken_for_what_these_are()
    {
        string[] ofSet = await Lines("--data", _data.Folder, "--count", $"{Count}", "--format", "csv");
        string[] ofFiles = await Lines(Folder, "--format", "csv");

        Assert.That(ofFiles[0], Is.EqualTo("file,class1,probability1,class2,probability2,class3,probability3"));
        Assert.That(ofSet[0], Is.EqualTo("image,truth,class1,probability1,class2,probability2,class3,probability3"));
        Assert.That(ofFiles.Skip(1).Select(line => line.Split(',')[0]), Is.EqualTo(_pictures));
        Assert.That(
            ofFiles.Skip(1).Select(line => line.Split(',', 2)[1]),
            Is.EqualTo(ofSet.Skip(1).Select(line => line.Split(',', 3)[2])));
        Assert.That(ofFiles.Skip(1).Select(line => line.Split(',')[1]).Distinct().Count(), Is.GreaterThan(1));
    }

    [Test]
    public async Task Networks_on_colors_and_on_rows_of_pixels_see_pictures_as_they_see_the_test_images(
        [Values("3x32x32", "3072", "1024")] string sides)
    {
        string model = _folder.File($"{sides}.safetensors");
        Save(
            DescriptionReader.Parse(
                $"""
                [layer input]
                kind = input
                shape = {sides}
                [layer output]
                kind = dense
                units = 10
                nonlinearity = softmax
                """,
                "flat.ini"),
            model);

        string[] ofSet = await LinesOf(model, "--data", _data.Folder, "--count", "3", "--format", "csv");
        string[] ofFiles = await LinesOf(model, _pictures[0], _pictures[1], _pictures[2], "--format", "csv");

        Assert.That(
            ofFiles.Skip(1).Select(line => line.Split(',', 2)[1]),
            Is.EqualTo(ofSet.Skip(1).Select(line => line.Split(',', 3)[2])));
    }

    [Test]
    public async Task A_network_with_a_single_sigmoid_tells_two_classes_apart()
    {
        const string Text = """
            [layer input]
            kind = input
            shape = 1024
            [layer output]
            kind = dense
            units = 1
            nonlinearity = sigmoid
            """;
        string model = _folder.File("binary.safetensors");
        Save(DescriptionReader.Parse(Text, "binary.ini"), model, ["cat", "dog"]);

        string[] lines = await LinesOf(model, _pictures[0], _pictures[1], "--format", "csv");

        Assert.That(lines[0], Is.EqualTo("file,class1,probability1,class2,probability2"));
        foreach (string[] cells in lines.Skip(1).Select(line => line.Split(',')))
        {
            Assert.That(new[] { cells[1], cells[3] }, Is.EquivalentTo(new[] { "cat", "dog" }));
            Assert.That(double.Parse(cells[2], null) + double.Parse(cells[4], null), Is.EqualTo(1).Within(1e-3));
        }
    }

    [Test]
    public async Task Json_says_the_same_as_comma_separated_values_and_nothing_else()
    {
        string[] lines = await Lines(Folder, "--format", "csv");
        string file = _folder.File("out.json");
        (int code, string output, _) = await TestCommandLine.Run(
            "predict", "--load", Model, Folder, "-o", file, "--device", "cpu");

        using JsonDocument json = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        Assert.That(code, Is.Zero);
        Assert.That(output, Is.Empty);
        Assert.That(
            json.RootElement.EnumerateArray().Select(one => $"{one.GetProperty("file").GetString()}," + string.Join(
                ',', one.GetProperty("best").EnumerateArray()
                    .Select(best =>
                        $"{best.GetProperty("class").GetString()},{best.GetProperty("probability").GetRawText()}"))),
            Is.EqualTo(lines.Skip(1)));
    }

    [Test]
    public async Task For_people_a_line_names_the_three_most_probable_classes()
    {
        (_, string output, _) = await TestCommandLine.Run("predict", "--load", Model, _pictures[0], "--device", "cpu");

        Assert.That(output, Does.Match(@"^\S+000\.png( +[a-z]+ 0\.\d\d,?){3}$"));
    }

    [Test]
    public async Task A_broken_picture_is_one_sentence_and_the_others_are_done(
        [Values("text", "csv", "json")] string format)
    {
        string broken = _folder.File("broken.png"), missing = _folder.File("missing.png");
        await File.WriteAllBytesAsync(broken, (await File.ReadAllBytesAsync(_pictures[0]))[..^20]);

        (int code, string output, string errors) = await TestCommandLine.Run(
            ["predict", "--load", Model, _pictures[0], broken, missing, _pictures[1], "--format", format, "--device",
                "cpu"]);

        Assert.That(code, Is.EqualTo(CommandLine.Failed));
        Assert.That(output, Does.Contain("000.png").And.Contain("001.png"));
        Assert.That(output, Does.Not.Contain("broken").And.Not.Contain("missing"));
        Assert.That(errors.Split('\n').Select(line => line.Trim()), Is.EqualTo(new[]
        {
            $"{broken} is damaged: it ends before the picture does.",
            $"There is no file {missing}.",
            "2 of 4 pictures could not be read.",
        }));
    }

    [Test]
    public async Task Where_no_picture_can_be_read_the_list_is_empty()
    {
        (int code, string output, _) = await TestCommandLine.Run(
            "predict", "--load", Model, _folder.File("missing.png"), "--format", "json", "--device", "cpu");

        Assert.That(code, Is.EqualTo(CommandLine.Failed));
        Assert.That(JsonDocument.Parse(output).RootElement.GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_name_with_commas_and_quotes_is_quoted()
    {
        string odd = _folder.File("a, \"b\".png");
        File.Copy(_pictures[0], odd, overwrite: true);

        string[] lines = await Lines(odd, "--format", "csv");

        Assert.That(lines[1], Does.StartWith($"\"{odd.Replace("\"", "\"\"", StringComparison.Ordinal)}\","));
    }

    [TestCase("--count 3", "--count is about the test images, but pictures are named: leave one of them out.")]
    [TestCase("--data .", "--data is about the test images, but pictures are named: leave one of them out.")]
    public async Task Options_of_the_test_images_do_not_go_with_pictures(string options, string message)
    {
        (int code, _, string errors) = await TestCommandLine.Run(
            ["predict", "--load", Model, _pictures[0], .. options.Split(' ')]);

        Assert.That(code, Is.EqualTo(CommandLine.Failed));
        Assert.That(errors, Is.EqualTo(message));
    }

    private static void Save(NetworkDescription network, string path, string[]? names = null)
    {
        using var net = new NeuralNet(network.MakeLayers());
        net.Initialize();
        string[] classes = names ??
            ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
        new ModelFile(network, classes, IsSynthetic: false).Save(path, net);
    }

    private Task<string[]> Lines(params string[] args) => LinesOf(Model, args);

    private static async Task<string[]> LinesOf(string model, params string[] args)
    {
        (int code, string output, _) = await TestCommandLine.Run(
            ["predict", "--load", model, "--device", "cpu", .. args]);
        Assert.That(code, Is.Zero);
        return output.Split('\n');
    }
}
