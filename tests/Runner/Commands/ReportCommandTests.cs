using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Engine.IO;
using StbImageSharp;

namespace Engine.Tests.Runner;

public sealed partial class ReportCommandTests
{
    private const string Epochs = """
        {"epoch":1,"train_loss":3,"valid_loss":2,"valid_accuracy":0.25,"train_seconds":1,"dur":1.5}
        {"epoch":2,"train_loss":1,"valid_loss":1.5,"valid_accuracy":0.125,"train_seconds":1,"dur":2}

        """;

    private SmallModel _model = null!;

    [SetUp]
    public void Make() => _model = new SmallModel();

    [TearDown]
    public void Delete() => _model.Dispose();

    [TestCase("report")]
    [TestCase("show")]
    [TestCase("predict")]
    [TestCase("cnn")]
    public async Task A_history_in_the_place_of_a_model_is_said_to_be_one(string command)
    {
        string a = _model.Write("a.jsonl", Epochs), b = _model.Write("b.jsonl", Epochs);
        string[] args = command switch
        {
            "report" => ["report", a, b, "-o", _model.File("x.html")],
            "show" => ["show", b],
            _ => [command, "--load", b, .. _model.Options],
        };

        Assert.That((await TestCommandLine.Run(args)).Errors, Does.StartWith(
            $"{b} is a training's history. A saved network is what --save wrote"));
    }

    [TestCase("show")]
    [TestCase("predict")]
    [TestCase("train")]
    public async Task What_a_network_does_not_need_is_passed_over_by_name(string command)
    {
        SafetensorsFile saved = Parameters.LoadAll(_model.Save());
        string path = _model.File("more.safetensors"), network = _model.Write("small.json", SmallModel.Convolutional);
        Parameters.Save(
            path,
            [.. saved.Tensors, new("look.num_batches_tracked", Tensor.Scalar(7)), new("x", Tensor.Scalar(7))],
            saved.Metadata);
        string[] args = command switch
        {
            "show" => ["show", path],
            "predict" => ["predict", "--load", path, .. _model.Options],
            _ => ["train", network, "--load", path, "--epochs", "0", .. _model.Options],
        };

        (int code, _, string errors) = await TestCommandLine.Run(args);
        Assert.That((code, errors), Is.EqualTo((1, errors)));
        Assert.That(errors, Does.Contain(
            "look.num_batches_tracked () is not one of this network; x () is not one of this network"));
        Assert.That((await TestCommandLine.Run([.. args, "--ignore", "*.num_batches_tracked"])).Code, Is.EqualTo(1));
        Assert.That((await TestCommandLine.Run([.. args, "--ignore", "*.num_batches_tracked,x"])).Code, Is.Zero);
        Assert.That(
            (await TestCommandLine.Run([.. args, "--ignore", "*.num_batches_tracked", "--ignore", "x"])).Code, Is.Zero);
    }

