using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Server;
using Engine.Tests.Runner;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Model = Engine.Models.Model;

namespace Engine.Tests.Server;

/// <summary>
/// The pages in a browser: what a user can see and do. ENGINE_TEST_PICTURES names a folder for pictures of them.
/// </summary>
[NonParallelizable]
public class PageTests
{
    private static readonly Sides[] s_windows =
        [new(1280, 800, false), new(1280, 800, true), new(375, 740, false), new(375, 740, true)];

    [OneTimeSetUp]
    public void RequireBrowser()
    {
        if (Browser.Program is null)
        {
            Assert.Ignore("There is no Chromium on the PATH: the pages were not looked at.");
        }
    }

    [TestCaseSource(nameof(s_windows))]
    public async Task A_form_is_filled_in_and_sent_by_keyboard_alone(Sides window)
    {
        using Model model = Model.Train(
            new DataSet("tools", new Table(
                new NumberColumn("weight", [.. Enumerable.Range(0, 60).Select(i => (double)(i % 7))]),
                new TextColumn("color", Enumerable.Range(0, 60).Select(i => i % 3 == 0 ? "red" : "blue")),
                new TextColumn("kind", Enumerable.Range(0, 60).Select(i => i % 7 > 3 ? "heavy" : "light"))), "kind"),
            new ModelOptions { Epochs = 5 });
        await using PredictionServer server = await PredictionServer.StartAsync(model, new ServerOptions { Port = 0 });
        await using Browser browser = await Browser.Start();
        await browser.Open(server.Address, window.Width, window.Height, window.IsDark);
        await browser.Until("document.querySelectorAll('#fields input, #fields select').length === 2");

        await browser.Press("Tab", 9);
        Assert.That((string?)await browser.Value("document.activeElement.name"), Is.EqualTo("weight"));
        await browser.Value("document.activeElement.select()");
        await browser.Press("6", 54, "6");
        await browser.Press("Enter", 13, "\r");
        await browser.Until("document.querySelector('#results h2') !== null");

        Assert.That((string?)await browser.Value("document.querySelector('#results h2').textContent"),
            Is.EqualTo(model.PredictOne(new Dictionary<string, object?> { ["weight"] = 6, ["color"] = "blue" }).Class));
        Assert.That((string?)await browser.Value("document.getElementById('error').textContent"), Is.Empty);
        await Look(browser, window, "form");

        await browser.Value(
            "document.querySelector('select').selectedIndex = 0; document.querySelector('form button').click()");
        await browser.Until("document.querySelectorAll('#results h2').length === 2");
        Assert.That((string?)await browser.Value("document.querySelector('#results h2').textContent"),
            Is.EqualTo(model.PredictOne(new Dictionary<string, object?> { ["weight"] = 6, ["color"] = null }).Class));
    }

    [TestCaseSource(nameof(s_windows))]
    public async Task A_value_that_is_not_in_a_long_list_may_be_typed(Sides window)
    {
        using Model model = Model.Train(
            new DataSet("journeys", new Table(
                new TextColumn("city", Enumerable.Range(0, 200).Select(i => i < 70 ? $"c{i}" : $"c{i % 65}")),
                new TextColumn("kind", Enumerable.Range(0, 200).Select(i => i % 7 > 3 ? "far" : "near"))), "kind"),
            new ModelOptions { Epochs = 5 });
        await using PredictionServer server = await PredictionServer.StartAsync(model, new ServerOptions { Port = 0 });
        await using Browser browser = await Browser.Start();
        await browser.Open(server.Address, window.Width, window.Height, window.IsDark);
        await browser.Until("document.querySelectorAll('#fields input').length === 1");
        Assert.That((int?)await browser.Value("document.querySelector('#fields input').list.options.length"),
            Is.EqualTo(((OneHot)model.Inputs.Transforms[0]).Values.Count));

        await browser.Value(
            "document.querySelector('#fields input').value = 'Graz'; document.querySelector('form button').click()");
        await browser.Until("document.querySelector('#results h2') !== null");

        Assert.That((string?)await browser.Value("document.querySelector('#results h2').textContent"),
            Is.EqualTo(model.PredictOne(new Dictionary<string, object?> { ["city"] = "Graz" }).Class));
        await Look(browser, window, "list");
    }

    [TestCaseSource(nameof(s_windows))]
    public async Task Texts_have_room_and_classes_that_are_numbers_come_by_their_probability(Sides window)
    {
        string[] words = ["zero nothing none", "one single alone", "two pair both", "three trio triple",
            "four square quartet", "five hand fingers", "six dice hexagon"];
        using Model model = Model.Train(
            new DataSet("numbers", new Table(
                new TextColumn("text", Enumerable.Range(0, 140).Select(i => $"{words[i % 7]} and so on, number {i}")),
                new NumberColumn("class", [.. Enumerable.Range(0, 140).Select(i => (double)(i % 7))])), "class"),
            new ModelOptions { Epochs = 20 });
        await using PredictionServer server = await PredictionServer.StartAsync(model, new ServerOptions { Port = 0 });
        await using Browser browser = await Browser.Start();
        await browser.Open(server.Address, window.Width, window.Height, window.IsDark);
        await browser.Until("document.querySelectorAll('#fields textarea').length === 1");

        await browser.Value(
            "document.querySelector('textarea').value = 'six of the dice,\\na hexagon and so on'; "
            + "document.querySelector('form button').click()");
        await browser.Until("document.querySelector('#results h2')?.textContent === '6'");

        Assert.That(
            (string?)await browser.Value("document.querySelector('#results .row span').textContent"), Is.EqualTo("6"));
        await Look(browser, window, "text");
    }

