using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using BatchNorm = Engine.Layers.BatchNorm;
using Flatten = Engine.Layers.Flatten;
using Input = Engine.Layers.Input;
using Reshape = Engine.Layers.Reshape;

namespace Engine.Tests.Training;

/// <summary>
/// A setting that makes a training fail without an error gives one warning; nothing else gives a warning.
/// </summary>
public class WarningTests
{
    private const TrainingWarningKind
        SamplesKind = TrainingWarningKind.UnscaledSamples, TargetsKind = TrainingWarningKind.UnscaledTargets,
        Untrained = TrainingWarningKind.UntrainedClass, Vanishing = TrainingWarningKind.VanishingWeight,
        Growing = TrainingWarningKind.GrowingLoss, OneClass = TrainingWarningKind.OneClass,
        Nothing = TrainingWarningKind.NothingLearned, Absent = TrainingWarningKind.AbsentClass,
            Unreachable = TrainingWarningKind.UnreachableTargets;

    /// <summary>A training, and the kinds of warnings that it must give.</summary>
    private sealed record Case(NeuralNet Net, Tensor X, Tensor Y, params TrainingWarningKind[] Kinds)
    {
        public Tensor? Weights { get; init; }

        public string Message { get; init; } = "";

        public int? Epoch { get; init; }
    }

