using Engine.IO;
using Engine.Models.Description;
using Engine.Plots;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Training;
using StbImageSharp;

namespace Engine.Tests.Runner;

public class ShowCommandTests
{
    private SmallModel _model = null!;

    [SetUp]
    public void Make() => _model = new SmallModel();

    [TearDown]
    public void Delete() => _model.Dispose();

    [Test]
    public async Task A_shipped_networks_layers_are_shown_with_what_they_cost()
    {
        (int code, string output, string errors) = await Run("show", "cnn");

        Assert.That((code, errors), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain(
            "3  conv2    Conv2D     32x14x14       2,080   809 k  25.1 kB    6x6    80.0    15.6"));
        Assert.That(output, Does.EndWith(
            "127,906 learnable parameters; all parameters take 512 kB; "
            + "one sample takes 1.93 M FLOPs and 120 kB of outputs."));
        Assert.That((await Run("show", "mlp")).Output, Does.Contain(
            "1  hidden  Dense  100        102,500   205 k    400 B\n"));
    }

    [Test]
    public async Task A_saved_model_brings_its_network_along_and_another_may_be_named()
    {
        string model = _model.Save(), mine = _model.Write("mine.json", SmallModel.Convolutional);
        string bare = _model.File("bare.npz");
        Parameters.Save(bare, Parameters.Load(model));

        (int code, string output, _) = await Run("show", model);

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("1  look    Conv2D     3x33x32"));
        Assert.That((await Run("show", mine)).Output, Is.EqualTo(output));
        Assert.That((await Run("show", bare, "--network", mine)).Output, Is.EqualTo(output));
        Assert.That((await Run("show", bare)).Errors, Does.StartWith($"{bare} does not say of which network it is"));
    }

    [Test]
    public async Task Pictures_of_a_saved_model_are_drawn_and_its_right_answers_counted()
    {
        string model = _model.Save(), folder = _model.File("pictures/of it");

        (int code, string output, string errors) = await Run(
            ["show", model, "-o", folder, "--explain", "3,0", .. _model.Options]);

        Assert.That((code, errors), Is.EqualTo((0, "")));
        foreach (string name in (string[])["filters", "confusion", "mistakes", "maps"])
        {
            byte[] png = File.ReadAllBytes(Path.Combine(folder, $"{name}.png"));
            Assert.That(ImageResult.FromMemory(png, ColorComponents.RedGreenBlue).Width, Is.EqualTo(1600));
            Assert.That(output, Does.Contain($"{name}.png: 800x"));
        }

        using var net = new NeuralNet(DescriptionReader.Parse(SmallModel.Convolutional, "it.json").MakeLayers());
        net.SetParameters(Parameters.Load(model));
        int right = (int)Math.Round(
            SmallModel.TestImages * net.Score(_model.Images.Test.Grayscale(), _model.Images.Test.Labels));
        Assert.That(output, Does.EndWith($"\n{right} of 40 test images right: {100.0 * right / 40:F2} %"));
    }

    [Test]
    public async Task Pictures_of_what_is_only_described_are_refused()
    {
        Assert.That(await Run("show", "cnn", "--pictures", _model.File("x")), Is.EqualTo((1, "",
            "cnn describes a network that has learned nothing yet: pictures are of a saved one. "
            + "'runner train cnn --save FILE' makes such.")));
        Assert.That(Directory.Exists(_model.File("x")), Is.False);
        Assert.That((await Run("show", "cnn", "--network", "mlp")).Errors, Is.EqualTo(
            "--network mlp says which network a saved file is of, but cnn is a description itself: "
            + "take one of them away."));
    }

    [TestCase("--explain 1,40", 1, "--explain: there is no test image 40: there are 40, from 0 to 39.")]
    [TestCase("--explain 1,", 2,
        "--explain must be numbers of images from 0 on with commas between, as 0,12, not '1,'. "
        + "See 'runner show --help'.")]
    [TestCase("--square 0", 2, "--square must be a whole number, at least 1, not '0'. See 'runner show --help'.")]
    [TestCase("--mistakes x", 2, "--mistakes must be a whole number, at least 0, not 'x'. See 'runner show --help'.")]
    public async Task A_bad_option_is_said(string options, int exitCode, string message)
    {
        (int code, _, string errors) = await Run(
            ["show", _model.Save(), "-o", _model.File("pictures"), .. options.Split(' '), .. _model.Options]);

        Assert.That((code, errors), Is.EqualTo((exitCode, message)));
    }

    [Test]
    public async Task What_is_not_there_or_does_not_fit_is_said()
    {
        string model = _model.Save(), other = _model.Save(
            SmallModel.Convolutional.Replace("10,", "9,", StringComparison.Ordinal), "nine.safetensors", classes: []);
        string file = _model.Write("file", "");

        Assert.That((await Run("show", "cnm")).Errors, Does.StartWith("There is no file cnm: did you mean 'cnn'?"));
        Assert.That((await Run("show", "no.safetensors")).Errors, Does.Contain("no.safetensors"));
        Assert.That((await Run("show", model, "--network", "cnn")).Errors, Does.StartWith(
            $"{model}: The parameters are of another network: conv1.W (16, 1, 3, 3) is missing; "));
        Assert.That((await Run(["show", other, "-o", _model.File("x"), .. _model.Options])).Errors, Is.EqualTo(
            $"{other} gives 9 numbers an image, but the images are of 10 classes."));
        Assert.That((await Run(["show", model, "-o", file, .. _model.Options])).Errors, Does.StartWith(
            $"--pictures: the folder {file} cannot be made: "));
    }

    [Test]
    public async Task It_is_said_when_a_model_was_trained_on_other_images_and_when_no_filters_look_at_pixels()
    {
        string model = _model.Save(
            """
            { "layers": [ { "kind": "input", "shape": [3, 32, 32] }, { "kind": "average_pool2d", "size": 8 },
                          { "kind": "dense", "units": 10, "nonlinearity": "softmax" } ] }
            """,
            isSynthetic: true);

        (int code, _, string errors) = await Run(
            ["show", model, "-o", _model.File("p"), "--mistakes", "0", .. _model.Options]);

        Assert.That(code, Is.Zero);
        Assert.That(errors.Split('\n'), Is.EqualTo(new[]
        {
            $"NOTE: {model} was trained on drawn images, and is tried on photographs.",
            "NOTE: the first layer that learns does not look at pixels, so there is no filters.png.",
        }));
        IEnumerable<string?> written = Directory.GetFiles(_model.File("p")).Select(Path.GetFileName);
        Assert.That(written, Is.EquivalentTo(new[] { "confusion.png", "maps.png" }));
    }

    [Test]
    public void Filters_are_shown_as_they_lie_over_the_image()
    {
        Tensor w = Tensor.From([1f, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6], 2, 1, 2, 3);

        FirstFilters turned = Filters(SmallModel.Convolutional, "look.W", w);
        FirstFilters straight = Filters(
            SmallModel.Convolutional.Replace("\"pad\": 1", "\"flip_filters\": false", StringComparison.Ordinal),
            "look.W", w);

        Assert.That((turned.Layer, turned.What, turned.Total), Is.EqualTo(("look", "2 filters of 2x3", 2)));
        Assert.That(turned.Filters[0].Single().Values, Is.EqualTo(new[] { 6f, 5, 4, 3, 2, 1 }));
        Assert.That(straight.Filters[1].Single().Values, Is.EqualTo(new[] { -1f, -2, -3, -4, -5, -6 }));
    }

    [Test]
    public void The_weights_of_units_are_shown_under_their_pixels_plane_by_plane()
    {
        const string Dense = """
            { "layers": [ { "kind": "input", "shape": 3072 }, { "name": "hidden", "kind": "dense", "units": 3 } ] }
            """;
        Tensor w = Tensor.From([.. Enumerable.Range(0, 3072 * 3).Select(i => (float)i)], 3072, 3);

        FirstFilters shown = Filters(Dense, "hidden.W", w, max: 2);

        Assert.That((shown.Filters.Count, shown.Total), Is.EqualTo((2, 3)));
        IReadOnlyList<Raster> second = shown.Filters[1];
        Assert.That(second, Has.Count.EqualTo(3));
        Assert.That(second[2].Values[33], Is.EqualTo((((2 * 1024) + 33) * 3) + 1));
    }

    private static FirstFilters Filters(string json, string name, Tensor weights, int max = 9) =>
        FirstFilters.Of(DescriptionReader.Parse(json, "it.json"), [KeyValuePair.Create(name, weights)], max)!;

    private static Task<(int Code, string Output, string Errors)> Run(params string[] args) =>
        TestCommandLine.Run(args);
}
