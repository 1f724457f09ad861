using Engine.Compile;
using Engine.Graph;
using Engine.Inspection;
using Engine.IO;
using Engine.Layers;
using Engine.Tests.Onnx;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using BatchNorm = Engine.Layers.BatchNorm;
using Conv2D = Engine.Layers.Conv2D;
using Dropout = Engine.Layers.Dropout;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Layers;

/// <summary>Layers that consist of layers: parameters are shared only on purpose.</summary>
public class InnerLayerTests
{
    private static IEnumerable<TestCaseData> Accidents()
    {
        yield return Case("the outer scope for two", "block.W", (x, scope) =>
            new Dense(2).Build(new Dense(2).Build(x, scope), scope));
        yield return Case("two children of one name", "block.a.W", (x, scope) =>
            new Dense(2).Build(x, scope.Child("a")) + new Dense(2).Build(x, scope.Child("a")));
        yield return Case("one child for two", "block.a.W", (x, scope) =>
        {
            LayerScope child = scope.Child("a");
            return new Dense(2).Build(x, child) + new Dense(2).Build(x, child);
        });
        yield return Case("a grandchild whose names meet", "block.a.b.W", (x, scope) =>
            new Dense(2).Build(x, scope.Child("a").Child("b")) + new Dense(2).Build(x, scope.Child("a.b")));
        yield return Case("another shape", "block.W", (x, scope) =>
            new Dense(3).Build(new Dense(2).Build(x, scope), scope));
        yield return Case("a parameter of one's own", "block.w", (x, scope) =>
            x * scope.Parameter("w", [2], new Full(1)) * scope.Parameter("w", [2], new Full(1)));
        yield return Case("averages that are followed", "block.beta", (x, scope) =>
            new BatchNorm().Build(new BatchNorm().Build(x, scope), scope));
        yield return Case("shared by one of two only", "block.a.W", (x, scope) =>
            new Dense(2).Build(x, scope.Child("a")) + new Dense(2).Build(x, scope.Child("a", isShared: true)));
    }

