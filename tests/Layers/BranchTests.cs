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
using Add = Engine.Layers.Add;
using Concat = Engine.Layers.Concat;
using Input = Engine.Layers.Input;
using SymbolicInput = Engine.Graph.Input;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Layers;

/// <summary>Networks of any structure: several inputs and outputs, branches, layers in several places.</summary>
public class BranchTests
{
    [Test]
    public void A_network_that_branches_is_put_together_in_the_order_of_what_stands_on_what()
    {
        var image = new Input(1, 8, 8) { Name = "image" };
        Node body = image.Then(new Conv2D(4, 3) { Pad = "same", Name = "a" }, new Conv2D(4, 3) { Pad = "same" });
        Node sum = new Add().On(body, new Conv2D(4, 1) { Name = "around" }.On(image));
        using var network = new Network(new Dense(3, Softmax).On(sum));

        Assert.That(
            network.Layers.Select(layer => $"{layer.Name} on {string.Join(" and ", layer.Inputs)}"), Is.EqualTo(new[]
            {
                "image on ", "a on image", "conv2d2 on a", "around on image", "add4 on conv2d2 and around",
                "dense5 on add4",
            }));
        Assert.That(network.Inputs.Select(input => input.Name), Is.EqualTo(new[] { "image" }));
        Assert.That(network.ToString(), Does.Contain("add4     Add     conv2d2, around  (?, 4, 8, 8)"));
    }

    [Test]
    public void A_layer_in_two_places_has_one_set_of_parameters()
    {
        Input left = new(3) { Name = "left" }, right = new(3) { Name = "right" };
        var twin = new Sequence(new Dense(4, Tanh), new Dense(2, Linear)) { Name = "twin" };
        var distance = new Merge((a, b) => Sum(Square(a - b), [1], keepDims: true)) { Name = "distance" };
        using var net = new NeuralNet(distance.On(twin.On(left), twin.On(right))) { Regression = true };
        net.Initialize();
        Tensor x = Tensor.From([1f, -2f, 0.5f, 0f, 0.25f, 3f], 2, 3), y = Tensor.From([0f, 1f, 2f, 1f, -1f, 1f], 2, 3);

        Assert.That(net.GetParameters().Select(pair => pair.Key), Is.EqualTo(new[]
        {
            "twin.dense0.W", "twin.dense0.b", "twin.dense1.W", "twin.dense1.b",
        }));
        Assert.That(net.Layers.Select(layer => layer.Name),
            Is.EqualTo(new[] { "left", "twin", "right", "twin:2", "distance" }));
        Assert.That(Numbers(net.Predict(Pair(x, x))), Is.All.Zero);
        Assert.That(Numbers(net.Predict(Pair(x, y))), Is.EqualTo(Numbers(net.Predict(Pair(y, x)))));
        Assert.That(
            Numbers(net.GetOutput("twin", Pair(x, y))), Is.EqualTo(Numbers(net.GetOutput("twin:2", Pair(y, x)))));

        // Both places train it.
        float[] before = Numbers(net.GetParameters()[0].Value);
        net.PartialFit(Pair(x, y), Tensor.From([0f, 0f]));
        Assert.That(Numbers(net.GetParameters()[0].Value), Is.Not.EqualTo(before));

        static Tensors Pair(Tensor a, Tensor b) => new() { ["left"] = a, ["right"] = b };
    }

    [Test]
    public void Layers_alike_that_are_two_have_parameters_each()
    {
        var x = new Input(3);
        using var network = new Network(new Add().On(new Dense(2).On(x), new Dense(2).On(x)));

        Assert.That(network.Parameters.Select(parameter => parameter.Name), Is.EqualTo(new[]
        {
            "dense1.W", "dense1.b", "dense2.W", "dense2.b",
        }));
    }

    [Test]
    public void Several_outputs_are_learnt_together_with_their_losses_and_weights()
    {
        (Tensor points, int[] labels) = Toy.Clouds(120);
        Tensor sums = Tensor.From([.. Numbers(points).Chunk(2).Select(pair => pair[0] + pair[1])], 120, 1);
        Node hidden = new Dense(16, Tanh) { Name = "hidden" }.On(new Input(2) { Name = "point" });
        using var net = new NeuralNet(
            new Dense(3, Softmax) { Name = "class" }.On(hidden), new Dense(1, Linear) { Name = "sum" }.On(hidden))
        {
            Losses = new Dictionary<string, OutputLoss> { ["sum"] = new(SquaredError, 0.5) { Regression = true } },
            Update = new Adam(0.02f),
            MaxEpochs = 60,
        };
        net.Fit(points, new Tensors { ["class"] = Tensor.From(labels), ["sum"] = sums });

        Assert.That(
            net.Score(points, new Tensors { ["class"] = Tensor.From(labels), ["sum"] = sums }), Is.GreaterThan(0.95));
        Tensors all = net.PredictAll(points);
        Assert.That(all.Names, Is.EqualTo(new[] { "class", "sum" }));
        Assert.That(Numbers(all["class"]), Is.EqualTo(Numbers(net.PredictProba(points))));
        Assert.That(
            Numbers(all["sum"]).Zip(Numbers(sums), (a, b) => Math.Abs(a - b)).Average(), Is.LessThan(0.15));
        EpochRecord last = net.TrainHistory[^1];
        Assert.That(last.ValidAccuracy, Is.GreaterThan(0.9));
        Assert.That(last.TrainLoss, Is.LessThan(net.TrainHistory[0].TrainLoss / 3));
    }

