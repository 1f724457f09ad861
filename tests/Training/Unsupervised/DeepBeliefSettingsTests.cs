using Engine.Graph;
using Engine.Ops;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Each setting of nolearn.dbn's <c>DBN</c> has its effect, for all layers or for each.</summary>
public class DeepBeliefSettingsTests
{
    private const int Samples = 24, Inputs = 6, Hidden = 5, Classes = 3;

    private static readonly int[] s_labels = [.. Enumerable.Range(0, Samples).Select(i => i % Classes)];

    [Test]
    public void A_layer_learns_at_its_own_rate_which_decays_to_its_own_minimum()
    {
        using var net = new DeepBeliefNetwork(-1, Hidden, 4, -1)
        {
            LearnRates = [0, 0.1, 0.2],
            LearnRateDecays = [1, 0.5, 0.5],
            LearnRateMinimums = [0, 0.03, 0],
            Epochs = 4,
            MinibatchSize = 8,
        };
        using var untrained = new DeepBeliefNetwork(-1, Hidden, 4, -1) { Epochs = 0 };

        net.Fit(X(), s_labels);
        untrained.Fit(X(), s_labels);

        Assert.That(Weights(net, "hidden1"), Is.EqualTo(Weights(untrained, "hidden1")));
        Assert.That(Weights(net, "hidden2"), Is.Not.EqualTo(Weights(untrained, "hidden2")));
        Assert.That(
            net.Net.UpdateSettings.Where(setting => setting.Key.StartsWith("learning_rate", StringComparison.Ordinal))
                .Select(setting => (double)setting.Value.GetValue().AsSpan<float>()[0]),
            Is.EqualTo(new[] { 0, 0.05, 0.025 }).Within(1e-7));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Initial_weights_are_of_few_inputs_and_of_the_distribution_asked_for(bool isPretrained)
    {
        using var net = new DeepBeliefNetwork(-1, Hidden, -1)
        {
            Scales = [0.5, 0.01],
            Uniforms = [true, false],
            FanOuts = [2, null],
            Epochs = 0,
            LearnRatesPretrain = 0.0,
            L2Costs = 0.0,
            EpochsPretrain = isPretrained ? 1 : 0,
        };

        net.Fit(X(), s_labels);

        float[] first = Weights(net, "hidden1"), last = Weights(net, "output");
        Assert.That(Enumerable.Range(0, Hidden).Select(unit => Column(first, unit, Hidden).Count(w => w != 0)),
            Is.All.EqualTo(2));
        Assert.That(first.Max(Math.Abs), Is.InRange(0.2, 0.5));
        Assert.That(last, Has.All.Not.Zero);
        Assert.That(last.Max(Math.Abs), Is.InRange(0.01, 0.05));
    }

    [Test]
    public void The_root_mean_square_of_a_units_weights_is_limited()
    {
        using var net = new DeepBeliefNetwork(-1, Hidden, -1)
        {
            Scales = 1.0,
            RmsLims = [0.3, null],
            Epochs = 1,
            LearnRates = 0.01,
        };

        net.Fit(X(), s_labels);

        float[] first = Weights(net, "hidden1"), last = Weights(net, "output");
        Assert.That(Enumerable.Range(0, Hidden).Select(unit => Rms(Column(first, unit, Hidden))),
            Is.All.EqualTo(0.3).Within(1e-5));
        Assert.That(Enumerable.Range(0, Classes).Max(unit => Rms(Column(last, unit, Classes))), Is.GreaterThan(0.5));

        static double Rms(IEnumerable<float> values) => Math.Sqrt(values.Average(value => (double)value * value));
    }

    [TestCase("Softmax")]
    [TestCase("Sigmoid")]
    [TestCase("Linear")]
    public void The_output_layers_activation_has_its_loss(string activation)
    {
        using var net = new DeepBeliefNetwork(-1, Hidden, -1)
        {
            OutputActFunct = activation switch
            {
                "Softmax" => Symbolic.Softmax,
                "Sigmoid" => Symbolic.Sigmoid,
                _ => Symbolic.Linear,
            },
            Scales = 0.5,
            LearnRates = 0.0,
            L2Costs = 0.0,
            Epochs = 1,
        };

        net.Fit(X(), s_labels);

        NdArray p = NdArray.From(net.Net.GetOutput("output", X()));
        double expected = Enumerable.Range(0, Samples)
            .Average(i => Enumerable.Range(0, Classes).Sum(j => (activation, isTrue: s_labels[i] == j) switch
        {
            ("Softmax", var isTrue) => isTrue ? -Math.Log(p[i, j]) : 0,
            ("Sigmoid", var isTrue) => -Math.Log(isTrue ? p[i, j] : 1 - p[i, j]),
            (_, var isTrue) => 0.5 * Math.Pow(p[i, j] - (isTrue ? 1 : 0), 2),
        }));
        Assert.That(net.Net.TrainHistory[^1].TrainLoss, Is.EqualTo(expected).Within(1e-5));
    }

    [TestCase(0)]
    [TestCase(2)]
    public void Without_nest_compare_the_momentum_lessens_the_rate(int epochsPretrain)
    {
        float[] lessened = Trained(nestCompare: false, rate: 0.1),
            given = Trained(nestCompare: true, rate: 0.1 * (1 - 0.75f));

        Assert.That(lessened, Is.EqualTo(given).Within(1e-6));

        float[] Trained(bool nestCompare, double rate)
        {
            using var net = new DeepBeliefNetwork(-1, Hidden, -1)
            {
                Nesterov = false,
                NestCompare = nestCompare,
                LearnRates = rate,
                Momentum = 0.75f,
                EpochsPretrain = epochsPretrain,
                Epochs = 2,
                MinibatchSize = 8,
            };
            net.Fit(X(), s_labels);
            return Weights(net, "hidden1");
        }
    }

    [Test]
    public void Epochs_have_as_many_minibatches_as_asked_for()
    {
        Tensor same = X().Rows([.. Enumerable.Repeat(0, Samples)]);
        int[] ones = [.. Enumerable.Repeat(1, Samples)];
        float[] few = Trained(
            new(-1, Hidden, Classes) { MinibatchesPerEpoch = 3, MinibatchSize = 8, Epochs = 2, LearnRates = 0.05 });
        float[] usual = Trained(new(-1, Hidden, Classes) { MinibatchSize = Samples, Epochs = 6, LearnRates = 0.05 });
        var machines = new[] { 5, 30 }.Select(batches => new RestrictedBoltzmannMachine(Inputs, Hidden)
        {
            VisibleUnits = BoltzmannUnit.Gaussian,
            BatchSize = Samples,
            BatchesPerEpoch = batches,
            LearningRate = 0.01f,
        }).ToArray();

        Assert.That(few, Is.EqualTo(usual).Within(1e-5), "if all samples are equal, only the number of steps counts");
        Assert.That(machines[0].Fit(X(), 6), Has.Count.EqualTo(6));
        Assert.That(machines[1].Fit(X(), 1), Has.Count.EqualTo(1));
        Assert.That(
            machines[0].Weights.GetValue().AsSpan<float>().ToArray(),
            Is.EqualTo(machines[1].Weights.GetValue().AsSpan<float>().ToArray()).Within(0.05f));
        Array.ForEach(machines, machine => machine.Dispose());

        float[] Trained(DeepBeliefNetwork net)
        {
            using (net)
            {
                net.Fit(same, ones);
                return Weights(net, "hidden1");
            }
        }
    }

    [Test]
    public void Dropout_is_of_the_inputs_of_each_layer_of_weights()
    {
        using var net = new DeepBeliefNetwork(-1, Hidden, 4, -1) { Dropouts = [0.2, 0, 0.5], Epochs = 1 };

        net.Fit(X(), s_labels);

        Assert.That(net.Net.Layers.Select(layer => layer.Kind),
            Is.EqualTo(new[] { "Input", "Dropout", "Dense", "Dense", "Dropout", "Dense" }));
    }

    [Test]
    public void The_loss_and_the_epochs_are_told_to_functions_of_ones_own()
    {
        var epochs = new List<int>();
        using var net = new DeepBeliefNetwork(-1, Hidden, -1)
        {
            LossFunct = (targets, outputs) =>
                NdArray.From(targets).Data.Zip(NdArray.From(outputs).Data, (t, p) => Math.Pow(t - p, 2)).Sum(),
            FineTuneCallback = record => epochs.Add(record.Epoch),
            TrainSplit = new TrainSplit(0.25),
            Epochs = 3,
        };

        net.Fit(X(), s_labels);

        NdArray p = NdArray.From(net.PredictProba(X()));
        double loss = Enumerable.Range(0, Samples)
            .Average(i => Enumerable.Range(0, Classes).Sum(j => Math.Pow(p[i, j] - (s_labels[i] == j ? 1 : 0), 2)));
        Assert.That(epochs, Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(net.Score(X(), s_labels), Is.EqualTo(1 - loss).Within(1e-5));
        Assert.That(net.Net.TrainHistory[^1].Scores["loss_funct"], Is.InRange(0.01, 2));
    }

    private static IEnumerable<TestCaseData> Wrong()
    {
        yield return Case("LearnRates has 3 values, and the network has 2 layers of weights",
            new(-1, 5, -1) { LearnRates = [0.1, 0.1, 0.1] });
        yield return Case("Uniforms has 1 values", new(-1, 5, -1) { Uniforms = [true] });
        yield return Case(
            "MinibatchSize of a deep belief network is 1 or more, not 0", new(-1, 5, -1) { MinibatchSize = 0 });
        yield return Case("Epochs of a deep belief network is 0 or more, not -1", new(-1, 5, -1) { Epochs = -1 });
        yield return Case(
            "EpochsPretrain of a deep belief network is 0 or more, not -1", new(-1, 5, -1) { EpochsPretrain = -1 });
        yield return Case("Dropouts of a deep belief network is at least 0 and less than 1, not -0.5",
            new(-1, 5, -1) { Dropouts = -0.5 });
        yield return Case("LearnRates of a deep belief network is finite and not negative, not NaN",
            new(-1, 5, -1) { LearnRates = double.NaN });
        yield return Case(
            "RmsLims of a deep belief network is greater than 0, not 0", new(-1, 5, -1) { RmsLims = 0.0 });
        yield return Case("FanOuts of a deep belief network is 1 or more, not 0", new(-1, 5, -1) { FanOuts = 0 });
        yield return Case(
            "OutputActFunct Softmax, Sigmoid or Linear", new(-1, 5, -1) { OutputActFunct = Symbolic.Tanh });
        yield return Case(
            "leave out the TrainSplit", new(-1, 5, -1) { MinibatchesPerEpoch = 2, TrainSplit = new TrainSplit(0.2) });
        yield return Case("here are 24 samples and 23 classes.", new(-1, 5, -1), s_labels[..^1]);
        yield return Case("the smallest of which is -1", new(-1, 5, -1), [-1, .. s_labels[1..]]);

        static TestCaseData Case(string message, DeepBeliefNetwork net, int[]? labels = null) =>
            new TestCaseData(message, net, labels ?? s_labels).SetArgDisplayNames(message);
    }

    [TestCaseSource(nameof(Wrong))]
    public void What_no_network_can_be_trained_with_is_told(string message, DeepBeliefNetwork net, int[] labels)
    {
        using (net)
        {
            Assert.That(() => net.Fit(X(), labels), Throws.TypeOf<EngineException>().With.Message.Contains(message));
        }
    }

    [Test]
    public void No_samples_are_told()
    {
        using var net = new DeepBeliefNetwork(-1, 5, -1) { EpochsPretrain = 1 };
        Assert.That(
            () => net.Fit(new Tensor(DType.Float32, [0, Inputs]), []), Throws.TypeOf<EngineException>().With.Message
                .Contains("0 samples and 0 classes"));
    }

    private static Tensor X()
    {
        var random = new Random(3);
        return Tensor.From(
            [.. Enumerable.Range(0, Samples * Inputs).Select(_ => (2 * random.NextSingle()) - 1)], Samples, Inputs);
    }

    private static float[] Weights(DeepBeliefNetwork net, string layer) =>
        net.Net.GetParameters().First(pair => pair.Key == $"{layer}.W").Value.AsSpan<float>().ToArray();

    private static IEnumerable<float> Column(float[] weights, int unit, int units) =>
        weights.Where((_, i) => i % units == unit);
}