    [Test]
    public async Task The_page_has_all_that_is_known_and_needs_nothing_but_itself()
    {
        string history = _model.Write("run.jsonl", Epochs + """{"test_accuracy":0.99,"device":"cuda:0"}""");

        string page = await Report(history, _model.Save());

        XElement html = Parsed(page);
        Assert.That(html.Descendants("h2").Select(head => head.Value), Is.EqualTo(new[]
        {
            "Summary", "Learning curves", "Layers", "Classes", "The most confident mistakes",
            "What the network looks at", "First layer, look: 3 filters of 2x3",
        }));
        var facts = html.Descendants("dt")
            .ToDictionary(term => term.Value, term => term.ElementsAfterSelf("dd").Single());
        Assert.That(facts["Best validation accuracy"].Value, Is.EqualTo("25.00 %epoch 1"));
        Assert.That(facts["Training time"].Value, Is.EqualTo("3.5 s2 epochs"));
        Assert.That(facts["Device"].Value, Is.EqualTo("cuda:0tested on cpu"));
        Assert.That(facts["Trained on"].Value, Is.EqualTo("CIFAR-10"));
        Assert.That(facts["Update"].Value, Is.EqualTo("nesterov momentumlearning rate 0.01, momentum 0.9"));
        Assert.That(facts["Test accuracy"].Value, Does.EndWith(" of 40 images"));
        Assert.That(page, Does.Contain("The history says 99.00 % on the test images: it is of another training"));
        Assert.That(html.Descendants("table").First().Descendants("tr").Count(), Is.EqualTo(1 + 4));
        Assert.That(
            html.Descendants("table").Single(table => (string?)table.Parent!.Attribute("aria-label") == "Classes")
                .Descendants("tr").Count(), Is.EqualTo(1 + 10));
        IEnumerable<XElement> around = html.Descendants("table").Select(table => table.Parent!);
        Assert.That(around.Select(each => (string?)each.Attribute("class")), Has.All.EqualTo("scroll"));

        Assert.That(html.Descendants("meta").Select(meta => (string?)meta.Attribute("name")), Does.Contain("viewport"));
        Assert.That(html.Descendants("script"), Is.Empty);
        Assert.That(page, Does.Contain("prefers-color-scheme: dark").And.Not.Contain("url(").And.Not.Contain("@import")
            .And.Not.Contain("http:").And.Not.Contain("https:"));
        string[] loaded = [.. html.Descendants().Attributes()
            .Where(each => each.Name.LocalName is "src" or "srcset" or "href" or "data" or "poster" or "action")
            .Select(each => each.Value)];
        Assert.That(loaded, Has.Length.EqualTo(6 * 4).And.All.StartsWith("data:image/"));
        Assert.That(loaded.Select(IsWhole), Has.All.True);
    }

    [Test]
    public async Task Each_picture_is_there_for_phones_and_for_the_dark_and_says_what_it_shows()
    {
        XElement html = Parsed(await Report(_model.Write("run.jsonl", Epochs), _model.Save()));

        foreach (XElement picture in html.Descendants("picture"))
        {
            IEnumerable<string?> media = picture.Elements("source").Attributes("media").Select(each => each.Value);
            Assert.That(media, Is.EqualTo(new[]
            {
                "(max-width: 640px) and (prefers-color-scheme: dark)",
                "(max-width: 640px)",
                "(prefers-color-scheme: dark)",
            }));
            Assert.That(picture.Elements("source").Select(source => (int)source.Attribute("width")! < 400), Is.EqualTo(
                new[] { true, true, false }));
            Assert.That((string?)picture.Element("img")!.Attribute("alt"), Is.Not.Null.And.Not.Empty);
        }
    }

    [Test]
    public async Task What_others_named_is_text_and_never_markup()
    {
        const string Evil = "<script>alert('1 & \\\"2\\\"')</script>";
        string json = SmallModel.Convolutional.Replace("\"small\"", $"\"{Evil}\"", StringComparison.Ordinal)
            .Replace("\"look\"", "\"<img src=x>\"", StringComparison.Ordinal);
        string[] classes = [.. _model.Images.ClassNames.Skip(1).Prepend("<b>disc</b>")];

        string page = await Report(_model.Write("a & b.jsonl", Epochs), _model.Save(json, classes: classes));

        XElement html = Parsed(page);
        Assert.That(html.Descendants("script").Concat(html.Descendants("b")), Is.Empty);
        Assert.That(html.Descendants("h1").Single().Value, Is.EqualTo("<script>alert('1 & \"2\"')</script>"));
        IEnumerable<string> heads = html.Descendants("th").Select(cell => cell.Value);
        Assert.That(heads, Does.Contain("<b>disc</b>").And.Contain("<img src=x>"));
    }