    [Test]
    public void The_loss_of_several_outputs_is_the_weighted_sum_of_theirs()
    {
        Tensor x = Tensor.From([1f, -2f, 0.5f, 0f], 2, 2), y = Tensor.From([1f, 2f], 2, 1),
            z = Tensor.From([0f, -1f], 2, 1);
        var point = new Input(2) { Name = "point" };
        Node a = new Dense(1, Linear) { Name = "a" }.On(point), b = new Dense(1, Linear) { Name = "b" }.On(point);
        double both = Loss(new Network(a, b), new Tensors { ["a"] = y, ["b"] = z }, ("a", 2), ("b", 0.5));
        double first = Loss(new Network(a), y), second = Loss(new Network(b), z);

        Assert.That(both, Is.EqualTo((2 * first) + (0.5 * second)).Within(1e-6 * both));

        static double Loss(Network network, Tensors targets, params (string Name, double Weight)[] weights)
        {
            using (network)
            {
                using var trainer = new Trainer(network)
                {
                    Regression = true,
                    Losses = weights.ToDictionary(pair => pair.Name, pair => new OutputLoss(Weight: pair.Weight)),
                };
                Tensor x = Tensor.From([1f, -2f, 0.5f, 0f], 2, 2);
                double loss = trainer.Loss(x, targets);
                Assert.That(trainer.Step(x, targets), Is.EqualTo(loss).Within(1e-6), "a step's loss is that before it");
                return loss;
            }
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Named_inputs_are_trained_on_by_way_of_device_and_host(bool isOnDevice)
    {
        (Tensor points, int[] labels) = Toy.Clouds(90);
        float[] numbers = Numbers(points);
        Tensors halves = new()
        {
            ["x"] = Tensor.From([.. numbers.Where((_, i) => i % 2 == 0)], 90, 1),
            ["y"] = Tensor.From([.. numbers.Where((_, i) => i % 2 == 1)], 90, 1),
        };
        using NeuralNet branched = Net(Joined()),
            plain = Net(new Dense(3, Softmax) { Name = "class" }.On(new Input(2)));
        branched.Initialize();
        plain.Initialize();
        plain.SetParameters(branched.GetParameters());
        branched.Fit(halves, labels);
        plain.Fit(points, labels);

        Assert.That(
            branched.TrainHistory.Select(record => record.TrainLoss),
            Is.EqualTo(plain.TrainHistory.Select(record => record.TrainLoss)).Within(1e-6));

        NeuralNet Net(Node output) => new(output)
        {
            MaxEpochs = 3,
            Update = new Sgd(0.1f),
            BatchIteratorTrain = new(20)
            {
                Shuffle = true,
                Transform = isOnDevice ? null : batch => batch with { X = batch.X },
            },
        };

        static Node Joined() => new Dense(3, Softmax) { Name = "class" }.On(
            new Concat().On(new Input(1) { Name = "x" }, new Input(1) { Name = "y" }));
    }

    [Test]
    public void A_branched_network_is_saved_shown_and_exported()
    {
        using var folder = new TempFolder();
        using NeuralNet net = Branched(1), other = Branched(2);
        (Tensor points, int[] labels) = Toy.Clouds(40);
        Tensors x = new() { ["points"] = points, ["more"] = points };
        net.PartialFit(x, labels);
        net.SaveState(folder.File("a.state"));
        Parameters.Save(folder.File("a.safetensors"), net.GetParameters());
        net.ExportOnnx(folder.File("a.onnx"));
        other.LoadParameters(folder.File("a.safetensors"));

        Assert.That(Numbers(other.PredictProba(x)), Is.EqualTo(Numbers(net.PredictProba(x))));
        NdArray expected = NdArray.From(net.PredictProba(x));
        OnnxRun.AssertSame(expected, OnnxRun.Run(folder.File("a.onnx"), ("points", points), ("more", points)));
        using NeuralNet resumed = Branched(1);
        resumed.LoadState(folder.File("a.state"));
        net.PartialFit(x, labels);
        resumed.PartialFit(x, labels);
        Assert.That(Numbers(resumed.PredictProba(x)), Is.EqualTo(Numbers(net.PredictProba(x))));
        LayerTable table = LayerTable.Of(net);
        Assert.That(table.Parameters, Is.EqualTo(net.LearnableParameters));
        Assert.That(table.Layers.Select(layer => layer.Name), Is.EqualTo(net.Layers.Select(layer => layer.Name)));
        Assert.That(net.Layers[^1].Inputs, Is.EqualTo(new[] { "joined" }));

        static NeuralNet Branched(ulong seed)
        {
            Input points = new(2) { Name = "points" }, more = new(2) { Name = "more" };
            Node joined = new Concat { Name = "joined" }.On(
                new Dense(3) { Name = "a" }.On(points),
                new Residual(new Dense(2) { Name = "r" }) { Name = "b" }.On(more), points);
            return new NeuralNet(new Dense(3, Softmax) { Name = "class" }.On(joined)) { Seed = seed };
        }
    }

    [Test]
    public void What_cannot_be_a_network_is_refused_by_the_layer()
    {
        var x = new Input(3) { Name = "x" };

        Refused("Two layers are named 'a'", () => new Network(new Add().On(
            new Dense(2) { Name = "a" }.On(x), new Dense(2) { Name = "a" }.On(x))).Layers);
        Refused("Dense has one input, and 2 are given", () => new Network(new Dense(2).On(x, x)).Layers);
        Refused("Dense is put on nothing", () => new Network(new Dense(2).On()).Layers);
        Refused("An Input layer is where a network begins", () => new Input(2).On(x));
        Refused("Add needs inputs with as many dimensions", () => new Network(new Add().On(x, new Input(1, 3))).Layers);
        Refused("Add has 1 factors, but 2 inputs", () => new Network(new Add(2).On(x, x)).Layers);
        Refused("Concat joins samples along their own axes", () => new Concat(0));
        Refused("A network needs an output", () => new Network(Array.Empty<Node>()).Layers);
        Refused("There is a loss for 'b', which is no output",
            () => new NeuralNet(new Dense(2, Softmax) { Name = "a" }.On(x))
            {
                Losses = new Dictionary<string, OutputLoss> { ["b"] = new() },
            }.Initialize());
    }

    [Test]
    public void Tensors_that_are_missing_unknown_or_of_another_number_are_named()
    {
        Input left = new(2) { Name = "left" }, right = new(2) { Name = "right" };
        using var net = new NeuralNet(new Dense(3, Softmax) { Name = "class" }.On(new Add().On(left, right)));
        Tensor two = new(DType.Float32, [2, 2]), three = new(DType.Float32, [3, 2]);
        net.Initialize();

        Refused(
            "x needs a tensor for each input of the network, 'left' and 'right', "
            + "and one tensor without a name is given",
            () => net.Predict(two));
        Refused("'right' missing and there is no input 'rihgt'",
            () => net.Predict(new Tensors { ["left"] = two, ["rihgt"] = two }));
        Refused("There are 2 samples for the input 'left' but 3 for 'right'",
            () => net.Predict(new Tensors { ["left"] = two, ["right"] = three }));
        Refused("there is no output 'y'", () => net.Fit(
            new Tensors { ["left"] = two, ["right"] = two }, new Tensors { ["y"] = Tensor.From([0, 1]) }));
    }

    [Test]
    public void A_network_is_put_on_variables_of_any_graph_and_two_may_share_parameters()
    {
        var x = new Input(4) { Name = "x" };
        Node code = new Dense(2, Tanh) { Name = "code" }.On(x);
        using var autoencoder = new Network(new Dense(4, Linear) { Name = "back" }.On(code));
        using var encoder = new Network(code) { SharesWith = autoencoder };
        SymbolicInput v = Matrix("v");
        using var f = Function.Compile(
            [v], [autoencoder.GetOutput(v), autoencoder.GetOutput(v, "code"), encoder.GetOutput(v)]);
        Tensor samples = Tensor.From([1f, 2f, -1f, 0.5f], 1, 4);
        Tensor[] results = f.Call(samples);

        Assert.That(encoder.Parameters.Select(parameter => parameter.Variable),
            Is.EqualTo(autoencoder.Parameters.Take(2).Select(parameter => parameter.Variable)));
        Assert.That(Numbers(results[1]), Is.EqualTo(Numbers(results[2])));
        Assert.That(results[0].Shape, Is.EqualTo(Shape.Create(1, 4)));
        Refused("There is no layer 'cod' but 'x', 'code', 'back'", () => autoencoder.GetOutput(v, "cod"));
        Refused("The network's input 'x' is float32 (?, 4) and cannot be a float32 (?)",
            () => autoencoder.GetOutput(Vector("v")));
    }

    private static float[] Numbers(Tensor tensor) => tensor.AsSpan<float>().ToArray();

    private static void Refused(string message, Func<object?> make) => Refused(message, () => { make(); });

    private static void Refused(string message, Action act) =>
        Assert.That(() => act(), Throws.TypeOf<EngineException>().With.Message.Contains(message));
}
