using Engine.Data;
using Engine.Layers;
using Engine.Onnx;
using Engine.Ops;
using Engine.Runner;
using Engine.Training;
using static Engine.Ops.Symbolic;
using AveragePool2D = Engine.Layers.AveragePool2D;
using Conv2D = Engine.Layers.Conv2D;
using Flatten = Engine.Layers.Flatten;
using MaxPool2D = Engine.Layers.MaxPool2D;
using Reshape = Engine.Layers.Reshape;
using Shipped = Engine.Runner.Description.Networks;
using SymbolicInput = Engine.Graph.Input;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Onnx;

/// <summary>
/// Networks with every layer, exported and run by ONNX Runtime, give the probabilities that they give here, on 100 test
/// images of CIFAR-10 if the machine has them, else on generated ones.
/// </summary>
public class OnnxNetworkTests
{
    private const int Images = 100;

    private static readonly Lazy<Cifar10Set> s_data = new(() => Cifar10.Load(new Cifar10Options
    {
        AllowDownload = false,
        SyntheticSize = (Images, Images),
    }));

    private static IEnumerable<TestCaseData> Networks()
    {
        yield return Case("perceptron", Mlp([100, 100]));
        yield return Case("convolutional", Cnn());
        yield return Case("every layer",
        [
            new Input(1, 32, 32),
            new Conv2D(6, (3, 5), Linear) { Pad = "same", B = null }, new BatchNorm(), new Activation(Rectify),
            new MaxPool2D(3) { Stride = 2, Pad = 1 },
            new Conv2D(5, 3, x => LeakyRectify(x, 0.1)) { Stride = (2, 1), Pad = "full", FlipFilters = false },
            new AveragePool2D((3, 2)) { Stride = 2, Pad = 1, IgnoreBorder = false },
            new MaxPool2D(2) { IgnoreBorder = false },
            new Dropout(0.3), new Reshape(5, -1), new Flatten(), new BatchNorm { Beta = null, Gamma = null },
            new Dense(20, Tanh) { B = null }, new Dense(10, Softmax),
        ]);
        yield return Case("pixels as they are",
        [
            new Input(1, 32, 32) { DType = DType.UInt8 }, new Activation(x => x / 255), new Dense(10, Softmax),
        ]);
        yield return Case("nonlinearities of one's own",
        [
            new Input(1, 32, 32),
            new Dense(30, x => x * Sigmoid(x)), new Dense(30, x => Where(Greater(x, 0), x, 0.5 * Expm1(x))),
            new Dense(30, Elu), new Dense(30, Softplus), new Dense(30, x => Clip(x, -1, 1) + Square(Maximum(x, 0.1))),
            new Dense(30, x => x - Mean(x, [1], keepDims: true)), new Dense(10, x => Exp(LogSoftmax(x))),
        ]);
    }

    [TestCaseSource(nameof(Networks))]
    public void A_network_gives_in_ONNX_Runtime_what_it_gives_here(Layer[] layers)
    {
        using var folder = new TempFolder();
        using var net = new NeuralNet(layers) { MaxEpochs = 1, Update = new NesterovMomentum(0.01f, 0.9f) };
        Cifar10Images images = s_data.Value.Test.First(Images);
        Tensor x = ((Input)layers[0]).DType == DType.UInt8
            ? images.Images.Rows(0, images.Count).Reshape(images.Count * 3, 1, 32, 32).Rows(0, Images)
            : images.Grayscale(flat: ((Input)layers[0]).Dimensions.Rank == 1);

        // A little training first, so that averages and biases change from their initial values.
        net.Fit(x, images.Labels.Rows(0, Images));
        net.ExportOnnx(folder.File("a.onnx"));

        TestContext.Out.WriteLine($"Images: {s_data.Value.Source}.");
        Assert.That(x.Shape[0], Is.EqualTo(Images));
        NdArray expected = NdArray.From(net.PredictProba(x));
        OnnxRun.AssertSame(expected, OnnxRun.Run(folder.File("a.onnx"), (net.Layers[0].Name, x)));
        Assert.That(expected.Data.Max(), Is.GreaterThan(expected.Data.Min()), "not the same for every image and class");
    }