    [TestCaseSource(nameof(s_windows))]
    public async Task Pictures_are_dropped_and_predicted_and_a_damaged_one_is_said(Sides window)
    {
        using Model model = Model.Train(
            new DataSet("pictures", new Table(
                new TensorColumn("picture", Tensor.From<byte>(
                    [.. Enumerable.Range(0, 20 * 64).Select(i => (byte)(i / 64 % 2 == 0 ? 20 : 230))], 20, 1, 8, 8)),
                new TextColumn("class", Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? "dark" : "bright"))), "class"),
            new ModelOptions { Epochs = 3, Network = "mlp" });
        await using PredictionServer server = await PredictionServer.StartAsync(model, new ServerOptions { Port = 0 });
        await using Browser browser = await Browser.Start();
        await browser.Open(server.Address, window.Width, window.Height, window.IsDark);
        await browser.Until("!document.getElementById('drop').hidden");
        string png = Convert.ToBase64String(PngWriter.Write([.. Enumerable.Repeat((byte)20, 300)], width: 10));
        const string Drop =
            "(bytes => { const all = new DataTransfer(); all.items.add(new File([bytes], 'night.png', { type: "
                + "'image/png' })); document.getElementById('drop').dispatchEvent(new DragEvent('drop', "
                + "{ dataTransfer: all, cancelable: true })); })";

        await browser.Value($"{Drop}(Uint8Array.from(atob('{png}'), c => c.charCodeAt(0)))");
        await browser.Until("document.querySelector('#results h2')?.textContent === 'dark'");
        await Look(browser, window, "pictures");
        await browser.Value($"{Drop}(new Uint8Array([1, 2, 3]))");
        await browser.Until("document.getElementById('error').textContent.includes('neither a PNG nor a JPEG')");
    }

    [TestCaseSource(nameof(s_windows))]
    public async Task A_training_is_watched_live_and_stopped_by_its_button(Sides window)
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using NeuralNet net = new(
            ("input", new Input(1, 32, 32)), ("conv", new Conv2D(12, 5)), ("pool", new MaxPool2D(4)),
            ("output", new Dense(10, Softmax)))
        {
            MaxEpochs = 100_000,
            Callbacks = [watch],
        };
        await using Browser browser = await Browser.Start();
        await browser.Open(watch.Address, window.Width, window.Height, window.IsDark);
        Assert.That((bool?)await browser.Value("document.getElementById('stop').disabled"), Is.True);
        (Tensor x, int[] y) = Toy.Images(200);
        Task training = Task.Run(() => net.Fit(x, y));

        await browser.Until(
            "document.querySelectorAll('#losses polyline').length === 2 "
            + "&& [...document.querySelectorAll('#losses polyline')].every(curve => curve.points.numberOfItems >= 3)");
        await browser.Until(
            "document.querySelectorAll('#tiles canvas').length === 12 && document.getElementById('speed').textContent "
            + "!== '–'");
        await browser.Value("document.getElementById('stop').focus()");
        await browser.Press("Enter", 13, "\r");
        await training;
        await browser.Until("document.getElementById('state').textContent === 'Stopped on this page.'");

        Assert.That(watch.IsStopped, Is.True);
        Assert.That((bool?)await browser.Value("document.getElementById('accuracy').hidden"), Is.False);
        await Look(browser, window, "watch");
    }

    [Test]
    public async Task A_training_without_validation_has_one_curve_with_letters_of_the_pages_size()
    {
        await using TrainingWatch watch = await TrainingWatch.StartAsync();
        using NeuralNet net = new(new Input(1, 32, 32), new Dense(10, Softmax))
        {
            MaxEpochs = 3,
            TrainSplit = new TrainSplit(0),
            Callbacks = [watch],
        };
        await using Browser browser = await Browser.Start();
        await browser.Open(watch.Address, 1280, 800, isDark: true);
        (Tensor x, int[] y) = Toy.Images(50);

        net.Fit(x, y);

        await browser.Until("document.querySelectorAll('#losses circle').length === 3");
        Assert.That((bool?)await browser.Value("document.getElementById('validKey').hidden"), Is.True);
        Assert.That((bool?)await browser.Value("document.getElementById('accuracy').hidden"), Is.True);
        Assert.That(
            (double?)await browser.Value("document.querySelector('#losses text').getBoundingClientRect().height"),
            Is.InRange(10, 24));
    }

    /// <summary>Checks that nothing is wider than the window, and saves a picture.</summary>
    private static async Task Look(Browser browser, Sides window, string name)
    {
        Assert.That(
            (int?)await browser.Value("document.documentElement.scrollWidth"), Is.LessThanOrEqualTo(window.Width));
        if (Environment.GetEnvironmentVariable("ENGINE_TEST_PICTURES") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllBytesAsync(Path.Combine(folder, $"{name}-{window}.png"), await browser.Picture());
        }
    }

    public sealed record Sides(int Width, int Height, bool IsDark)
    {
        public override string ToString() => $"{(Width < 600 ? "phone" : "desk")}-{(IsDark ? "dark" : "light")}";
    }
}