    [TestCaseSource(nameof(Accidents))]
    public void A_parameter_that_is_asked_for_twice_in_one_Build_is_refused(
        string parameter, Func<Variable, LayerScope, Variable> build)
    {
        using var net =
            new NeuralNet(("input", new Input(2)), ("block", new Block(build)), ("y", new Dense(2, Softmax)));

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>()
            .With.Message.StartsWith($"The parameter '{parameter}' is asked for twice in one Build")
            .And.Message.Contains("scope.Child(").And.Message
            .Matches(@"Layer 'block.*'\. Built at .*InnerLayerTests\.cs:\d+"));
    }

    [Test]
    public void Names_that_meet_those_of_another_layer_are_refused()
    {
        using var net = new NeuralNet(
            ("input", new Input(2)), ("a", new Block((x, scope) => new Dense(2).Build(x, scope.Child("b")))),
            ("a.b", new Dense(2)), ("y", new Dense(2, Softmax)));

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("The parameter 'a.b.W' is asked for twice"));
    }

    [Test]
    public void An_inner_layer_needs_a_name() => Assert.That(
        () => new Network([(null, new Input(2)), ("b", new Block((x, scope) => x * scope.Child(" ").FloatX.Size()))],
            DType.Float32, 1).Layers,
        Throws.TypeOf<EngineException>().With.Message.StartsWith("An inner layer needs a name"));

    [Test]
    public void Each_inner_layer_has_parameters_state_and_random_numbers_of_its_own()
    {
        using NeuralNet net = Residuals();
        (Tensor images, int[] labels) = Images();
        net.Fit(images, labels);

        string[] names = [.. net.GetParameters().Select(pair => pair.Key)];
        Assert.That(names.Where(name => name.StartsWith("block1.", StringComparison.Ordinal)), Is.EqualTo(new[]
        {
            "block1.first.W", "block1.first.b", "block1.first.norm.beta", "block1.first.norm.gamma",
            "block1.first.norm.mean", "block1.first.norm.inv_std",
            "block1.second.W", "block1.second.b", "block1.second.norm.beta", "block1.second.norm.gamma",
            "block1.second.norm.mean", "block1.second.norm.inv_std",
        }));
        Assert.That(names, Is.Unique);
        Assert.That(Value(net, "block1.first.norm.mean"), Is.Not.EqualTo(Value(net, "block1.second.norm.mean")));
        Assert.That(net.LearnableParameters, Is.EqualTo((4 * ((4 * 4 * 9) + 4 + 8)) + (4 * 9 + 4) + (4 * 64 * 3) + 3));
        Assert.That(net.Network.Streams.Keys, Is.SupersetOf(new[] { "block1.first", "block1.second", "block2.first" }));
        Assert.That(net.TrainHistory[^1].TrainLoss, Is.LessThan(net.TrainHistory[0].TrainLoss));
    }

    [Test]
    public void They_are_saved_loaded_shown_and_exported_under_their_names()
    {
        using var folder = new TempFolder();
        using NeuralNet net = Residuals(), loaded = Residuals(), resumed = Residuals();
        (Tensor images, int[] labels) = Images();
        net.Fit(images, labels);

        Parameters.Save(folder.File("a.safetensors"), net.GetParameters());
        loaded.SetParameters(Parameters.Load(folder.File("a.safetensors")));
        net.SaveState(folder.File("a.state"));
        resumed.LoadState(folder.File("a.state"));
        net.ExportOnnx(folder.File("a.onnx"));

        NdArray expected = NdArray.From(net.PredictProba(images));
        Assert.That(NdArray.From(loaded.PredictProba(images)).Data, Is.EqualTo(expected.Data));
        OnnxRun.AssertSame(expected, OnnxRun.Run(folder.File("a.onnx"), ("input", images)));
        net.PartialFit(images, labels);
        resumed.PartialFit(images, labels);
        Assert.That(Value(resumed, "block2.second.W"), Is.EqualTo(Value(net, "block2.second.W")));
        LayerTable table = LayerTable.Of(net);
        Assert.That(table.Parameters, Is.EqualTo(net.LearnableParameters));
        Assert.That(
            table.Layers[2].Parameters, Is.EqualTo(2 * ((4 * 4 * 9) + 4 + 8)), "block1's are its inner layers'");
    }

    [Test]
    public void Sharing_on_purpose_is_said_by_all_who_share()
    {
        using NeuralNet shared = Twice((x, scope) =>
        {
            Variable once = new Dense(2, Linear).Build(x, scope.Child("a", isShared: true));
            return new Dense(2, Linear).Build(once, scope.Child("a", isShared: true));
        });
        using NeuralNet kept = Twice((x, scope) =>
        {
            Variable w = scope.Child("a").Parameter("W", [2, 2], new GlorotUniform());
            return Dot(Dot(x, w), w);
        });
        Tensor x = Tensor.From([1f, 2f, -1f, 0.5f], 2, 2);

        Assert.That(shared.GetParameters().Select(pair => pair.Key),
            Is.EqualTo(new[] { "block.a.W", "block.a.b", "y.W", "y.b" }));
        Assert.That(Bits(shared), Is.EqualTo(Bits(kept)));

        float[] Bits(NeuralNet net)
        {
            using (net)
            {
                net.Initialize();
                return net.PredictProba(x).AsSpan<float>().ToArray();
            }
        }
    }

    [Test]
    public void Averages_that_two_layers_share_follow_one_after_the_other()
    {
        using NeuralNet net =
            Twice((x, scope) => Normal(scope).Build(Normal(scope).Build(x, Child(scope)) * 3, Child(scope)));
        Tensor x = Tensor.From([1f, 2f, 3f, 6f], 2, 2);
        net.PartialFit(x, [0, 1]);

        // The means of the batch are (2, 4), then those of the normalized and tripled values: 0.
        float[] mean = Value(net, "block.n.mean");
        Assert.That(mean, Is.EqualTo(new[] { 0.5f * (0.5f * 2), 0.5f * (0.5f * 4) }).Within(1e-6));

        static BatchNorm Normal(LayerScope scope) => new() { Alpha = 0.5 };

        static LayerScope Child(LayerScope scope) => scope.Child("n", isShared: true);
    }

    [TestCase(null, null, 0.0)]
    [TestCase(0.5, null, 0.5)]
    [TestCase(0.5, 0.25, 0.25)]
    [TestCase(null, 0.25, 0.25)]
    [TestCase(0.5, 0.0, 0.0)]
    public void The_penalty_of_an_inner_layer_is_its_own_or_else_that_of_the_layer_around_it(
        double? outer, double? inner, double expected)
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        double plain = Loss(null, null);

        Assert.That(Loss(outer, inner) - plain, Is.EqualTo(8 * expected).Within(1e-12));

        double Loss(double? outer, double? inner)
        {
            using var net = new NeuralNet(
                ("input", new Input(2)),
                ("block", new Block((x, scope) => new Tanned(scope.Name) { L2 = inner }.Build(
                    new Dense(2) { L2 = inner, W = new Full(1) }.Build(x, scope.Child("a")),
                    scope.Child("b", new Dense(1) { L2 = inner })))
                { L2 = outer }),
                ("y", new Dense(3, Softmax)))
            {
                FloatX = DType.Float64,
                MaxEpochs = 1,
                Update = new Sgd(0),
            };
            return net.Fit(points, labels).TrainHistory[0].TrainLoss;
        }
    }

    private static TestCaseData Case(string name, string parameter, Func<Variable, LayerScope, Variable> build) =>
        new TestCaseData(parameter, build).SetArgDisplayNames(name);

    private static NeuralNet Twice(Func<Variable, LayerScope, Variable> build)
    {
        var net = new NeuralNet(("input", new Input(2)), ("block", new Block(build)), ("y", new Dense(2, Softmax)));
        net.Initialize();
        return net;
    }

    private static float[] Value(NeuralNet net, string name) =>
        net.GetParameters().Single(pair => pair.Key == name).Value.AsSpan<float>().ToArray();

    private static (Tensor Images, int[] Labels) Images()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        float[] pixels = [.. points.AsSpan<float>().ToArray().Chunk(2)
            .SelectMany(point => Enumerable.Range(0, 64).Select(i => point[i % 2]))];
        return (Tensor.From(pixels, 60, 1, 8, 8), labels);
    }

    private static NeuralNet Residuals() => new(
        ("input", new Input(1, 8, 8)), ("conv", new Conv2D(4, 3) { Pad = "same" }),
        ("block1", new Residual(4)), ("block2", new Residual(4)), ("y", new Dense(3, Softmax)))
    {
        MaxEpochs = 3,
        BatchIteratorTrain = new BatchIterator(12),
    };

    private sealed class Block(Func<Variable, LayerScope, Variable> build) : Layer
    {
        public override Variable Build(Variable input, LayerScope scope) => build(input, scope);
    }

    /// <summary>A custom layer with a weight of four ones.</summary>
    private sealed class Tanned(string name) : Layer
    {
        public override Variable Build(Variable input, LayerScope scope)
        {
            Assert.That(scope.Name, Is.EqualTo($"{name}.b"));
            return Tanh(Dot(input, scope.Parameter("W", [2, 2], new Full(1))));
        }
    }

    private sealed class Residual(int filters) : Layer
    {
        private readonly Half _first = new(filters), _second = new(filters);

        public override Variable Build(Variable input, LayerScope scope) =>
            input + _second.Build(_first.Build(input, scope.Child("first")), scope.Child("second"));
    }

    /// <summary>An inner layer with inner layers; it builds one of them with its own scope.</summary>
    private sealed class Half(int filters) : Layer
    {
        public override Variable Build(Variable input, LayerScope scope)
        {
            Variable y = new Conv2D(filters, 3, Linear) { Pad = "same" }.Build(input, scope);
            y = new BatchNorm().Build(y, scope.Child("norm"));
            return new Dropout(0.1).Build(Rectify(y), scope);
        }
    }
}
