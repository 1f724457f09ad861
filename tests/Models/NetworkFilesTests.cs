using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Models;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Add = Engine.Layers.Add;
using Concat = Engine.Layers.Concat;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Models;

/// <summary>
/// Networks with several inputs and outputs, and with layers in several places, are restored from a file unchanged.
/// </summary>
public class NetworkFilesTests
{
    [Test]
    public void A_network_of_several_inputs_outputs_and_shared_layers_is_whole_in_a_file()
    {
        using var folder = new TempFolder();
        using Network network = Siamese();
        network.SaveNetwork(folder.File("a.safetensors"));

        using Network again = NetworkFiles.LoadNetwork(folder.File("a.safetensors"));

        Assert.That(again.Inputs.Select(input => input.Name), Is.EqualTo(network.Inputs.Select(input => input.Name)));
        Assert.That(again.Outputs.Select(output => output.Name), Is.EqualTo(new[] { "kind", "sum" }));
        Assert.That(again.Layers.Select(layer => layer.Name),
            Is.EqualTo(network.Layers.Select(layer => layer.Name)).And.Contain("twin:2"));
        Assert.That(again.Parameters.Select(parameter => parameter.ToString()),
            Is.EqualTo(network.Parameters.Select(parameter => parameter.ToString())));
        Assert.That(again.Parameters.Count(parameter => parameter.Name.StartsWith("twin", StringComparison.Ordinal)),
            Is.EqualTo(2));
        Assert.That(Outputs(again), Is.EqualTo(Outputs(network)));
    }

    [Test]
    public void A_network_of_a_file_predicts_at_once()
    {
        using var folder = new TempFolder();
        using var network = new Network(new Dense(3, Softmax).On(new Input(2)));
        network.SaveNetwork(folder.File("a.safetensors"));
        using Network again = NetworkFiles.LoadNetwork(folder.File("a.safetensors"));
        using var saved = new NeuralNet(network);
        using var loaded = new NeuralNet(again);
        Tensor x = Tensor.From([1f, -2f, 0.5f, 4f], 2, 2);

        Assert.That(
            loaded.PredictProba(x).AsSpan<float>()
                .ToArray(), Is.EqualTo(saved.PredictProba(x).AsSpan<float>().ToArray()));
    }

