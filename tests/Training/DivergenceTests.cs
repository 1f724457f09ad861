using System.Text.RegularExpressions;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Dropout = Engine.Layers.Dropout;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Training;

/// <summary>
/// A loss that is nan or infinite ends the training with a message about where that began, and leaves the network as
/// before the epoch.
/// </summary>
public class DivergenceTests
{
    private const int Samples = 90, Batch = 16;

    /// <summary>A training that diverges.</summary>
    /// <param name="Layers">Its layers after the input.</param>
    /// <param name="Layer">The layer that the message must name.</param>
    /// <param name="Message">The text that the message must contain.</param>
    private sealed record Case(Layer[] Layers, string Layer, string Message)
    {
        public UpdateRule Update { get; init; } = new Sgd(0.1f);

        public bool Regression { get; init; }

        public Func<Variable, Variable, Variable>? Objective { get; init; }

        public DType FloatX { get; init; } = DType.Float32;

        public double EvalSize { get; init; } = 0.2;

        public bool Shuffle { get; init; } = true;

        public bool OnHost { get; init; }

        public bool IsWeighted { get; init; }

        /// <summary>Gets or sets a change of the samples.</summary>
        public Action<float[]>? Spoil { get; init; }

        public Callback[] Callbacks { get; init; } = [];

        public bool OfBatch { get; init; } = true;

        /// <summary>
        /// Gets or sets the learning rate of a batch, counted over all epochs; null for that of the rule.
        /// </summary>
        public Func<int, double>? Rate { get; init; }
    }

    private static readonly Func<Layer[]> s_line =
        () => [new Dense(8) { Name = "a" }, new Dense(1, Linear) { Name = "y" }];

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return One("a learning rate that is too large", () => new Case(s_line(), "", "The learning rate is 10.")
        {
            Regression = true,
            Update = new Sgd(10),
        });
        yield return One("so in float64", () => new Case(s_line(), "", "The learning rate is 1E+04.")
        {
            Regression = true,
            Update = new Sgd(1e4f),
            FloatX = DType.Float64,
        });
        yield return One(
            "an update that overflows at once", () => new Case(s_line(), "a", "The update of batch 1 made 'a.")
            {
                Regression = true,
                Update = new Sgd(float.MaxValue),
                Objective = (output, values) => 1e9 * SquaredError(output, values),
            });
        yield return One("samples that are far too large", () => new Case(
            s_line(), "y", "scaled samples (they go from")
        {
            Regression = true,
            Spoil = x => Array.ForEach(Indices(x), i => x[i] *= 1e25f),
        });
        yield return One("a layer that overflows", () => new Case(
            [new Dense(8) { Name = "a" }, new Activation(x => Exp(x * 1e4)) { Name = "bang" }, new Dense(3, Softmax)],
            "bang",
            "The first values that are not finite are those of layer 'bang', which is given values of up to"));
        yield return One("an objective that takes the logarithm of 0", () => new Case(
            [new Dense(3, x => Softmax(x * 1e3)) { Name = "y" }], "y", "the Objective may take the logarithm of 0")
        {
            Objective = (p, y) => -Log(Sum(p * OneHot(y), [1])),
        });
        yield return One("dropout and momentum", () => new Case(
            [new Dense(16) { Name = "a" }, new Dropout(0.3) { Name = "d" }, new Dense(1, Linear) { Name = "y" }], "",
            "epoch")
        {
            Regression = true,
            Update = new NesterovMomentum(10, 0.9f),
        });
        yield return One("a learning rate that grows with each batch", () => new Case(s_line(), "", "epoch")
        {
            Regression = true,
            Rate = Grown,
            Callbacks = [Growing()],
        });
        yield return One("so on the host", () => new Case(s_line(), "", "epoch")
        {
            Regression = true,
            Rate = Grown,
            OnHost = true,
            Callbacks = [Growing()],
        });
        yield return One("a transform on the host", () => new Case(s_line(), "", "epoch")
        {
            Regression = true,
            Update = new Sgd(10),
            OnHost = true,
        });
        yield return One("weights", () => new Case(s_line(), "", "epoch")
        {
            Regression = true,
            Update = new Sgd(10),
            IsWeighted = true,
        });
        yield return One("weights and a transform", () => new Case(s_line(), "", "epoch")
        {
            Regression = true,
            Update = new Sgd(10),
            IsWeighted = true,
            OnHost = true,
        });
        yield return One("the last update of all, with nothing to validate", () => new Case(
            s_line(), "a", "batch 1 of 1: the loss is nan. The update of batch 1 made 'a.")
        {
            Regression = true,
            Update = new Sgd(float.MaxValue),
            Objective = (output, values) => 1e9 * SquaredError(output, values),
            EvalSize = 0,
            OfBatch = false,
        });
        yield return One("a sample that only validates", () => new Case(
            s_line(), "y",
            "the loss on the validation samples is infinite. All layers give finite values, the last one, 'y'")
        {
            Regression = true,
            Update = new Sgd(1e-3f),
            Spoil = x => x[0] = 1e22f,
            OfBatch = false,
        });
        yield return One(
            "a clipped gradient", () => new Case(s_line(), "", "Try a smaller learning rate than 1E+20, such as 1E+19.")
            {
                Regression = true,
                Update = new Sgd(1e20f) { Clip = GradientClip.TotalNorm(1) },
            });

