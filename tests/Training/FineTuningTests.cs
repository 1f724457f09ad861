using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using Input = Engine.Layers.Input;
using Schedule = Engine.Training.Schedule;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>
/// Parameters that are frozen, that have lower rates, and that are loaded in part and from other networks.
/// </summary>
public class FineTuningTests
{
    [Test]
    public void Frozen_layers_stay_as_they_are_and_learn_again_when_told()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet net = Net(new Momentum(0.1f));
        net.Fit(points, labels);
        Dictionary<string, float[]> before = Values(net);
        net.Freeze("hid*", "norm");
        net.Fit(points, labels);
        Dictionary<string, float[]> after = Values(net);

        Assert.That(Changed(before, after), Is.EquivalentTo(new[] { "output.W", "output.b" }));
        Assert.That(net.LearnableParameters, Is.EqualTo((8 * 3) + 3));
        net.Unfreeze("*.W");
        net.Fit(points, labels);
        Assert.That(Changed(after, Values(net)), Is.EquivalentTo(new[] { "hidden.W", "output.W", "output.b" }));
        Assert.That(() => net.Freeze("conv*"), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "No parameter and no layer with parameters is called 'conv*'; there are hidden.W, hidden.b"));
    }

    [Test]
    public void What_the_rule_keeps_of_the_others_stays_when_some_are_frozen()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet frozen = Net(new Momentum(0.1f)), plain = Net(new Momentum(0.1f));
        frozen.PartialFit(points, labels);
        plain.PartialFit(points, labels);
        frozen.Freeze("hidden.b");
        frozen.Unfreeze("hidden.b");
        frozen.PartialFit(points, labels);
        plain.PartialFit(points, labels);

        Assert.That(
            Changed(Values(frozen), Values(plain)), Is.EqualTo(new[] { "hidden.b" }), "its velocity began anew");
    }

    private static IEnumerable<UpdateRule> Rules() =>
    [
        new Sgd(0.1f), new Momentum(0.1f), new NesterovMomentum(0.1f), new Adagrad(), new RmsProp(), new Adadelta(),
        new Adam(), new Adamax(),
        new AmsGrad(), new AdamW(), new Muon(), new WithMomentum(new Sgd(0.1f)), new NormConstraint(
            new Momentum(0.1f), 3),
        new Accumulate(new Momentum(0.1f), 2), new Lookahead(new Momentum(0.1f)), new RulesByName(
            new Momentum(0.1f), ("head*", new Adam(0.2f))),
    ];

    [Test]
    public void What_is_frozen_from_the_beginning_learns_when_told(
        [ValueSource(nameof(Rules))] UpdateRule rule, [Values("*", "*.W", "*.b")] string names)
    {
        using var net = new NeuralNet(new Input(2), new Dense(2, Symbolic.Softmax) { Name = "head" })
        {
            MaxEpochs = 1,
            Update = rule,
            TrainSplit = new TrainSplit(0),
            BatchIteratorTrain = new BatchIterator(2),
        };
        Tensor x = Tensor.From([0f, 1, 1, 0, 1, 1, 0, 2], 4, 2), y = Tensor.From([0, 1, 1, 0]);
        net.Initialize();
        float[][] before = Values();
        net.Freeze(names);
        net.Fit(x, y);

        net.Unfreeze("*");
        net.Fit(x, y);

        Assert.That(Values().Zip(before).Select(pair => pair.First.SequenceEqual(pair.Second)), Is.All.False);

        float[][] Values() => [.. net.GetParameters().Select(pair => pair.Value.AsSpan<float>().ToArray())];
    }

    [Test]
    public void A_layer_may_say_itself_that_it_is_frozen()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using var net = new NeuralNet(
            new Input(2), new Sequence(new Dense(4) { IsTrainable = false }, new Dense(3)) { Name = "s" },
            new Dense(3, Symbolic.Softmax) { Name = "y" })
        { MaxEpochs = 1 };
        net.Initialize();
        Dictionary<string, float[]> before = Values(net);
        net.Fit(points, labels);

        Assert.That(
            Changed(before, Values(net)), Is.EquivalentTo(new[] { "s.dense1.W", "s.dense1.b", "y.W", "y.b" }));
    }

    [Test]
    public void A_layers_rate_factor_is_that_of_its_steps()
    {
        float[] plain = Step(null), half = Step(0.5), none = Step(0);

        Assert.That(half, Is.EqualTo(plain.Select(step => step / 2)).Within(1e-6));
        Assert.That(none, Is.All.Zero);

        static float[] Step(double? factor)
        {
            using var net = new NeuralNet(
                new Input(2), new Dense(4) { Name = "a", RateFactor = factor }, new Dense(3, Symbolic.Softmax))
            { Update = new Sgd(0.1f), TrainSplit = new(0), BatchIteratorTrain = new(60) };
            (Tensor points, int[] labels) = Toy.Clouds(60);
            net.Initialize();
            float[] before = Values(net)["a.W"];
            net.PartialFit(points, labels);
            return [.. Values(net)["a.W"].Zip(before, (after, was) => after - was)];
        }
    }

    [Test]
    public void A_part_of_a_file_is_taken_under_other_names_and_all_else_is_told()
    {
        using NeuralNet net = Net(new Sgd(0.1f));
        LoadReport report = net.SetParameters(
            [
                new("features.0.W", new Tensor(DType.Float32, [2, 8])), new("features.0.b", Tensor.From(new float[8])),
                new("output.W", new Tensor(DType.Float32, [8, 10])), new("extra", Tensor.Scalar(1f)),
            ],
            new LoadOptions { IsPartial = true, Rename = [("features.0.*", "hidden.*")] });

        Assert.That(report.Taken, Is.EqualTo(new[] { "hidden.W", "hidden.b" }));
        Assert.That(report.Ignored, Is.EqualTo(new[] { "extra" }));
        Assert.That(report.Misfits, Is.EqualTo(new[] { "output.W is float32 (8, 10) and not float32 (8, 3)" }));
        Assert.That(report.Kept, Does.Contain("output.W").And.Contain("output.b"));
        Assert.That(Values(net)["hidden.W"], Is.All.Zero);
        Assert.That(
            () => net.SetParameters(
                [new("a", Tensor.Scalar(1f)), new("b", Tensor.Scalar(1f))], new LoadOptions { Rename = [("?", "c")] }),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("The parameter 'c' is given twice"));
    }

    [Test]
    public void PyTorchs_and_Keras_layouts_become_this_ones()
    {
        // y = W x + b with W (outputs, inputs); a correlation; the variance 3 is stored, not 1 / √(3 + epsilon).
        using var net = new NeuralNet(
            new Input(1, 2, 2), new Conv2D(1, 2, Symbolic.Linear) { Name = "conv" },
            new BatchNorm { Name = "norm", Epsilon = 1e-4 },
            new Dense(2, Symbolic.Linear) { Name = "fc" })
        { Regression = true };
        Tensor x = Tensor.From([1f, 2, 3, 4], 1, 1, 2, 2);
        double normal = (30 + 0.5 - 1) / Math.Sqrt(3 + 1e-4);
        float[] expected = [(float)(5 * normal) + 7, (float)(6 * normal) + 8];
        net.SetParameters(
            [
                new("conv.weight", Tensor.From([1f, 2, 3, 4], 1, 1, 2, 2)), new("conv.bias", Tensor.From([0.5f])),
                new("norm.weight", Tensor.From([1f])), new("norm.bias", Tensor.From([0f])),
                new("norm.running_mean", Tensor.From([1f])), new("norm.running_var", Tensor.From([3f])),
                new("norm.num_batches_tracked", Tensor.Scalar(7f)),
                new("fc.weight", Tensor.From([5f, 6], 2, 1)), new("fc.bias", Tensor.From([7f, 8])),
            ],
            new LoadOptions { Layout = WeightLayout.PyTorch });
        Assert.That(net.Predict(x).AsSpan<float>().ToArray(), Is.EqualTo(expected).Within(1e-4));

        net.SetParameters(net.GetParameters()
            .Select(pair => KeyValuePair.Create(pair.Key, new Tensor(DType.Float32, pair.Value.Shape))));
        net.SetParameters(
            [
                new("conv.kernel", Tensor.From([1f, 2, 3, 4], 2, 2, 1, 1)), new("conv.bias", Tensor.From([0.5f])),
                new("norm.gamma", Tensor.From([1f])), new("norm.beta", Tensor.From([0f])),
                new("norm.moving_mean", Tensor.From([1f])), new("norm.moving_variance", Tensor.From([3f])),
                new("fc.kernel", Tensor.From([5f, 6], 1, 2)), new("fc.bias", Tensor.From([7f, 8])),
            ],
            new LoadOptions { Layout = WeightLayout.Keras });
        Assert.That(net.Predict(x).AsSpan<float>().ToArray(), Is.EqualTo(expected).Within(1e-4));
    }

    /// <summary>Keras' formulas, with its order of gates and axes, and what the layers here give.</summary>
    private static IEnumerable<TestCaseData> KerasLayers()
    {
        yield return Case(new Lstm(2), [3, 2], (w, x) => Steps(x, 2, (xt, h, c) =>
        {
            double[] a = Sums(xt, w("kernel"), h, w("recurrent_kernel"), w("bias"));
            for (int u = 0; u < 2; u++)
            {
                c[u] = (Sigma(a[2 + u]) * c[u]) + (Sigma(a[u]) * Math.Tanh(a[4 + u]));
                h[u] = Sigma(a[6 + u]) * Math.Tanh(c[u]);
            }
        }), ("kernel", [2, 8]), ("recurrent_kernel", [2, 8]), ("bias", [8]));
        yield return Case(new Gru(2), [3, 2], (w, x) => Steps(x, 2, (xt, h, _) =>
        {
            double[] a = Sums(xt, w("kernel"), [], [], w("bias")[..6]),
                b = Sums(h, w("recurrent_kernel"), [], [], w("bias")[6..]);
            double[] next = [.. Enumerable.Range(0, 2).Select(u =>
            {
                double z = Sigma(a[u] + b[u]), r = Sigma(a[2 + u] + b[2 + u]);
                return (z * h[u]) + ((1 - z) * Math.Tanh(a[4 + u] + (r * b[4 + u])));
            })];
            next.CopyTo(h, 0);
        }), ("kernel", [2, 6]), ("recurrent_kernel", [2, 6]), ("bias", [2, 6]));
        yield return Case(new Recurrent(2), [3, 2], (w, x) => Steps(x, 2, (xt, h, _) =>
        {
            double[] a = Sums(xt, w("kernel"), h, w("recurrent_kernel"), w("bias"));
            (h[0], h[1]) = (Math.Tanh(a[0]), Math.Tanh(a[1]));
        }), ("kernel", [2, 2]), ("recurrent_kernel", [2, 2]), ("bias", [2]));
        foreach (string kernel in (string[])["kernel", "depthwise_kernel"])
        {
            yield return Case(
                new DepthwiseConv2D(2, 2, Symbolic.Linear), [3, 3, 3], (w, x) => Depthwise(w(kernel), w("bias"), x),
                (kernel, [2, 2, 3, 2]), ("bias", [6]));
        }

        yield return Case(new SeparableConv2D(2, 2, Symbolic.Linear) { Multiplier = 2 }, [3, 3, 3], (w, x) =>
        {
            double[] deep = Depthwise(w("depthwise_kernel"), new double[6], x);
            return [.. from filter in Enumerable.Range(0, 2)
                       from pixel in Enumerable.Range(0, 4)
                       select w("bias")[filter] + Enumerable.Range(0, 6)
                           .Sum(i => w("pointwise_kernel")[(i * 2) + filter] * deep[(i * 4) + pixel])];
        }, ("depthwise_kernel", [2, 2, 3, 2]), ("pointwise_kernel", [1, 1, 6, 2]), ("bias", [2]));

        static double Sigma(double a) => 1 / (1 + Math.Exp(-a));

        static double[] Sums(double[] x, double[] w, double[] h, double[] u, double[] b) =>
            [.. b.Select((bias, j) => bias
                + x.Select((value, i) => value * w[(i * b.Length) + j])
                    .Sum() + h.Select((value, i) => value * u[(i * b.Length) + j]).Sum())];

        static double[] Steps(double[] x, int inputs, Action<double[], double[], double[]> step)
        {
            double[] h = new double[2], c = new double[2];
            return [.. x.Chunk(inputs).SelectMany(at =>
            {
                step(at, h, c);
                return h.ToArray();
            })];
        }

        // Channels 3, multiplier 2, images of 3 x 3 with channels first, windows of 2 x 2.
        static double[] Depthwise(double[] w, double[] b, double[] x) =>
            [.. from channel in Enumerable.Range(0, 3)
                from multiplier in Enumerable.Range(0, 2)
                from y in Enumerable.Range(0, 2)
                from left in Enumerable.Range(0, 2)
                select b[(channel * 2) + multiplier] + Enumerable.Range(0, 4).Sum(i =>
                    w[(i * 6) + (channel * 2) + multiplier] * x[(channel * 9) + ((y + (i / 2)) * 3) + left + (i % 2)])];

        static TestCaseData Case(
            Layer layer, int[] sample, Func<Func<string, double[]>, double[], double[]> formula,
            params (string Name, int[] Shape)[] weights) =>
            new TestCaseData(layer, sample, formula, weights).SetArgDisplayNames($"{layer.Kind} {weights[0].Name}");
    }

    [TestCaseSource(nameof(KerasLayers))]
    public void A_layer_taken_over_from_Keras_gives_what_Keras_formulas_say(
        Layer layer, int[] sample, Func<Func<string, double[]>, double[], double[]> formula,
        (string Name, int[] Shape)[] weights)
    {
        var random = new Random(4);
        Tensor Drawn(int[] shape) =>
            Tensor.From(
                [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b))
                    .Select(_ => (2 * random.NextSingle()) - 1)], shape);
        using var net = new NeuralNet(new Node[] { layer.On(new Input(sample)).Named("it") }) { Regression = true };
        Dictionary<string, Tensor> given = weights.ToDictionary(weight => weight.Name, weight => Drawn(weight.Shape));
        Tensor x = Drawn([1, .. sample]);

        net.SetParameters(
            given.Select(pair => KeyValuePair.Create($"it.{pair.Key}", pair.Value)),
            new LoadOptions { Layout = WeightLayout.Keras });

        Assert.That(
            NdArray.From(net.Predict(x)).Data,
            Is.EqualTo(formula(name => NdArray.From(given[name]).Data, NdArray.From(x).Data)).Within(1e-5));
    }

    // What PyTorch 1.13 gives for its default epsilon, and for 1e-3 (Keras' default), of the variances 1e-4f and 2.
    [TestCase("PyTorch", null, 95.59626001939975, 0.5606575201393356)]
    [TestCase("PyTorch", 1e-5, 95.59626001939975, 0.5606575201393356)]
    [TestCase("PyTorch", 1e-3, 30.401134492398256, 0.5603951061323535)]
    [TestCase("Keras", null, 30.401134492398256, 0.5603951061323535)]
    [TestCase("Keras", 1e-5, 95.59626001939975, 0.5606575201393356)]
    public void A_batch_norm_taken_over_predicts_as_with_the_other_librarys_epsilon(
        string library, double? epsilon, double first, double second)
    {
        BatchNorm norm = epsilon is { } own
            ? new BatchNorm { Name = "n", Epsilon = own }
            : new BatchNorm { Name = "n" };
        using var net = new NeuralNet(new Input(2), norm) { Regression = true, FloatX = DType.Float64 };
        bool isTorch = library == "PyTorch";
        net.SetParameters(
            [
                new(isTorch ? "n.weight" : "n.gamma", Tensor.From([2, 0.5])), new(
                    isTorch ? "n.bias" : "n.beta", Tensor.From([0.25, -0.5])),
                new(isTorch ? "n.running_mean" : "n.moving_mean", Tensor.From([0.5, -1])),
                new(isTorch ? "n.running_var" : "n.moving_variance", Tensor.From([1e-4f, 2.0])),
            ],
            new LoadOptions { Layout = isTorch ? WeightLayout.PyTorch : WeightLayout.Keras });

        Assert.That(net.Predict(Tensor.From([1.0, 2], 1, 2)).AsSpan<double>().ToArray(),
            Is.EqualTo(new[] { first, second }).Within(1e-9));
    }

    [Test]
    public void A_trainer_takes_the_steps_that_Fit_takes()
    {
        (Tensor points, int[] labels) = Toy.Clouds(64);
        using NeuralNet net = Net(new Adam(0.01f));
        net.TrainSplit = new(0);
        net.BatchIteratorTrain = new(16);
        net.Fit(points, labels);
        using NeuralNet other = Net(new Adam(0.01f));
        other.Initialize();
        using var trainer = new Trainer(other.Network) { Update = other.Update };
        double sum = 0;
        for (int epoch = 1; epoch <= net.MaxEpochs; epoch++)
        {
            sum = 0;
            foreach (Batch batch in new BatchIterator(16).Over(points, Tensor.From(labels), epoch))
            {
                sum += trainer.Step(batch);
            }
        }

        Assert.That(Changed(Values(net), Values(other)), Is.Empty);
        Assert.That(sum / 4, Is.EqualTo(net.TrainHistory[^1].TrainLoss).Within(1e-6));
        Assert.That(
            () => new BatchIterator(4) { Augmentation = [new HorizontalFlip()] }.Over(points, points),
            Throws.TypeOf<EngineException>().With.Message
                .StartsWith("HorizontalFlip is done on the device within Fit"));
    }

    [Test]
    public void A_generator_and_a_discriminator_are_one_graph()
    {
        using var generator = new Network(new Input(2) { Name = "z" }, new Dense(2, Symbolic.Linear) { Name = "g" });
        using var judge = new Network(new Input(2) { Name = "x" }, new Dense(1, Symbolic.Sigmoid) { Name = "d" });
        Engine.Graph.Input z = Symbolic.Matrix("z");
        Variable loss = -Symbolic.Mean(Symbolic.Log(judge.GetOutput(generator.GetOutput(z))));
        using var step = Function.Compile([z], [loss], Updates.Adam(loss, generator.Trainable, 0.05f));
        float[] before = judge.Parameters[0].Variable.GetValue().AsSpan<float>().ToArray();
        Tensor noise = Tensor.From([1f, -1, 0.5f, 2, -2, 0.25f], 3, 2);
        float first = step.Call(noise)[0].AsSpan<float>()[0];
        for (int i = 0; i < 30; i++)
        {
            step.Call(noise);
        }

        Assert.That(step.Call(noise)[0].AsSpan<float>()[0], Is.LessThan(first * 0.7));
        Assert.That(judge.Parameters[0].Variable.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(before));
    }

    [Test]
    public void The_learning_rate_falls_on_a_plateau_and_is_warmed_up_by_a_schedule()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet net = Net(new Sgd(0.1f));
        net.Callbacks.Add(new ReduceOnPlateau(factor: 0.5, patience: 2)
        {
            Watch = new Metric("nothing", _ => 1),
            Min = 0.03,
        });
        var rates = new List<double>();
        net.Callbacks.Add(
            new LambdaCallback { EpochFinished = (one, _) => rates.Add(Math.Round(one.LearningRate, 6)) });
        net.MaxEpochs = 6;
        net.Fit(points, labels);
        Assert.That(rates, Is.EqualTo(new[] { 0.1, 0.1, 0.05, 0.05, 0.03, 0.03 }));

        Schedule schedule = Schedule.Constant(2).WarmUp(epochs: 2, from: 0.5);
        Assert.That(schedule.At(new(1, 0, 2, 10)), Is.EqualTo(2 * 0.625).Within(1e-12));
        Assert.That(schedule.At(new(2, 1, 2, 10)), Is.EqualTo(2));
        Assert.That(schedule.At(new(7, 0, 2, 10)), Is.EqualTo(2));
        Assert.That(schedule.EveryBatch);
    }

    [Test]
    public void Averaged_weights_are_the_mean_over_epochs()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        var seen = new List<float[]>();
        using NeuralNet net = Net(new Sgd(0.5f));
        net.MaxEpochs = 4;
        net.Callbacks.Add(new LambdaCallback { EpochFinished = (one, record) => seen.Add(Values(one)["output.W"]) });
        net.Callbacks.Add(new AverageWeights(fromEpoch: 3));
        net.Fit(points, labels);

        Assert.That(
            Values(net)["output.W"], Is.EqualTo(seen[2].Zip(seen[3], (a, b) => (a + b) / 2)).Within(1e-6));

        net.MaxEpochs = 2;
        net.Fit(points, labels);

        Assert.That(
            Values(net)["output.W"], Is.EqualTo(seen[4].Zip(seen[5], (a, b) => (a + b) / 2))
                .Within(1e-6), "a training has its own mean");
    }

    [Test]
    public void The_finder_tries_rates_until_the_loss_runs_away_and_leaves_no_trace()
    {
        (Tensor points, int[] labels) = Toy.Clouds(120);
        using NeuralNet net = Net(new Sgd(0.1f)), same = Net(new Sgd(0.1f));
        LearningRateFinder found =
            LearningRateFinder.Run(net, points, Tensor.From(labels), min: 1e-4, max: 1e4, steps: 60);
        net.Fit(points, labels);
        same.Fit(points, labels);

        Assert.That(found.Tried[0].Rate, Is.EqualTo(1e-4).Within(1e-12));
        Assert.That(found.Tried.Select(tried => tried.Rate), Is.Ordered);
        Assert.That(found.Suggestion, Is.InRange(1e-3, 10));
        Assert.That(found.ToString(), Does.Contain("learning rate").And.Contain("suggested: "));
        Assert.That(Changed(Values(net), Values(same)), Is.Empty);
    }

    [TestCase(false, null)]
    [TestCase(true, null)]
    [TestCase(true, new[] { 3.0, 1, 0 })]
    public void The_finder_has_the_batches_and_the_loss_of_Fit(bool isNormalized, double[]? classWeights)
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        points = Tensor.From([.. points.AsSpan<float>().ToArray().Select(value => (100 * value) + 50)], 60, 2);
        BatchIterator batches = new(60) { Augmentation = isNormalized ? [new Normalize(50, 100)] : [] };
        using var net = new NeuralNet(new Input(2), new Dense(3, Symbolic.Softmax))
        {
            BatchIteratorTrain = batches,
            BatchIteratorTest = batches,
            ClassWeights = classWeights,
            TrainSplit = new(0),
        };

        LearningRateFinder found = LearningRateFinder.Run(net, points, Tensor.From(labels), steps: 2);
        net.PartialFit(points, labels);

        Assert.That(found.Tried[0].Loss, Is.EqualTo(net.TrainHistory[0].TrainLoss).Within(1e-3).Percent);
    }

    private static NeuralNet Net(UpdateRule rule) => new(
        new Input(2), new Dense(8) { Name = "hidden" }, new BatchNorm { Name = "norm" },
        new Dense(3, Symbolic.Softmax) { Name = "output" })
    { Update = rule, MaxEpochs = 2 };

    private static Dictionary<string, float[]> Values(NeuralNet net) =>
        net.GetParameters().ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<float>().ToArray());

    private static string[] Changed(Dictionary<string, float[]> before, Dictionary<string, float[]> after) =>
        [.. before.Where(pair => !pair.Value.SequenceEqual(after[pair.Key])).Select(pair => pair.Key)];
}