    [Test]
    public void A_file_that_says_nothing_of_its_network_and_a_damaged_one_are_refused()
    {
        using var folder = new TempFolder();
        using Network network = Siamese();
        network.SaveNetwork(folder.File("a.safetensors"));
        Engine.IO.SafetensorsFile file = Engine.IO.Parameters.LoadAll(folder.File("a.safetensors"));
        Engine.IO.Parameters.Save(folder.File("bare.safetensors"), file.Tensors);
        Engine.IO.Parameters.Save(folder.File("less.safetensors"), file.Tensors.Skip(1), file.Metadata);

        Assert.That(
            () => NetworkFiles.LoadNetwork(folder.File("bare.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("does not say which network"));
        Assert.That(
            () => NetworkFiles.LoadNetwork(folder.File("less.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("it lacks twin.W"));
        using var custom = new Network(new Expression(x => x * 2).On(new Input(2)));
        Assert.That(() => custom.SaveNetwork(folder.File("b.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("has no name"));
        using var transformer =
            new Network(new TransformerBlock(1, 2) { Nonlinearity = x => Tanh(x * 2) }.On(new Input(2, 2)));
        Assert.That(
            () => transformer.SaveNetwork(folder.File("b.safetensors")),
            Throws.TypeOf<EngineException>().With.Message.Contains("The nonlinearity of the layer").And.Message
                .Contains("no name"));
    }

    private static Layer[] OfEveryKind(double? l1, double? l2, bool isTrainable, double? rateFactor) =>
    [
        new Embedding(5, 4) { L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor },
        new Lstm(4) { L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor },
        new LayerNorm { L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor },
        new Residual(new TransformerBlock(2, 3) { L2 = 0.5, RateFactor = 3 })
        {
            L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor,
        },
        new BatchNorm { L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor },
        new Dense(2) { L1 = l1, L2 = l2, IsTrainable = isTrainable, RateFactor = rateFactor },
    ];

    [TestCase(null, null, true, null, false)]
    [TestCase(0.25, null, true, null, true)]
    [TestCase(null, 0.125, true, 0.1, false)]
    [TestCase(0.5, 0.0, false, 2.0, true)]
    public void What_training_does_to_a_layer_is_in_the_file(
        double? l1, double? l2, bool isTrainable, double? rateFactor, bool isDouble)
    {
        using var folder = new TempFolder();
        using var network =
            new Network([new Input(3) { DType = DType.Int32 }, .. OfEveryKind(l1, l2, isTrainable, rateFactor)])
            {
                FloatX = isDouble ? DType.Float64 : DType.Float32,
            };
        network.Freeze("embedding1", "dense6.W");
        network.Unfreeze("lstm2.U");
        network.SaveNetwork(folder.File("a.safetensors"));

        using Network again = NetworkFiles.LoadNetwork(folder.File("a.safetensors"));

        Assert.That(again.FloatX, Is.EqualTo(network.FloatX));
        Assert.That(again.Parameters.Select(Tags), Is.EqualTo(network.Parameters.Select(Tags)));

        static string Tags(Parameter parameter) => FormattableString.Invariant(
            $"{parameter} {parameter.Tags.Layer.L1} {parameter.Tags.Layer.L2} {parameter.IsTrainable} {parameter.IsFrozen} {parameter.RateFactor}");
    }

    private static readonly (string Name, string Dimensions, Func<Layer> Make)[] s_layers =
    [
        ("sequence", "4", () =>
            new Sequence(new Dense(3) { Name = "first" }, new BatchNorm(), new Dense(2, Tanh) { RateFactor = 0.5 })),
        ("residual", "2x4x4",
            () => new Residual(new Conv2D(2, 3) { Pad = "same" }, new BatchNorm { IsTrainable = false })
            {
                Nonlinearity = Rectify,
            }),
        ("residual, shortcut", "2x4x4", () => new Residual(new Conv2D(3, 3, Linear) { Pad = "same" })
        {
            Shortcut = new Conv2D(3, 1, Linear) { B = null },
        }),
        ("residual of residuals", "4", () => new Residual(new Residual(new Dense(4)), new Sequence(new Dense(4)))),
        ("bidirectional", "3x2", () => new Bidirectional(new Lstm(2), new Gru(3) { Backwards = true })),
        ("stacked", "3x2",
            () => new Stacked(new Lstm(2), new Bidirectional(new Gru(2), new Gru(2) { Backwards = true }))
            {
                Dropout = 0.25,
            }),
        ("recurrence", "3x2",
            () => new Recurrence(new Sequence(new Engine.Layers.Concat(), new Dense(2, Tanh)), 2) { OnlyLast = true }),
        ("dense of steps", "3x2", () => new Dense(2) { LeadingAxes = 2 }),
        ("gelu", "4", () => new Dense(2, Gelu)), ("selu", "4", () => new Dense(2, Selu)),
        ("silu", "4", () => new Activation(Silu)),
        ("leaky", "4", () => new Dense(2, x => LeakyRectify(x, 0.2))),
        ("elu", "4", () => new Activation(x => Elu(x, 0.3))),
        ("concat", "4", () => new Engine.Layers.Concat(-1)),
        ("slice", "3x2", () => new Engine.Layers.Slice(-1, 1) { DropsAxis = true }),
        ("add", "4", () => new Add(-0.5)), ("lstm, learned start", "3x2", () => new Lstm(2) { Start = new Normal() }),
        ("recurrent, all steps", "3x2", () => new Recurrent(2) { TruncateGradient = -1 }),
        ("layer norm", "4", () => new LayerNorm { Gamma = null }),
        ("group norm", "4", () => new GroupNorm(2) { Beta = null }),
        ("rms norm", "4", () => new RmsNorm { Gamma = null }),
        ("batch norm", "4", () => new BatchNorm { Gamma = null, Beta = null, Epsilon = 1e-5 }),
        ("attention", "3x2", () => new MultiHeadAttention(1) { B = null }),
        ("transformer", "3x2", () => new TransformerBlock(1, 2) { Nonlinearity = Rectify }),
        ("pad", "1x2x2x2", () => new Engine.Layers.Pad(1, 0, 2)), ("upscale", "1x2x2x2", () => new Upscale(1, 2, 3)),
    ];

    [TestCaseSource(nameof(Layers))]
    public void A_layer_is_whole_in_a_file(string dimensions, Func<Layer> make)
    {
        using var folder = new TempFolder();
        int[] input = [.. dimensions.Split('x').Select(int.Parse)];
        using var network = new Network(new Input(input), make()) { FloatX = DType.Float64 };
        network.SaveNetwork(folder.File("a.safetensors"));

        using Network again = NetworkFiles.LoadNetwork(folder.File("a.safetensors"));

        Assert.That(again.Parameters.Select(Tags), Is.EqualTo(network.Parameters.Select(Tags)));
        Assert.That(Values(again), Is.EqualTo(Values(network)));

        static string Tags(Parameter parameter) =>
            FormattableString.Invariant($"{parameter} {parameter.IsTrainable} {parameter.RateFactor}");

        double[] Values(Network of)
        {
            using var function = Function.Compile([.. of.Inputs], [of.Output]);
            return NdArray.From(function.Call(
                Tensor.From([.. Enumerable.Range(0, 2 * input.Aggregate((a, b) => a * b)).Select(i => Math.Sin(i))],
                    [2, .. input]))[0]).Data;
        }
    }

    private static IEnumerable<TestCaseData> Layers() =>
        s_layers.Select(each => new TestCaseData(each.Dimensions, each.Make).SetArgDisplayNames(each.Name));

    private static Network Siamese()
    {
        Input left = new(6) { Name = "left" }, right = new(6) { Name = "right" };
        var twin = new Dense(4, Tanh) { Name = "twin" };
        Node a = twin.On(left), b = twin.On(right);
        Node sum = new Add { Name = "sum" }.On(a, b);
        return new Network(new Dense(3, Softmax) { Name = "kind" }.On(new Concat { Name = "both" }.On(a, b)), sum);
    }

    private static double[] Outputs(Network network)
    {
        using var function =
            Function.Compile([.. network.Inputs], [.. network.Outputs.Select(output => output.Output)]);
        Tensor x = Tensor.From([.. Enumerable.Range(0, 12).Select(i => (i / 6f) - 1)], 2, 6),
            y = Tensor.From([.. Enumerable.Range(0, 12).Select(i => i % 5 / 4f)], 2, 6);
        return [.. function.Call(x, y).SelectMany(output => NdArray.From(output).Data)];
    }
}
