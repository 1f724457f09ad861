using Engine.Layers;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Tests.Onnx;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Conv2D = Engine.Layers.Conv2D;

namespace Engine.Tests.Runner;

/// <summary>ONNX files on the command line.</summary>
[NonParallelizable]
public class OnnxCommandTests
{
    /// <summary>
    /// A network that distinguishes pictures with a bright upper half from others, by two numbers that are no
    /// probabilities.
    /// </summary>
    private static string Halves(TempFolder folder, params object[] sample)
    {
        string path = folder.File("halves.onnx");
        sample = sample.Length > 0 ? sample : [1, 8, 8];
        float[] w = [.. Enumerable.Range(0, 64).SelectMany(at => at < 32 ? (float[])[1, 0] : [0, 1])];
        File.WriteAllBytes(path, new ModelMaker()
            .Input("image", Engine.Onnx.OnnxType.Float, ["n", .. sample])
            .Output("scores", Engine.Onnx.OnnxType.Float, "n", 2)
            .Floats("w", w, 64, 2).Node("Flatten", "image", "flat").Node("MatMul", "flat w", "scores").Bytes());
        return path;
    }

    [Test]
    public async Task Pictures_are_predicted_as_the_options_say()
    {
        using var folder = new TempFolder();
        string model = Halves(folder), picture = folder.File("a.png");
        File.WriteAllBytes(picture, PngWriter.Write(
            [.. Enumerable.Range(0, 64).Select(at => (byte)(at < 32 ? 255 : 0))], width: 8, channels: 1));

        (int code, string output, string errors) = await TestCommandLine.Run(
            "predict", "--load", model, picture, "--format", "csv", "--classes", "sky,ground", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[1], Does.Match(",sky,1"));

        // Scores of ±0.5 instead of 32 and 0.
        (code, output, errors) = await TestCommandLine.Run(
            "predict", "--load", model, picture, "--format", "csv", "--classes", "sky,ground", "--mean", "0.5", "--std",
            "32", "--device", "cpu");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[1], Does.Match(",sky,0.731"));
    }

    [TestCase("nchw", 1, 8, 8)]
    [TestCase("NHWC", 8, 8, 1)]
    public async Task Channels_come_first_or_last_as_is_said(string layout, int first, int second, int third)
    {
        using var folder = new TempFolder();
        string model = Halves(folder, first, second, third), picture = folder.File("a.png");
        File.WriteAllBytes(picture, PngWriter.Write(
            [.. Enumerable.Range(0, 64).Select(at => (byte)(at < 32 ? 255 : 0))], width: 8, channels: 1));

        (int code, string output, string errors) = await TestCommandLine.Run(
            "predict", "--load", model, picture, "--format", "csv", "--classes", "sky,ground", "--layout", layout,
            "--device", "cpu");

        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n')[1], Does.Match(",sky,1"));
    }

    [Test]
    public async Task A_network_is_shown_explained_and_checked()
    {
        using var folder = new TempFolder();
        string model = folder.File("cnn.onnx");
        using (var net = new NeuralNet(
            new Input(1, 8, 8), new Conv2D(3, 3, Rectify) { Name = "conv" }, new Dense(4, Softmax) { Name = "kinds" }))
        {
            net.ExportOnnx(model);
        }

        (int code, string output, string errors) = await TestCommandLine.Run("show", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("onnx").And.Contain("predicts 'class'").And.Contain("made by: Engine"));

        (code, output, errors) =
            await TestCommandLine.Run("explain", model, "--batch", "4", "--device", "cpu", "--stage", "graph");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("conv2D"));

        (code, output, errors) = await TestCommandLine.Run("onnx", "check", model);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("made by Engine").And.Contain("ai.onnx 17").And.Match(@"Conv +1 +yes").And
            .Contain("input0").And.Contain("parameters: 466"));
    }

    /// <summary>Networks as skl2onnx and others write them; the kernels are those of the loss that fits them.</summary>
    [TestCase("values", "absolute|subtract", "softmax")]
    [TestCase("labels and probabilities", "crossEntropy", "activation")]
    [TestCase("a column for each input", "crossEntropy", "activation")]
    [TestCase("whole numbers", "crossEntropy", "activation")]
    [TestCase("one probability", "crossEntropy", "softmax")]
    public async Task The_training_step_of_any_table_is_explained(string what, string has, string lacks)
    {
        using var folder = new TempFolder();
        string path = folder.File("table.onnx");
        const Engine.Onnx.OnnxType Real = Engine.Onnx.OnnxType.Float;
        var maker = new ModelMaker().Floats("w1", [1, 2], 2, 1).Floats("w", [1, -1, 2, 1], 2, 2);
        if (what == "values")
        {
            maker.Input("x", Real, "n", 2).Node("MatMul", "x w1", "y").Output("y", Real, "n", 1);
        }
        else if (what == "labels and probabilities")
        {
            maker.Input("x", Real, "n", 2).Node("MatMul", "x w", "s").Node("Softmax", "s", "p")
                .Node("ArgMax", "s", "label", ("axis", 1L)).Output("label", Engine.Onnx.OnnxType.Int64, "n", 1)
                .Output("p", Real, "n", 2);
        }
        else if (what == "a column for each input")
        {
            maker.Input("a", Real, "n", 1).Input("b", Real, "n", 1).Node("Concat", "a b", "x", ("axis", 1L))
                .Node("MatMul", "x w", "s").Node("Softmax", "s", "p").Output("p", Real, "n", 2);
        }
        else if (what == "whole numbers")
        {
            maker.Input("x", Engine.Onnx.OnnxType.Int64, "n", 2).Node("Cast", "x", "real", ("to", 1L))
                .Node("MatMul", "real w", "s").Node("Softmax", "s", "p").Output("p", Real, "n", 2);
        }
        else
        {
            maker.Input("x", Real, "n", 2).Node("MatMul", "x w1", "s").Node("Sigmoid", "s", "p")
                .Output("p", Real, "n", 1);
        }

        File.WriteAllBytes(path, maker.Bytes());
        (int code, string output, string errors) =
            await TestCommandLine.Run("explain", path, "--batch", "4", "--device", "cpu", "--stage", "graph");

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(has).And.Not.Contain(lacks));
    }

    /// <summary>
    /// A network for CIFAR-10 says in its ONNX file what its classes are called, and how pixels are scaled.
    /// </summary>
    [TestCase(1)]
    [TestCase(3)]
    public void A_network_saved_as_ONNX_predicts_pictures_as_before(int channels)
    {
        using var folder = new TempFolder();
        string path = folder.File("net.onnx");
        using var net = new NeuralNet(
            new Input(channels, 32, 32), new Conv2D(2, 3, Rectify), new Dense(2, Softmax));
        var network = new NetworkDescription { Path = path, Layers = [] };
        new ModelFile(network, ["cat", "dog"], IsSynthetic: false).Save(path, net);

        byte[] pixels = [.. Enumerable.Range(0, channels * 1024).Select(at => (byte)(at * 7))];
        float[] scaled = [.. pixels.Select(pixel => (pixel / 255f) - 0.5f)];
        float[] expected = [.. net.PredictProba(Tensor.From(scaled, 1, channels, 32, 32)).AsSpan<float>()];
        using Engine.Models.Model again = Engine.Models.Model.FromOnnx(path);
        Engine.Models.Prediction actual = again.Predict(new Engine.Data.Table(
            new Engine.Data.TensorColumn("picture", Tensor.From(pixels, 1, channels, 32, 32))))[0];

        Assert.That(again.Classes, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That(
            actual.Classes.Single(one => one.Class == "dog").Probability, Is.EqualTo(expected[1]).Within(1e-6f));
    }

    [Test]
    public async Task What_is_not_there_is_told_and_fails()
    {
        using var folder = new TempFolder();
        string model = folder.File("odd.onnx");
        File.WriteAllBytes(model, new ModelMaker()
            .Input("x", Engine.Onnx.OnnxType.Float, 2).Output("y", Engine.Onnx.OnnxType.Float, 2)
            .Node("Sparkle", "x", "y").Bytes());

        (int code, string output, _) = await TestCommandLine.Run("onnx", "check", model);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(output, Does.Contain("Sparkle").And.Contain("no: no such op is known"));

        (code, _, string errors) = await TestCommandLine.Run("predict", "--load", model, "--device", "cpu");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("Sparkle of opset 17"));
    }
}