    private static IEnumerable<TestCaseData> Cases()
    {
        // Samples.
        yield return One("points", () => Classify(Net(), Points()));
        yield return One("pixels to 255", () => Classify(Net(), Points(x => 127 * (x + 1.5f)), SamplesKind));
        yield return One("pixels to 1", () => Classify(Net(), Points(x => x / 2)));
        yield return One("pixels to 16", () => Classify(Net(0.001f), Points(x => 5 * (x + 1.5f))));
        yield return One(
            "millionths", () => Classify(Net(1), Points(x => x * 1e-6f), SamplesKind) with { Message = "E-06" });
        yield return One("all zero", () => Classify(Net(epochs: 2), Points(x => 0)));
        yield return One("one large column of two", () => Classify(
            Net(1e-5f, epochs: 2), Points((x, i) => i % 2 == 0 ? x : 2000 + x), SamplesKind) with
        {
            Message = "The samples go from -",
        });
        yield return One("pixels that a layer scales", () => Classify(
            Net(layers: [new Activation(x => x / 255), new Dense(3, Softmax)]), Points(x => 127 * (x + 1.5f))));
        yield return One("pixels that are normalized by batch", () => Classify(
            Net(layers: [new BatchNorm(), new Dense(3, Softmax)]), Points(x => 127 * (x + 1.5f))));
        yield return One("pixels that are flattened only", () => Classify(
            Net(0.001f, layers: [new Flatten(), new Dense(3, Softmax)], epochs: 2), Points(x => 127 * (x + 1.5f)),
            SamplesKind));
        foreach ((string name, Layer[] first) in ((string, Layer[])[])
        [
            ("that noise is added to", [new GaussianNoise(0.1), new Dense(3, Softmax)]),
            ("that are bent and moved", [new PRelu(), new Bias(), new Dense(3, Softmax)]),
            ("for a block", [new Sequence(new Dropout(0.1), new Dense(4)), new Dense(3, Softmax)]),
            ("for a residual block", [new Residual(new Dense(2), new Dense(2)), new Dense(3, Softmax)]),
            ("for a convolution of signals", [new Reshape(1, 2), new Conv1D(4, 2), new Dense(3, Softmax)]),
            ("for a recurrent layer", [new Reshape(2, 1), new Lstm(4), new Dense(3, Softmax)]),
        ])
        {
            yield return One($"pixels {name}", () => Classify(
                Net(1e-4f, layers: first, epochs: 2), Points(x => 127 * (x + 1.5f)), SamplesKind));
        }

        yield return One("pixels for a block that normalizes them", () => Classify(
            Net(layers: [new Sequence(new BatchNorm(), new Dense(4)), new Dense(3, Softmax)]),
            Points(x => 127 * (x + 1.5f))));
        foreach (DType dtype in (DType[])[DType.UInt8, DType.Int32])
        {
            yield return One($"pixels of {dtype}", () =>
            {
                (Tensor x, Tensor y) = Points(x => 127 * Math.Clamp((x / 3) + 1, 0, 2));
                var net = new NeuralNet(new Input(2) { DType = dtype }, new Dense(4), new Dense(3, Softmax))
                {
                    MaxEpochs = 2,
                    Update = new Sgd(1e-4f),
                };
                return Classify(net, (x.Cast(dtype), y), SamplesKind) with
                {
                    Message = "give float32 samples that are scaled",
                };
            });
        }

        yield return One("pixels that are normalized", () =>
        {
            (Tensor x, Tensor y) = Points(x => 127 * (x + 1.5f));
            NeuralNet net = Net();
            var normalize = Normalize.Of(x);
            net.BatchIteratorTrain = new BatchIterator(16) { Augmentation = [normalize] };
            net.BatchIteratorTest = new BatchIterator(16) { Augmentation = [normalize] };
            return Classify(net, (x, y));
        });
        yield return One("pixels that a transform may scale", () =>
        {
            NeuralNet net = Net();
            net.BatchIteratorTrain = net.BatchIteratorTest = new BatchIterator(16)
            {
                Transform = batch => batch with { X = Scaled(batch.X, x => (x / 127) - 1.5f) },
            };
            return Classify(net, Points(x => 127 * (x + 1.5f)));
        });

        // Target values.
        yield return One("values", () => Regress(0.01f, x => x));
        yield return One(
            "house prices", () => Regress(0.01f, x => (x * 1e5f) + 3e5f, TargetsKind) with { Message = "E+05" });
        yield return One("years", () => Regress(0.01f, x => 2000 + x, TargetsKind));
        yield return One("percents", () => Regress(0.001f, x => 50 + (10 * x)));
        yield return One("tiny values", () => Regress(0.01f, x => x * 1e-5f, TargetsKind));

        foreach ((string name, Func<Engine.Graph.Variable, Engine.Graph.Variable> end, float min, float max,
            string range) in
            ((string, Func<Engine.Graph.Variable, Engine.Graph.Variable>, float, float, string)[])
            [
                ("a rectifier", Rectify, -2, 2, "from 0 on"), ("a rectifier", Rectify, 0, 5, ""),
                ("a softplus", Softplus, -2, 2, "from 0 on"), ("a sigmoid", Sigmoid, 0, 5, "from 0 to 1"),
                ("a sigmoid", Sigmoid, 0, 1, ""), ("a sigmoid", Sigmoid, 5, 5, "from 0 to 1"),
                ("a tanh", Tanh, -3, 3, "from -1 to 1"), ("a tanh", Tanh, -1, 1, ""),
                ("a softmax", Softmax, -1, 1, "from 0 to 1"),
                ("a leaky rectifier", x => LeakyRectify(x), -2, 2, ""), ("nothing", Linear, -2, 2, ""),
            ])
        {
            yield return One($"values from {min} to {max} of {name}", () =>
            {
                Case one = Regress(0.01f, x => min + ((max - min) * (x - MathF.Floor(x))), end: end);
                return range.Length == 0
                    ? one
                    : one with { Kinds = [Unreachable], Message = $"gives only values {range}: " };
            });
        }

        yield return One(
            "values for a loss of one's own", () => Regress(0.01f, x => 2 * x, end: Rectify, objective: SquaredError));

        // Classes.
        yield return One("classes in a row, not stratified", () =>
        {
            (Tensor x, Tensor y) = Points();
            int[] order = [.. Enumerable.Range(0, 90).OrderByDescending(i => y.AsSpan<int>()[i])];
            NeuralNet net = Net(epochs: 2);
            net.TrainSplit = new TrainSplit(0.34, Stratify: false);
            Tensor sorted = Tensor.From([.. order.Select(i => y.AsSpan<int>()[i])]);
            return new Case(net, Rows(x, order), sorted, Untrained) { Message = "Class 2 has no sample to train on" };
        });
        yield return One("a class of one sample", () =>
        {
            (Tensor x, _) = Points();
            return new Case(Net(), x, Tensor.From([.. Enumerable.Range(0, 90).Select(i => i == 7 ? 2 : i % 2)]));
        });

        // Weights.
        yield return One("weights of classes that overflow", () => Weighted([1e300, 1, 1], null, Vanishing) with
        {
            Message = "Of 48 of the 72 samples to train on the weight is 0 in float32",
        });
        yield return One("weights of samples that overflow", () => Weighted(null, i => i == 20 ? 1e60 : 1, Vanishing));
        yield return One("large weights that are alike", () => Weighted([1e300, 1e300, 2e300], null));
        yield return One("tiny weights that are alike", () => Weighted([1e-300, 1e-300, 2e-300], i => 1e-200));
        yield return One("weights of 0 on purpose", () => Weighted([0, 1, 1], i => i % 2));

        // Metrics.
        yield return One(
            "a loss that explodes", () => Regress(0.9f, x => x, Growing) with { Message = "the training diverges" });
        yield return One(
            "a network that learns nothing", () => Classify(Net(1e-30f, epochs: 12), Points(x => 0), OneClass) with
            {
                Message = "the network predicts one class only",
                Epoch = 10,
            });
        yield return One("a dead layer, many batches", () =>
        {
            NeuralNet net = Net(layers: [new Dense(4) { W = new Full(0), B = null }, new Dense(3, Softmax)], epochs: 6);
            net.BatchIteratorTrain = new BatchIterator(4);
            return Classify(net, Points(), OneClass) with { Epoch = 3 };
        });
        yield return One("a dead layer, few batches", () =>
            Classify(
                Net(layers: [new Dense(4) { W = new Full(0), B = null }, new Dense(3, Softmax)], epochs: 5), Points()));
        yield return One("a dead binary classifier", () =>
        {
            NeuralNet net =
                Net(layers: [new Dense(4) { W = new Full(0), B = null }, new Dense(1, Sigmoid)], epochs: 12);
            (Tensor x, Tensor y) = Points();
            return Classify(net, (x, Tensor.From([.. y.AsSpan<int>().ToArray().Select(label => label / 2)])), OneClass);
        });
        yield return One("data of one class", () => new Case(
            Net(epochs: 12), Points().X, Tensor.From(new int[90]), Absent)
        { Message = "Classes 1, 2 have no sample, but " });
        foreach ((string name, Layer end, int from, string message) in ((string, Layer, int, string)[])
        [
            ("more outputs than classes", new Dense(5, Softmax), 0,
                "Classes 3, 4 have no sample, but the network tells 5 classes apart, 0 to 4"),
            ("classes counted from 1", new Dense(4, Softmax), 1,
                "Class 0 has no sample, but the network tells 4 classes apart, 0 to 3"),
        ])
        {
            yield return One(name, () => Classify(
                Net(layers: [new Dense(8, Tanh), end]),
                (Points().X, Tensor.From([.. Points().Y.AsSpan<int>().ToArray().Select(label => label + from)])),
                Absent) with
            {
                Message = message,
            });
        }

        yield return One("one class of a binary classifier", () => new Case(
            Net(layers: [new Dense(1, Sigmoid)]), Points().X, Tensor.From(new int[90]), Absent)
        { Message = "Class 1 has no sample" });
        yield return One("without validation", () =>
        {
            NeuralNet net = Net(1e-30f, epochs: 12);
            net.TrainSplit = new TrainSplit(0);
            return Classify(net, Points());
        });

        // What changes no parameter.
        yield return One("a learning rate of 0", () => Classify(Net(0), Points(), Nothing) with
        {
            Epoch = 1,
            Message = "the learning rate is 0",
        });
        foreach ((string name, double? factor, bool isSecond, bool isWarned) in
            ((string, double?, bool, bool)[])[("layers frozen", null, true, true),
                ("one of two layers frozen", null, false, false), ("rates times 0", 0, true, true)])
        {
            yield return One(name, () => Classify(
                Net(layers: [
                    Resting(new Dense(8, Tanh)), isSecond ? Resting(new Dense(3, Softmax)) : new Dense(3, Softmax)]),
                Points(), isWarned ? [Nothing] : []) with
            {
                Message = "no layer has parameters that are not frozen",
            });

            Dense Resting(Dense layer) =>
                new(layer.Units, layer.Nonlinearity) { IsTrainable = factor is not null, RateFactor = factor };
        }

        foreach ((string name, Schedule schedule, int? epoch) in ((string, Schedule, int?)[])
        [
            ("a rate that rises from 0", Schedule.Linear(0, 0.1), null),
            ("a rate that falls to 0", Schedule.Linear(0.1, 0), null),
            ("a rate that stays 0", Schedule.Linear(0, 0), 2),
        ])
        {
            yield return One(name, () =>
            {
                NeuralNet net = Net();
                net.Callbacks.Add(new AdjustVariable("learning_rate", schedule));
                return Classify(net, Points(), epoch is null ? [] : [Nothing]) with { Epoch = epoch };
            });
        }

        static TestCaseData One(string name, Func<Case> make) => new TestCaseData(make).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Cases))]
    public void A_training_is_warned_of_what_is_wrong_with_it_and_of_nothing_else(object make)
    {
        Case one = ((Func<Case>)make)();
        using NeuralNet net = one.Net;
        using var output = new StringWriter { NewLine = "\n" };
        var told = new List<TrainingWarning>();
        net.Output = output;
        net.Verbose = 1;
        net.Callbacks.Add(new LambdaCallback { Warned = (_, warning) => told.Add(warning) });

        Fit();
        Fit();

        Assert.That(
            net.Warnings.Select(warning => warning.Kind), Is.EqualTo(one.Kinds), string.Join('\n', net.Warnings));
        Assert.That(told, Is.EqualTo(net.Warnings), "once each, though fitted twice");
        Assert.That(net.TrainHistory.Select(record => record.TrainLoss), Is.All.Matches<double>(double.IsFinite));
        string[] lines = output.ToString().Split('\n');
        int heading = Array.FindIndex(lines, line => line.StartsWith("  epoch", StringComparison.Ordinal));
        foreach (TrainingWarning warning in net.Warnings)
        {
            Assert.That(warning.Message, Does.Contain(one.Message));
            int line =
                Array.FindIndex(lines, text => text.EndsWith($"Warning: {warning.Message}", StringComparison.Ordinal));
            Assert.That(
                line, warning.Epoch is { } epoch ? Is.EqualTo(heading + 1 + epoch) : Is.InRange(3, heading - 1));
            Assert.That(one.Epoch is null || one.Epoch == warning.Epoch, $"epoch {warning.Epoch}");
        }

        void Fit()
        {
            _ = one.Weights is null ? net.Fit(one.X, one.Y) : net.Fit(one.X, one.Y, one.Weights);
        }
    }

    [Test]
    public void Nothing_is_printed_where_nothing_is_to_be()
    {
        using NeuralNet net = Net();
        using var console = new StringWriter();
        TextWriter before = Console.Out;
        Console.SetOut(console);
        try
        {
            (Tensor x, Tensor y) = Points(x => 1000 * x);
            net.Fit(x, y);
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.That(net.Warnings, Has.Count.GreaterThan(0));
        Assert.That(console.ToString(), Is.Empty);
    }

    private static IEnumerable<TestCaseData> Ends()
    {
        yield return End("a rectifier", () => new Dense(3), isRefused: true);
        yield return End("numbers as they are", () => new Dense(3, Linear), isRefused: true);
        yield return End("a sigmoid of each", () => new Dense(3, Sigmoid), isRefused: true);
        yield return End("logarithms", () => new Dense(3, LogSoftmax), isRefused: true);
        yield return End("an activation behind", () => new Activation(Tanh), isRefused: true);
        yield return End("a softmax", () => new Dense(3, Softmax), isRefused: false);
        yield return End("a softmax written out", () => new Dense(3, x => Exp(x) / Sum(Exp(x), [1], keepDims: true)),
            isRefused: false);
        yield return End("exp of a log-softmax", () => new Dense(3, x => Exp(LogSoftmax(x))), isRefused: false);
        yield return End("a mixture of softmaxes", () => new Dense(3, x => (0.5 * Softmax(x)) + (0.5 * Softmax(-x))),
            isRefused: false);

        static TestCaseData End(string name, Func<Layer> end, bool isRefused) =>
            new TestCaseData(end, isRefused).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Ends))]
    public void A_classifier_that_gives_no_probabilities_is_refused(Func<Layer> end, bool isRefused)
    {
        (Tensor x, Tensor y) = Points();
        using NeuralNet net = Net(layers: [new Dense(3, Linear), end()], epochs: 1);
        using var other = new NeuralNet(new Input(2), new Dense(3, Linear), end())
        {
            MaxEpochs = 1,
            Objective = (output, target) => CategoricalCrossEntropy(Softmax(output), target),
        };

        if (isRefused)
        {
            string line = Path.GetFileName(new Dense(1).Origin.File!);
            Assert.That(() => net.Fit(x, y), Throws.TypeOf<EngineException>().With.Message.StartsWith(
                    "The network is trained as a classifier, but its last layer is not one's. It gives numbers, "
                    + "such as ")
                .And.Message.Contains("A classifier ends with a softmax, as Dense(3, Softmax)").And.Message
                .Contains(line));
            Assert.That(net.TrainHistory, Is.Empty);
        }
        else
        {
            Assert.That(() => net.Fit(x, y), Throws.Nothing);
        }

        Assert.That(() => other.Fit(x, y), Throws.Nothing, "a loss of one's own may be of any numbers");
    }

    [Test]
    public void Weights_times_any_number_are_the_same_weights(
        [Values(1e-300, 1e-40, 1, 1024, 3e38, 1e300)] double factor, [Values] bool ofSamples)
    {
        Assert.That(Trained(factor), Is.EqualTo(Trained(1)).Within(1e-6));

        double[] Trained(double factor)
        {
            double[] weights = [1 * factor, 2 * factor, 0.5 * factor];
            (Tensor x, Tensor y) = Points();
            using NeuralNet net = Net(epochs: 2);
            net.ClassWeights = ofSamples ? null : weights;
            _ = ofSamples
                ? net.Fit(x, y, Tensor.From([.. y.AsSpan<int>().ToArray().Select(label => weights[label])]))
                : net.Fit(x, y);
            return
            [
                .. net.GetParameters().SelectMany(pair => pair.Value.Cast(DType.Float64).AsSpan<double>().ToArray()),
                net.TrainHistory[^1].TrainLoss,
            ];
        }
    }

    [TestCase(1, false, TestName = "A last batch of one value a channel does not move averages")]
    [TestCase(2, true, TestName = "A last batch of two does")]
    public void A_batch_without_variance_is_not_followed(int last, bool isFollowed)
    {
        (Tensor x, int[] labels) = Toy.Clouds(16 + last);
        using NeuralNet whole = Net(), first = Net();

        whole.Fit(x, labels);
        first.Fit(x.Rows(0, 16), labels[..16]);

        Assert.That(Average(whole, "mean").SequenceEqual(Average(first, "mean")), Is.EqualTo(!isFollowed));
        Assert.That(Average(whole, "inv_std").SequenceEqual(Average(first, "inv_std")), Is.EqualTo(!isFollowed));
        Assert.That(Average(whole, "inv_std").Max(), Is.LessThan(5), "1 / √epsilon is 100");

        static float[] Average(NeuralNet net, string name) =>
            net.GetParameters().Single(pair => pair.Key == $"norm.{name}").Value.AsSpan<float>().ToArray();

        static NeuralNet Net() => new(("x", new Input(2)), ("norm", new BatchNorm()), ("y", new Dense(3, Softmax)))
        {
            MaxEpochs = 1,
            TrainSplit = new TrainSplit(0),
            BatchIteratorTrain = new BatchIterator(16),
        };
    }

    private static NeuralNet Net(float rate = 0.1f, Layer[]? layers = null, int epochs = 4) =>
        new([new Input(2), .. layers ?? [new Dense(8, Tanh), new Dense(3, Softmax)]])
        {
            Update = new Sgd(rate),
            MaxEpochs = epochs,
        };

    private static (Tensor X, Tensor Y) Points(Func<float, float>? change = null) =>
        Points((x, _) => change is null ? x : change(x));

    private static (Tensor X, Tensor Y) Points(Func<float, int, float> change)
    {
        (Tensor points, int[] labels) = Toy.Clouds(90);
        return (Tensor.From([.. points.AsSpan<float>().ToArray().Select(change)], 90, 2), Tensor.From(labels));
    }

    private static Case Classify(NeuralNet net, (Tensor X, Tensor Y) data, params TrainingWarningKind[] kinds) =>
        new(net, data.X, data.Y, kinds);

    private static Case Regress(float rate, Func<float, float> value, params TrainingWarningKind[] kinds) =>
        Regress(rate, value, Linear, null, kinds);

    private static Case Regress(
        float rate,
        Func<float, float> value,
        Func<Engine.Graph.Variable, Engine.Graph.Variable> end,
        Func<Engine.Graph.Variable, Engine.Graph.Variable, Engine.Graph.Variable>? objective = null,
        params TrainingWarningKind[] kinds)
    {
        (Tensor x, _) = Points();
        var net = new NeuralNet(new Input(2), new Dense(1, end))
        {
            Regression = true,
            Objective = objective,
            Update = new Sgd(rate),
            MaxEpochs = rate > 0.5f ? 20 : 4,
        };
        return new Case(
            net, x, Tensor.From([.. x.AsSpan<float>().ToArray().Chunk(2).Select(row => value(row[0]))]), kinds);
    }

    private static Case Weighted(double[]? classes, Func<int, double>? samples, params TrainingWarningKind[] kinds)
    {
        (Tensor x, Tensor y) = Points();
        NeuralNet net = Net();
        net.ClassWeights = classes;
        return new Case(net, x, y, kinds)
        {
            Weights = samples is null ? null : Tensor.From([.. Enumerable.Range(0, 90).Select(samples)]),
        };
    }

    private static Tensor Scaled(Tensor x, Func<float, float> change) =>
        Tensor.From([.. x.AsSpan<float>().ToArray().Select(change)]).Reshape(x.Shape.Dimensions);

    private static Tensor Rows(Tensor x, int[] order) =>
        Tensor.From([.. order.SelectMany(i => x.Rows(i, 1).AsSpan<float>().ToArray())], order.Length, 2);
}