        static TestCaseData One(string name, Func<Case> make) => new TestCaseData(make).SetArgDisplayNames(name);
    }

    [TestCase(1e30f, false, "1E+30", "1E+29")]
    [TestCase(1000f, true, "1000", "100")]
    public void A_step_of_ones_own_loop_whose_loss_is_no_number_says_so(
        float rate, bool isRegression, string shown, string smaller)
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        Layer last = isRegression ? new Dense(2, x => x) : new Dense(3, Softmax);
        var network = new Network(new Input(2), new Dense(8), last);
        using var trainer = new Trainer(network) { Update = new Sgd(rate), Regression = isRegression };
        Tensor targets = isRegression ? points : Tensor.From(labels);

        Assert.That(
            () => Enumerable.Range(0, 50).Select(_ => trainer.Step(points, targets)).ToArray(),
            Throws.TypeOf<EngineException>().With.Message.Matches(
                "^The loss of the step is (nan|infinite), and the step has spoiled the parameters\\. "
                + $"The learning rate is {Regex.Escape(shown)}: begin again with a smaller one, "
                + $"such as {Regex.Escape(smaller)}, "));
    }

    [TestCase(0.1f, true, "nan", "0.1", "0.01")]
    public void A_step_of_ones_own_loop_whose_loss_is_no_number_says_so(
        float rate, bool isBadSample, string loss, string shown, string smaller)
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        points.AsSpan<float>()[3] = isBadSample ? float.NaN : points.AsSpan<float>()[3];
        var network = new Network(new Input(2), new Dense(8), new Dense(3, Softmax));
        using var trainer = new Trainer(network) { Update = new Sgd(rate) };

        Assert.That(
            () => Enumerable.Range(0, 20).Select(_ => trainer.Step(points, Tensor.From(labels))).ToArray(),
            Throws.TypeOf<EngineException>().With.Message.Matches(
                $"^(The loss of the step is ({loss}), and the step has spoiled the parameters\\. "
                + $"The learning rate is {Regex.Escape(shown)}: begin again with a smaller one, "
                + $"such as {Regex.Escape(smaller)},|.*finite)"));
    }

    [TestCaseSource(nameof(Cases))]
    public void It_names_the_batch_and_the_layer_and_keeps_finite_parameters(object make)
    {
        using var device = new CpuDevice(2);
        Check((Func<Case>)make, device);
    }

    [Test]
    public void So_it_does_on_a_gpu() => Check(
        () => new Case(
            [new Dense(16) { Name = "a" }, new Dropout(0.3) { Name = "d" }, new Dense(1, Linear) { Name = "y" }], "",
            "epoch")
        {
            Regression = true,
            Update = new NesterovMomentum(10, 0.9f),
        },
        CudaTestDevice.Open());

    [Test]
    public void A_loss_that_is_infinite_before_anything_was_learnt_is_not_blamed_on_the_learning_rate()
    {
        using var device = new CpuDevice(1);
        var dropped = new Case([new Dense(3, Softmax) { Name = "a" }, new Dropout(0.5) { Name = "d" }], "", "");
        using NeuralNet net = Net(dropped, device);
        (Tensor x, Tensor y) = Data(dropped);

        Assert.That(() => net.Fit(x, y), Throws.TypeOf<DivergenceException>()
            .With.Message.Contains("the loss of them is not: the class that is right has the probability 0.")
            .And.Message.Contains("Try a last layer whose probabilities are never 0")
            .And.Not.Message.Contains("smaller learning rate"));
    }

    [Test]
    public void An_epoch_that_is_canceled_amid_a_divergence_leaves_no_nan()
    {
        using var cancellation = new CancellationTokenSource();
        using NeuralNet net = Net(new Case(s_line(), "", "") { Regression = true, Update = new Sgd(10) }, null!);
        net.BatchIteratorTrain = new BatchIterator(1);
        int batches = 0;
        net.Callbacks.Add(new ProgressCallback(() =>
        {
            if (++batches > 1)
            {
                cancellation.Cancel();
            }
        }));
        (Tensor x, Tensor y) = Data(new Case([], "", "") { Regression = true });

        try
        {
            net.Fit(x, y, cancellation.Token);
        }
        catch (DivergenceException)
        {
            // The number of batches before it is canceled depends on the machine.
        }

        Assert.That(Values(net).All(double.IsFinite));
    }

    [Test]
    public void A_callback_that_stops_at_such_a_loss_is_left_to_it()
    {
        using NeuralNet net = Net(new Case(s_line(), "", "") { Regression = true, Update = new Sgd(10) }, null!);
        (Tensor x, Tensor y) = Data(new Case([], "", "") { Regression = true });
        double last = 0;
        net.Callbacks.Add(new LambdaCallback
        {
            BatchFinished = (owner, batch) =>
            {
                last = batch.Loss;
                if (!double.IsFinite(batch.Loss))
                {
                    owner.StopTraining();
                }
            },
        });

        Assert.That(() => net.Fit(x, y), Throws.Nothing, "as one that looks for the largest learning rate does");
        Assert.That(double.IsFinite(last), Is.False);
    }

    [Test]
    public void Early_stopping_puts_its_best_epoch_back_all_the_same()
    {
        var stopping = new EarlyStopping();
        IReadOnlyList<KeyValuePair<string, Tensor>>? best = null;
        using NeuralNet net = Net(new Case(s_line(), "", "") { Regression = true, Update = new Sgd(0.01f) }, null!);
        net.Callbacks.Add(stopping);
        net.Callbacks.Add(new LambdaCallback
        {
            EpochFinished = (owner, record) =>
            {
                best = record.Epoch == stopping.BestEpoch ? owner.GetParameters() : best;
                owner.LearningRate = record.Epoch == 3 ? 1e10 : owner.LearningRate;
            },
        });
        (Tensor x, Tensor y) = Data(new Case([], "", "") { Regression = true });

        Assert.That(() => net.Fit(x, y), Throws.TypeOf<DivergenceException>());
        Assert.That(Values(net),
            Is.EqualTo(best!.SelectMany(pair => pair.Value.Cast(DType.Float64).AsSpan<double>().ToArray())));
    }

    [Test]
    public void A_network_that_was_given_parameters_of_nan_is_told_so()
    {
        using NeuralNet net = Net(new Case(s_line(), "", "") { Regression = true }, null!);
        KeyValuePair<string, Tensor>[] parameters = [.. net.GetParameters()];
        parameters[2].Value.AsSpan<float>()[3] = float.NaN;
        net.SetParameters(parameters);
        (Tensor x, Tensor y) = Data(new Case([], "", "") { Regression = true });

        Assert.That(() => net.Fit(x, y), Throws.TypeOf<DivergenceException>()
            .With.Message.Contains("'y.W' of layer 'y' was not finite before it."));
    }

    [Test]
    public void Probabilities_of_nan_are_no_class()
    {
        using NeuralNet net = NeuralNetTests.Small(1);
        KeyValuePair<string, Tensor>[] parameters = [.. net.GetParameters()];
        parameters[3].Value.AsSpan<float>()[1] = float.NaN;
        net.SetParameters(parameters);

        Assert.That(() => net.Predict(Toy.Clouds(3).Points), Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("The network gives nan for class 0 of sample 0, so that no class can be told"));
    }

    [Test]
    public void A_grid_goes_on_behind_a_candidate_that_diverges()
    {
        (Tensor x, Tensor y) = Data(new Case([], "", "") { Regression = true });
        GridSearchResult<float> found = GridSearch.Run(
            [1e10f, 0.01f, 1e20f],
            rate => Net(new Case(s_line(), "", "") { Regression = true, Update = new Sgd(rate) }, null!), x, y,
            new Folds(2));

        Assert.That(found.Best.Parameters, Is.EqualTo(0.01f));
        Assert.That(found.Candidates.Select(one => one.Divergence is null), Is.EqualTo(new[] { false, true, false }));
        Assert.That(found.Candidates[2].Folds.Scores, Is.EqualTo(new[] { double.NaN, double.NaN }));
        Assert.That(found.ToString(), Does.Contain("NaN"));
    }

    private static double Grown(int batch) => 1e-3 * Math.Pow(4, batch);

    private static AdjustVariable Growing() => new(
        "learning_rate", Schedule.Of(at => Grown(((at.Epoch - 1) * at.Batches) + at.Batch), everyBatch: true));

    private static void Check(Func<Case> make, Device device)
    {
        Case one = make();
        (Tensor x, Tensor y) = Data(one);
        float[]? weights = one.IsWeighted ? [.. Enumerable.Range(0, Samples).Select(i => 1f + (i % 3))] : null;
        using NeuralNet net = Net(one, device);
        net.Initialize();
        double[] kept = Values(net);
        net.Callbacks.Add(new LambdaCallback { EpochFinished = (_, _) => kept = Values(net) });

        DivergenceException error = Assert.Throws<DivergenceException>(() => Fit(net))!;

        TestContext.Out.WriteLine(error.Message);
        Assert.That(error.Message, Does.Contain(one.Message));
        Assert.That(error.Epoch, Is.EqualTo(net.TrainHistory.Count + 1));
        Assert.That(
            one.Layer.Length == 0 ? one.Layers.Select(layer => layer.Name) : [one.Layer], Does.Contain(error.Layer));
        Assert.That(error.Message,
            Does.Contain($"epoch {error.Epoch}, batch {error.Batch} of ").And.Contain($"'{error.Layer}'"));
        int batches = one.OfBatch ? ((Samples * 4 / 5) + Batch - 1) / Batch : 1;
        double rate = one.Rate?.Invoke(((error.Epoch - 1) * batches) + error.Batch!.Value - 1)
            ?? one.Update.LearningRate;
        Assert.That(error.LearningRate, Is.EqualTo(rate).Within(1e-6 * rate));
        Assert.That(Values(net), Is.EqualTo(kept), "the parameters before the epoch");
        Assert.That(kept.All(double.IsFinite));

        // Another network has a batch callback, so its batches run one by one.
        var losses = new List<BatchRecord>();
        using NeuralNet watched = Net(make(), device);
        watched.Callbacks.Add(new LambdaCallback { BatchFinished = (_, batch) => losses.Add(batch) });
        Assert.That(() => Fit(watched), Throws.TypeOf<DivergenceException>()
            .With.Message.EqualTo(error.Message));
        Assert.That(
            losses.FindIndex(batch => !double.IsFinite(batch.Loss)), Is.EqualTo(one.OfBatch ? losses.Count - 1 : -1));
        Assert.That((losses[^1].Epoch, losses[^1].Index + 1), Is.EqualTo((error.Epoch, error.Batch)));

        // Training can continue.
        if (one is { Spoil: null, Objective: null, Callbacks: [] } && one.Layer != "bang")
        {
            net.LearningRate = 1e-3;
            net.MaxEpochs = 1;
            Assert.That(() => Fit(net), Throws.Nothing);
            Assert.That(net.TrainHistory[^1].Epoch, Is.EqualTo(error.Epoch));
        }

        void Fit(NeuralNet which)
        {
            _ = weights is null ? which.Fit(x, y) : which.Fit(x, y, Tensor.From(weights));
        }
    }

    private static NeuralNet Net(Case one, Device? device) => new([new Input(2), .. one.Layers])
    {
        Device = device,
        FloatX = one.FloatX,
        Regression = one.Regression,
        Objective = one.Objective,
        Update = one.Update,
        MaxEpochs = 60,
        TrainSplit = new TrainSplit(one.EvalSize),
        BatchIteratorTrain = new BatchIterator(one.OfBatch ? Batch : Samples)
        {
            Shuffle = one.Shuffle,
            Transform = one.OnHost ? batch => batch : null,
        },
        Callbacks = [.. one.Callbacks],
    };

    private static (Tensor X, Tensor Y) Data(Case one)
    {
        (Tensor points, int[] labels) = Toy.Clouds(Samples);
        float[] x = points.AsSpan<float>().ToArray();
        one.Spoil?.Invoke(x);
        return (
            Tensor.From(x, Samples, 2),
            one.Regression ? Tensor.From([.. labels.Select(label => label - 1f)]) : Tensor.From(labels));
    }

    private static Variable OneHot(Variable labels) => Cast(
        Equal(DimShuffle(labels, 0, NewAxis), Constant(Tensor.From([0, 1, 2]))), DType.Float32);

    private static int[] Indices(float[] values) => [.. Enumerable.Range(0, values.Length)];

    private static double[] Values(NeuralNet net) =>
        [.. net.GetParameters().SelectMany(pair => pair.Value.Cast(DType.Float64).AsSpan<double>().ToArray())];

    private sealed class ProgressCallback(Action told) : Callback
    {
        public override bool WantsProgress => true;

        public override void OnProgress(NeuralNet net, TrainingProgress progress) => told();
    }
}
