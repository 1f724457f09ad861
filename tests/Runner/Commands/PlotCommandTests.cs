using Engine.Runner;

namespace Engine.Tests.Runner;

public class PlotCommandTests
{
    private const string Epochs = """
        {"epoch":1,"train_loss":3,"valid_loss":2,"valid_accuracy":0.25,"train_seconds":1,"dur":1.5}
        {"epoch":2,"train_loss":1,"valid_loss":1.5,"valid_accuracy":0.5,"train_seconds":1,"dur":1.5}

        """;

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void A_history_is_what_its_file_says()
    {
        string file = Write("run.jsonl", Epochs + """{"test_accuracy":0.75,"device":"cpu","synthetic":true}""");

        History history = History.Read([file]).Single();

        Assert.That(
            (history.Name, history.TestAccuracy, history.IsSynthetic), Is.EqualTo(("run", (double?)0.75, true)));
        Assert.That(history.Epochs, Is.EqualTo(new[]
        {
            new EpochFigures(1, 3, 2, 0.25, 1, 1.5), new EpochFigures(2, 1, 1.5, 0.5, 1, 1.5),
        }));
    }

    [Test]
    public void A_training_that_was_killed_as_it_wrote_is_read_up_to_there()
    {
        History history = History.Read([Write("run.jsonl", Epochs + """{"epoch":3,"train_lo""")]).Single();

        Assert.That(history.Epochs, Has.Count.EqualTo(2));
        Assert.That(history.TestAccuracy, Is.Null);
    }

    [Test]
    public void A_comparison_is_a_training_a_device_and_missing_figures_are_nan()
    {
        string file = Write("both.jsonl", """
            {"device":"cpu","epoch":1,"train_loss":3,"valid_loss":null,"valid_accuracy":null}
            {"device":"cuda:0","epoch":1,"train_loss":2,"valid_loss":null,"valid_accuracy":null}
            {"comparison":{}}
            """);

        IReadOnlyList<History> both = History.Read([file]);

        Assert.That(both.Select(history => history.Name), Is.EqualTo(new[] { "both, cpu", "both, cuda:0" }));
        Assert.That(
            both[1].Epochs[0], Is.EqualTo(new EpochFigures(1, 2, double.NaN, double.NaN, double.NaN, double.NaN)));
    }

    [Test]
    public void Files_of_one_name_are_told_apart_by_their_folders()
    {
        Directory.CreateDirectory(_folder.File("b"));
        string[] files = [Write("run.jsonl", Epochs), Write("b/run.jsonl", Epochs)];

        Assert.That(History.Read(files).Select(history => history.Name), Is.EqualTo(files));
    }

    [TestCase("", "FILE holds no epoch of a training; --history FILE writes one as it trains.")]
    [TestCase("not JSON\n{}", "FILE, line 1 is not of a training's history, as --history writes it: ")]
    [TestCase("{\"loss\":1}",
        "FILE, line 1 is not of a training's history, as --history writes it: it has neither epoch nor")]
    [TestCase("{\"epoch\":\"x\"}", "FILE, line 1 is not of a training's history, as --history writes it: ")]
    public async Task A_file_that_is_no_history_is_named_with_its_line(string text, string message)
    {
        string file = Write("wrong.jsonl", text);

        (int code, _, string errors) = await Run("plot", file);

        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.StartWith(message.Replace("FILE", file, StringComparison.Ordinal)
            .Replace("--history " + file, "--history FILE", StringComparison.Ordinal)));
    }

    [Test]
    public async Task In_the_terminal_a_training_is_drawn_with_letters()
    {
        (int code, string output, _) = await Run("plot", Write("run.jsonl", Epochs), "--text");

        Assert.That(code, Is.Zero);
        string[] lines = output.Split('\n');
        Assert.That(lines[0], Is.EqualTo("    loss    t training   v validation"));
        Assert.That(lines[1], Does.Match(@"^   3\.000 \|t+$"));
        Assert.That(lines[14], Does.Match(@"^   1\.000 \| +t+$"));
        Assert.That(output, Does.Contain("val acc %    v validation").And.Contain("    50.0 |"));
        Assert.That(lines.Max(line => line.Length), Is.EqualTo(80));
    }

    [Test]
    public void Where_curves_meet_there_is_a_star_and_what_is_no_number_is_left_out()
    {
        IReadOnlyList<string> lines = TextPlot.Draw(
            "y",
            [
                new TextCurve('a', "up", [(0, 0), (1, 1), (2, 2), (3, double.NaN)]),
                new TextCurve('b', "down", [(0, 2), (1, 1), (2, 0)]),
            ],
            width: 13, height: 3);

        Assert.That(lines, Is.EqualTo(new[]
        {
            "       y    a up   b down",
            "   2.000 |b a",
            "   1.000 | *",
            "   0.000 |a b",
            "         +---",
            "          0 2",
        }));
        Assert.That(TextPlot.Draw("y", [new TextCurve('a', "none", [(0, double.NaN)])], 20, 3), Is.Empty);
    }

    [TestCase("curves.png", new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' })]
    [TestCase("curves.SVG", new[] { (byte)'<', (byte)'?', (byte)'x', (byte)'m' })]
    public async Task A_picture_is_written_in_the_format_that_its_name_says(string name, byte[] start)
    {
        string picture = _folder.File(name);

        (int code, string output, _) = await Run("plot", Write("run.jsonl", Epochs), "-o", picture, "--width", "500");

        Assert.That(code, Is.Zero);
        Assert.That(output, Is.EqualTo($"{picture}: 500x420"));
        Assert.That(File.ReadAllBytes(picture)[..4], Is.EqualTo(start));
    }

    [Test]
    public async Task A_picture_that_cannot_be_written_is_said()
    {
        string history = Write("run.jsonl", Epochs);

        Assert.That((await Run("plot", history, "-o", "curves.gif")).Errors, Is.EqualTo(
            "-o: a picture is a .png or a .svg file, not curves.gif."));
        string missing = Path.Combine(_folder.File("none"), "curves.png");
        Assert.That((await Run("plot", history, "-o", missing)).Errors, Is.EqualTo(
            $"-o: {missing} cannot be written, since the folder {_folder.File("none")} does not exist."));
        Assert.That(
            (await Run("plot", _folder.File("none"))).Errors, Is.EqualTo($"There is no file {_folder.File("none")}."));
    }

    private static Task<(int Code, string Output, string Errors)> Run(params string[] args) =>
        TestCommandLine.Run(args);

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder.File(name), text);
        return _folder.File(name);
    }
}
