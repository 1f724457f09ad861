using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Inspection;
using Engine.IO;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Onnx;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>A network that ends with a single sigmoid and learns the labels 0 and 1.</summary>
public class BinaryClassifierTests
{
    private static IEnumerable<TestCaseData> Ends()
    {
        yield return End("a sigmoid", () => [new Dense(1, Sigmoid)]);
        yield return End("a sigmoid behind", () => [new Dense(1, Linear), new Activation(Sigmoid)]);
        yield return End("a sigmoid written out", () => [new Dense(1, x => 1 / (1 + Exp(-x)))]);
        yield return End("half a tanh", () => [new Dense(1, x => (0.5 * Tanh(x)) + 0.5)]);
        yield return End("two classes", () => [new Dense(2, Softmax)]);
        static TestCaseData End(string name, Func<Layer[]> layers) => new TestCaseData(layers).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Ends))]
    public void It_learns_predicts_and_scores(Func<Layer[]> end)
    {
        (Tensor points, int[] labels) = Data(400);
        (Tensor others, int[] otherLabels) = Data(100, seed: 2);
        using NeuralNet net = Net(end());
        net.Fit(points, labels);

        int[] predicted = net.Predict(others).AsSpan<int>().ToArray();
        Tensor p = net.PredictProba(others);

        Assert.That(net.Warnings, Is.Empty);
        Assert.That(net.Classes, Is.EqualTo(2));
        Assert.That(net.TrainHistory[^1].ValidAccuracy, Is.GreaterThan(0.95));
        Assert.That(p.Shape, Is.EqualTo(Shape.Create(100, 2)));
        float[] values = p.AsSpan<float>().ToArray();
        Assert.That(values.Chunk(2).Select(row => row.Sum()), Is.All.EqualTo(1).Within(1e-6));
        Assert.That(predicted, Is.EqualTo(values.Chunk(2).Select(row => row[1] > row[0] ? 1 : 0)));
        float accuracy = (float)predicted.Zip(otherLabels).Count(pair => pair.First == pair.Second) / 100;
        Assert.That(net.Score(others, otherLabels), Is.EqualTo(accuracy).And.GreaterThan(0.95f));
        Assert.That(ConfusionMatrix.Of(net, others, otherLabels).Accuracy, Is.EqualTo(accuracy).Within(1e-6));
        Assert.That(
            Mistake.MostConfident(p, otherLabels, 100), Has.Count.EqualTo(100 - (int)Math.Round(100 * accuracy)));
    }

    [Test]
    public void Its_loss_is_the_binary_cross_entropy([Values] bool isWeighted, [Values] bool onHost)
    {
        (Tensor points, int[] labels) = Data(40);
        using NeuralNet net = Net([new Dense(1, Sigmoid)], rate: 0, epochs: 1, floatX: DType.Float64);
        net.TrainSplit = new TrainSplit(0.25);
        net.BatchIteratorTrain = new BatchIterator(7) { Transform = onHost ? batch => batch : null };
        net.ClassWeights = isWeighted ? [1, 3] : null;
        net.Fit(points, labels);

        double[] p = net.PredictProba(points).AsSpan<double>().ToArray();
        (int[] train, int[] validation) = net.TrainSplit.Split(40, labels);
        Assert.That(net.TrainHistory[0].TrainLoss, Is.EqualTo(Mean(train, isWeighted ? 3 : 1)).Within(1e-12));
        Assert.That(net.TrainHistory[0].ValidLoss, Is.EqualTo(Mean(validation, 1)).Within(1e-12));

        double Mean(int[] rows, double ofOne) =>
            rows.Sum(i => -Weight(i, ofOne) * Math.Log(p[(2 * i) + labels[i]])) / rows.Sum(i => Weight(i, ofOne));

        double Weight(int i, double ofOne) => labels[i] == 1 ? ofOne : 1;
    }

    [Test]
    public void A_network_that_is_sure_has_a_finite_loss_and_loses_no_digit()
    {
        (Tensor points, int[] labels) = Data(40);
        using NeuralNet net = Net([new Dense(1, Sigmoid)], rate: 0, epochs: 1);
        net.Initialize();
        net.SetParameters([
            .. net.GetParameters().Select(pair => KeyValuePair.Create(
                pair.Key, Tensor.From([.. pair.Value.AsSpan<float>().ToArray().Select(w => w * 10)])
                    .Reshape(pair.Value.Shape.Dimensions)))]);
        net.Fit(points, labels);

        float[] p = net.PredictProba(points).AsSpan<float>().ToArray();
        Assert.That(net.TrainHistory[0].TrainLoss, Is.GreaterThan(3).And.LessThan(1e5));
        Assert.That(p.Min(), Is.GreaterThan(0).And.LessThan(1e-12f), "not 1 - p, which is 0 here");
    }

    [Test]
    public void Weights_of_classes_shift_what_it_says()
    {
        (Tensor points, int[] labels) = Data(300);
        using NeuralNet zeros = Net([new Dense(1, Sigmoid)], epochs: 3), ones = Net([new Dense(1, Sigmoid)], epochs: 3);
        zeros.ClassWeights = [50, 1];
        ones.ClassWeights = [1, 50];

        Assert.That(Ones(ones.Fit(points, labels)), Is.GreaterThan(Ones(zeros.Fit(points, labels))));
        int Ones(NeuralNet net) => net.Predict(points).AsSpan<int>().ToArray().Sum();
    }

    [Test]
    public void It_is_saved_resumed_and_exported()
    {
        using var folder = new TempFolder();
        (Tensor points, int[] labels) = Data(100);
        using NeuralNet net = Net([new Dense(1, Sigmoid)]), loaded = Net([new Dense(1, Sigmoid)]);
        using NeuralNet resumed = Net([new Dense(1, Sigmoid)]);
        net.Fit(points, labels);

        Parameters.Save(folder.File("a.npz"), net.GetParameters());
        loaded.SetParameters(Parameters.Load(folder.File("a.npz")));
        net.SaveState(folder.File("a.state"));
        resumed.LoadState(folder.File("a.state"));
        net.ExportOnnx(folder.File("a.onnx"));

        NdArray expected = NdArray.From(net.PredictProba(points));
        Assert.That(NdArray.From(loaded.PredictProba(points)).Data, Is.EqualTo(expected.Data));
        OnnxRun.AssertSame(expected, OnnxRun.Run(folder.File("a.onnx"), (net.Layers[0].Name, points)));
        net.PartialFit(points, labels);
        resumed.PartialFit(points, labels);
        Assert.That(resumed.TrainHistory[^1].TrainLoss, Is.EqualTo(net.TrainHistory[^1].TrainLoss));
    }

    [Test]
    public void It_can_be_looked_into_by_class()
    {
        using var net = new NeuralNet(new Input(1, 4, 4), new Dense(1, Sigmoid));
        net.Initialize();
        Tensor images = Tensor.From([.. Enumerable.Range(0, 32).Select(i => i / 32f)], 2, 1, 4, 4);

        float[] one = Saliency.Of(net, images, 1, 1).AsSpan<float>().ToArray();
        float[] w = net.GetParameters()[0].Value.AsSpan<float>().ToArray();
        Assert.That(one, Is.EqualTo(w.Concat(w)).Within(1e-6), "the gradient of what the sigmoid is taken of");
        Assert.That(
            Saliency.Of(net, images, 0, 0).AsSpan<float>().ToArray(), Is.EqualTo(one.Select(x => -x)).Within(1e-6));
        Tensor image = images.Rows(0, 1).Reshape(1, 4, 4);
        float[] left = Occlusion.Map(net, image, 0, 3).AsSpan<float>().ToArray();
        Assert.That(Occlusion.Map(net, image, 1, 3).AsSpan<float>().ToArray(),
            Is.EqualTo(left.Select(p => 1 - p)).Within(1e-6));
    }

    [Test]
    public void An_objective_of_ones_own_gets_the_labels_in_the_outputs_shape()
    {
        (Tensor points, int[] labels) = Data(200);
        List<Shape> shapes = [];
        using var net = new NeuralNet(new Input(2), new Dense(1, Sigmoid))
        {
            MaxEpochs = 20,
            Update = new Sgd(1),
            Objective = (p, y) =>
            {
                shapes = [p.Shape, y.Shape];
                return SquaredError(p, y);
            },
        };
        net.Fit(points, labels);

        Assert.That(shapes.Select(shape => shape.ToString()), Is.EqualTo(new[] { "(?, 1)", "(?, 1)" }));
        Assert.That(net.TrainHistory[^1].ValidAccuracy, Is.GreaterThan(0.9));
    }

    [Test]
    public void It_takes_part_in_cross_validation()
    {
        (Tensor points, int[] labels) = Data(120);
        Assert.That(
            CrossValidation.Run(() => Net([new Dense(1, Sigmoid)]), points, labels, new Folds(3)).Mean,
            Is.GreaterThan(0.9));
    }

    [Test]
    public void A_gpu_takes_the_steps_that_the_cpu_takes()
    {
        Device gpu = CudaTestDevice.Open();
        using var cpu = new CpuDevice(2);
        (Tensor points, int[] labels) = Data(30);

        Assert.That(Trained(gpu), Is.EqualTo(Trained(cpu)).Within(1e-5));

        float[] Trained(Device device)
        {
            using var net =
                new NeuralNet(new Input(2), new Dense(3), new Dense(1, Sigmoid)) { Device = device, MaxEpochs = 2 };
            net.Fit(points, labels);
            return [.. net.PredictProba(points).AsSpan<float>(), (float)net.TrainHistory[1].ValidLoss,
                net.Score(points, labels)];
        }
    }

    private static IEnumerable<TestCaseData> Mistakes()
    {
        yield return Case("a third class", new Dense(1, Sigmoid), [0, 1, 2], null,
            "The label of sample 2 is 2, but the network has a single output, for the classes 0 and 1: "
            + "labels go from 0 to 1. For more classes end with Dense(classes, Softmax), for values set Regression.");
        yield return Case("a label below", new Dense(1, Sigmoid), [0, 1, -1], null, "The label of sample 2 is -1");
        yield return Case("three weights", new Dense(1, Sigmoid), [0, 1, 1], [1, 2, 3],
            "ClassWeights has 3 weights, but the network has a single output, for the classes 0 and 1: one for each.");
        yield return Case("a softmax of one", new Dense(1, Softmax), [0, 1, 1], null,
            "A softmax of a single number is always 1. A classifier of two classes ends with Dense(1, Sigmoid) or");
        yield return Case(
            "no sigmoid", new Dense(1, Linear), [0, 1, 1], null, "that is no probability. A classifier of two");
        yield return Case("a rectifier", new Dense(1), [0, 1, 1], null, "that is no probability. A classifier of two");
        yield return Case("a tanh", new Dense(1, Tanh), [0, 1, 1], null, "that is no probability. A classifier of two");

        static TestCaseData Case(string name, Layer end, int[] labels, double[]? weights, string message) =>
            new TestCaseData(end, labels, weights, message).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Mistakes))]
    public void What_is_no_binary_classifier_is_refused(Layer end, int[] labels, double[]? weights, string message)
    {
        using var net = new NeuralNet(new Input(2), end) { ClassWeights = weights };

        Assert.That(() => net.Fit(Tensor.From([1f, 2, -3, 4, 5, -6], 3, 2), labels),
            Throws.TypeOf<EngineException>().With.Message.Contains(message));
    }

    [Test]
    public void Logits_of_ones_own_loss_need_a_sigmoid_too_if_there_is_a_single_output()
    {
        using var net = new NeuralNet(new Input(2), new Dense(1, Linear))
        {
            Objective = (z, y) => BinaryCrossEntropy(Sigmoid(z), y),
        };
        (Tensor points, int[] labels) = Data(30);

        Assert.That(() => net.Fit(points, labels), Throws.TypeOf<EngineException>()
            .With.Message.Contains("that is no probability"), "0.5 would not tell its classes apart");
    }

    private static (Tensor Points, int[] Labels) Data(int count, ulong seed = 1)
    {
        (Tensor points, int[] labels) = Toy.Clouds(count, (int)seed);
        return (points, [.. labels.Select(label => label == 0 ? 1 : 0)]);
    }

    private static NeuralNet Net(Layer[] end, float rate = 0.1f, int epochs = 12, DType floatX = DType.Float32) =>
        new([new Input(2), new Dense(8), .. end])
        {
            FloatX = floatX,
            MaxEpochs = epochs,
            Update = new NesterovMomentum(rate, 0.9f),
            BatchIteratorTrain = new BatchIterator(20),
        };
}