    [Test]
    public void Any_number_of_samples_may_be_given()
    {
        using var folder = new TempFolder();
        using var net = new NeuralNet(Cnn());
        net.ExportOnnx(folder.File("a.onnx"));
        foreach (int count in new[] { 1, 7 })
        {
            Tensor x = s_data.Value.Test.Grayscale().Rows(0, count);
            OnnxRun.AssertSame(NdArray.From(net.PredictProba(x)), OnnxRun.Run(folder.File("a.onnx"), ("input0", x)));
        }
    }

    [Test]
    public void A_network_of_double_precision_is_exported_as_one()
    {
        using var folder = new TempFolder();
        Layer[] layers = [new Input(4), new Dense(3, Tanh), new Dense(2, Softmax)];
        using var net = new NeuralNet(layers) { FloatX = DType.Float64 };
        net.ExportOnnx(folder.File("a.onnx"));
        Tensor x = Tensor.From([0.5, -1, 2, 0.25], 1, 4);

        OnnxRun.AssertSame(
            NdArray.From(net.PredictProba(x)), OnnxRun.Run(folder.File("a.onnx"), ("input0", x)), 1e-12);
    }

    [Test]
    public void A_graph_of_ones_own_is_exported_with_names()
    {
        using var folder = new TempFolder();
        SymbolicInput a = Matrix("a"), b = Vector("b");
        OnnxExport.Save(folder.File("a.onnx"), [a, b], KeyValuePair.Create("total", a * 2 + b));

        NdArray total = OnnxRun.Run(
            folder.File("a.onnx"), ("a", Tensor.From([1f, 2], 2, 1)), ("b", Tensor.From([10f, 20, 30])));
        Assert.That(total.Shape, Is.EqualTo(Shape.Create(2, 3)));
        Assert.That(total.Data, Is.EqualTo(new[] { 12.0, 22, 32, 14, 24, 34 }));
    }

    /// <summary>x - y·⌊x / y⌋ in single precision would be off by whole numbers, or not a number.</summary>
    [Test]
    public void A_remainder_is_exact_for_large_and_infinite_quotients()
    {
        using var folder = new TempFolder();
        SymbolicInput x = Vector("x"), y = Vector("y");
        OnnxExport.Save(folder.File("a.onnx"), [x, y], KeyValuePair.Create("rest", Mod(x, y)));

        NdArray rest = OnnxRun.Run(
            folder.File("a.onnx"), ("x", Tensor.From([1e9f, -1e9f, 5f, -5f, 6f, -5f])),
            ("y", Tensor.From([7f, 7f, float.PositiveInfinity, float.NegativeInfinity, -3f, 3f])));
        Assert.That(rest.Data, Is.EqualTo(new[] { 6.0, 1, 5, -5, 0, 1 }));
    }

    [Test]
    public void A_kernel_of_ones_own_and_a_missing_input_are_named()
    {
        using var folder = new TempFolder();
        SymbolicInput x = Vector("x"), y = Vector("y");
        Variable cube = new CudaKernelOp("cube", """extern "C" __global__ void cube() {}""", (_, _) => { }).Call(x);

        Assert.That(() => OnnxExport.Save(folder.File("a.onnx"), [x], KeyValuePair.Create("y", cube)),
            Throws.TypeOf<EngineException>().With.Message.Contains("cube cannot be exported"));
        Assert.That(() => OnnxExport.Save(folder.File("a.onnx"), [x], KeyValuePair.Create("y", x + y)),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("'y' (float32 (?)) is needed but is not an"));
    }

    private static TestCaseData Case(string name, Layer[] layers) =>
        new TestCaseData((object)layers).SetArgDisplayNames(name);

    private static Layer[] Mlp(int[] hidden) =>
        [.. Shipped.Mlp.WithHidden(hidden).MakeLayers().Select(named => named.Layer)];

    private static Layer[] Cnn() => [.. Shipped.Cnn.MakeLayers().Select(named => named.Layer)];
}