    [TestCase(true, true, "Trained on drawn images and tested on photographs, which it has never seen.")]
    [TestCase(true, false, "Trained on drawn images and tested on photographs, which it has never seen.")]
    [TestCase(false, false, null)]
    public async Task Drawn_images_are_said_to_be_drawn(bool inHistory, bool inModel, string? warning)
    {
        string end = inHistory ? """{"test_accuracy":0.5,"synthetic":true}""" : "";

        XElement html = Parsed(
            await Report(_model.Write("run.jsonl", Epochs + end), _model.Save(isSynthetic: inModel)));

        string[] warnings =
        [
            .. html.Descendants("p").Where(p => (string?)p.Attribute("class") == "warning").Select(p => p.Value),
        ];
        Assert.That(warnings, warning is null ? Is.Empty : Does.Contain(warning));
        XElement trained = html.Descendants("dt").Single(term => term.Value == "Trained on");
        Assert.That(trained.ElementsAfterSelf().Single().Value, Is.EqualTo(inHistory ? "drawn images" : "CIFAR-10"));
    }

    [Test]
    public async Task A_comparison_shows_each_of_its_trainings()
    {
        string history = _model.Write("both.jsonl", """
            {"device":"cpu","epoch":1,"train_loss":3,"valid_loss":null,"valid_accuracy":null,"dur":2}
            {"device":"cuda:0","epoch":1,"train_loss":2,"valid_loss":null,"valid_accuracy":null,"dur":1}
            {"comparison":{}}
            """);

        XElement html = Parsed(await Report(history, _model.Save()));

        Assert.That(html.Descendants("table").First().Descendants("tr").Skip(1).Select(row => row.Value), Is.EqualTo(
            new[] { "both, cpu13.0002.0cpu", "both, cuda:012.0001.0cuda:0" }));
        Assert.That(html.Descendants("dt").Select(term => term.Value), Does.Not.Contain("Best validation accuracy"));
    }

    [Test]
    public async Task What_cannot_be_read_or_written_is_said()
    {
        string history = _model.Write("run.jsonl", Epochs), model = _model.Save(), none = _model.File("none");

        Assert.That((await Run("report", none, model)).Errors, Is.EqualTo($"There is no file {none}."));
        Assert.That((await Run("report", history, none)).Errors, Does.Contain(none));
        Assert.That((await Run("report", model, history)).Errors, Does.StartWith(
            $"{model} is a saved network (safetensors). A history is a file that --history, "
            + $"HistoryLog or CsvLog wrote."));
        Assert.That((await Run("report", history, model, "-o", Path.Combine(none, "x.html"))).Errors, Is.EqualTo(
            $"-o: {Path.Combine(none, "x.html")} cannot be written, since the folder {none} does not exist."));
    }

    private async Task<string> Report(string history, string model)
    {
        string file = _model.File("report.html");
        (int code, string output, string errors) = await Run(
            ["report", history, model, "-o", file, "--explain", "1", "--mistakes", "3", .. _model.Options]);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match($"^{Regex.Escape(file)}: [0-9,]+ kB$"));
        return File.ReadAllText(file);
    }

    /// <summary>Parses the page as XML, so that an unclosed element fails the test.</summary>
    private static XElement Parsed(string page)
    {
        Assert.That(page, Does.StartWith("<!DOCTYPE html>"));
        using var reader = XmlReader.Create(
            new StringReader(page), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader).Root!;
    }

    private static bool IsWhole(string uri)
    {
        Match match = DataUri().Match(uri);
        byte[] bytes = Convert.FromBase64String(match.Groups[2].Value);
        return match.Groups[1].Value == "png"
            ? ImageResult.FromMemory(bytes, ColorComponents.RedGreenBlue).Width > 600
            : XDocument.Parse(Encoding.UTF8.GetString(bytes)).Root!.Name.LocalName == "svg";
    }

    private static Task<(int Code, string Output, string Errors)> Run(params string[] args) =>
        TestCommandLine.Run(args);

    [GeneratedRegex("^data:image/(png|svg\\+xml);base64,(.+)$")]
    private static partial Regex DataUri();
}
