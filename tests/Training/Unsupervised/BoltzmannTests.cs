using System.Globalization;
using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using Input = Engine.Graph.Input;
using Normal = Engine.Layers.Normal;

namespace Engine.Tests.Training;

/// <summary>Restricted Boltzmann machines, compared with sums over all their states, and their training.</summary>
public class BoltzmannTests
{
    [TestCase(BoltzmannUnit.Binary)]
    [TestCase(BoltzmannUnit.Gaussian)]
    public void Free_energy_is_the_sum_over_all_hidden_states(BoltzmannUnit visible)
    {
        using var machine = new RestrictedBoltzmannMachine(3, 2) { VisibleUnits = visible, W = new Normal(1) };
        machine.VisibleBiases.SetValue(Tensor.From([0.5f, -1, 0.25f]));
        machine.HiddenBiases.SetValue(Tensor.From([0.3f, -0.7f]));
        double[] v = [1, 0, 1], w = [.. machine.Weights.GetValue().AsSpan<float>().ToArray().Select(x => (double)x)];
        double[] b = [0.5, -1, 0.25], c = [0.3, -0.7];

        double sum = 0;
        foreach ((int h0, int h1) in (ReadOnlySpan<(int, int)>)[(0, 0), (0, 1), (1, 0), (1, 1)])
        {
            double[] h = [h0, h1];
            double seen = Enumerable.Range(0, 3)
                .Sum(i => visible == BoltzmannUnit.Binary ? -v[i] * b[i] : 0.5 * (v[i] - b[i]) * (v[i] - b[i]));
            double met = Enumerable.Range(0, 6).Sum(i => v[i / 2] * w[i] * h[i % 2]);
            sum += Math.Exp(-(seen - (h[0] * c[0]) - (h[1] * c[1]) - met));
        }

        Assert.That(
            machine.FreeEnergy(Tensor.From([1f, 0, 1], 1, 3)).AsSpan<float>()[0], Is.EqualTo(-Math.Log(sum))
                .Within(1e-5));
    }

    [Test]
    public void A_step_follows_the_gradient_of_free_energies()
    {
        using var machine =
            new RestrictedBoltzmannMachine(4, 3) { W = new Normal(0.5), L2 = 0, Momentum = 0, BatchSize = 5 };
        Tensor x = Tensor.From([.. Enumerable.Range(0, 20).Select(i => i * 7 % 3 == 0 ? 1f : 0f)], 5, 4);
        Input v = Symbolic.Matrix("v"), rate = Symbolic.Scalar("rate");
        (_, IReadOnlyList<Update> updates) = machine.Step(v, rate);
        Variable toward = Symbolic.Grad(Symbolic.Mean(machine.FreeEnergy(v)), machine.HiddenBiases);
        using var step = Function.Compile(
            [v, rate], [toward, .. updates.Select(update => update.Value)], []);
        Tensor[] still = step.Call(x, Tensor.Scalar(0f)), moved = step.Call(x, Tensor.Scalar(1f));

        // Hidden biases: the mean hidden value for the data minus that for the reconstruction; the first half is the
        // free energy's gradient.
        int at = updates.ToList().FindIndex(update => update.Target == machine.HiddenBiases) + 1;
        float[] change =
            [.. moved[at].AsSpan<float>().ToArray().Zip(still[at].AsSpan<float>().ToArray(), (a, b) => a - b)];
        float[] data = still[0].AsSpan<float>().ToArray();
        Assert.That(change.Zip(data, (a, b) => a + b).All(rebuilt => rebuilt is < 0 and > -1),
            "what is left is minus a mean of probabilities");
        Assert.That(
            still[at].AsSpan<float>().ToArray(), Is.EqualTo(machine.HiddenBiases.GetValue().AsSpan<float>().ToArray()));
    }

    [TestCase(BoltzmannUnit.Binary, false, 1)]
    [TestCase(BoltzmannUnit.Binary, false, 2)]
    [TestCase(BoltzmannUnit.Gaussian, false, 1)]
    [TestCase(BoltzmannUnit.Binary, true, 1)]
    [TestCase(BoltzmannUnit.Binary, true, 2)]
    public void A_step_is_the_published_one_for_some_draws(BoltzmannUnit visible, bool isPersistent, int steps)
    {
        const double Rate = 0.5, L2 = 0.25;
        using var machine = new RestrictedBoltzmannMachine(3, 2)
        {
            VisibleUnits = visible,
            IsPersistent = isPersistent,
            Steps = steps,
            BatchSize = 1,
            L2 = L2,
            W = new Normal(1),
        };
        machine.VisibleBiases.SetValue(Tensor.From([0.5f, -1, 0.25f]));
        machine.HiddenBiases.SetValue(Tensor.From([0.3f, -0.7f]));
        double[] x = [1, 0, 1], w = Of(machine.Weights), b = Of(machine.VisibleBiases), c = Of(machine.HiddenBiases);
        double[][] expected = [.. Ends(isPersistent ? new double[3] : x, steps).Select(Moved)];

        Input given = Symbolic.Matrix("x"), rate = Symbolic.Scalar("rate");
        using var step = Function.Compile([given, rate], [], machine.Step(given, rate).Updates);
        step.Call(Tensor.From([1f, 0, 1], 1, 3), Tensor.Scalar((float)Rate));

        double[] actual = [.. Of(machine.Weights), .. Of(machine.VisibleBiases), .. Of(machine.HiddenBiases)];
        Assert.That(
            expected.Min(each => each.Zip(actual, (one, other) => Math.Abs(one - other)).Max()), Is.LessThan(1e-6));

        // Hidden units are drawn; visible ones are in persistent chains, and means in others.
        IEnumerable<double[]> Ends(double[] v, int left) =>
            from h in Bits(2)
            from next in isPersistent ? Bits(3) : [Seen(h)]
            from end in left == 1 ? [next] : Ends(next, left - 1)
            select end;

        double[] Moved(double[] v) =>
        [
            .. w.Select((each, i) =>
                each + (Rate * ((x[i / 2] * Hidden(x)[i % 2]) - (v[i / 2] * Hidden(v)[i % 2]) - (L2 * each)))),
            .. b.Select((each, i) => each + (Rate * (x[i] - v[i]))),
            .. c.Select((each, i) => each + (Rate * (Hidden(x)[i] - Hidden(v)[i]))),
        ];

        double[] Hidden(double[] v) =>
            [.. c.Select((bias, j) => Sigma(bias + Enumerable.Range(0, 3).Sum(i => v[i] * w[(2 * i) + j])))];

        double[] Seen(double[] h) =>
            [.. b.Select((bias, i) => Mean(bias + (w[2 * i] * h[0]) + (w[(2 * i) + 1] * h[1])))];

        double Mean(double a) => visible == BoltzmannUnit.Binary ? Sigma(a) : a;

        static double Sigma(double a) => 1 / (1 + Math.Exp(-a));

        static double[] Of(SharedVariable variable) => NdArray.From(variable.GetValue()).Data;
    }

    [TestCase(false, 1)]
    [TestCase(false, 3)]
    [TestCase(true, 1)]
    public void Training_raises_the_probability_of_the_data_among_all_that_could_be(bool isPersistent, int steps)
    {
        using var machine = new RestrictedBoltzmannMachine(6, 4)
        {
            IsPersistent = isPersistent,
            Steps = steps,
            BatchSize = 30,
            L2 = 0,

            // Persistent chains fall behind larger steps, as they do in NumPy.
            Momentum = isPersistent ? 0 : 0.9f,
        };
        Tensor all = Tensor.From([.. Bits(6).SelectMany(each => each).Select(bit => (float)bit)], 64, 6);
        float[][] kinds = [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]];
        Tensor data = Tensor.From([.. Enumerable.Range(0, 90).SelectMany(i => kinds[i % 3])], 90, 6);
        double before = LogLikelihood();

        machine.Fit(data, 300);

        Assert.That(before, Is.EqualTo(-Math.Log(64)).Within(0.1));
        Assert.That(LogLikelihood(), Is.GreaterThan(-2.1).And.LessThan(-Math.Log(3)), "three kinds, equally frequent");

        double LogLikelihood() => -machine.FreeEnergy(data).AsSpan<float>().ToArray().Average(each => (double)each)
            - Math.Log(machine.FreeEnergy(all).AsSpan<float>().ToArray().Sum(each => Math.Exp(-each)));
    }

    /// <summary>Returns all rows of so many zeros and ones.</summary>
    private static IEnumerable<double[]> Bits(int count) => Enumerable.Range(0, 1 << count).Select(
        code => Enumerable.Range(0, count).Select(bit => (double)((code >> bit) & 1)).ToArray());

    [TestCase(BoltzmannUnit.Binary, BoltzmannUnit.Binary, false, 1)]
    [TestCase(BoltzmannUnit.Binary, BoltzmannUnit.Binary, false, 3)]
    [TestCase(BoltzmannUnit.Binary, BoltzmannUnit.Binary, true, 1)]
    [TestCase(BoltzmannUnit.Gaussian, BoltzmannUnit.Binary, false, 1)]
    [TestCase(BoltzmannUnit.Gaussian, BoltzmannUnit.Rectified, false, 1)]
    public void It_learns_to_rebuild_what_it_sees_and_to_find_other_things_less_probable(
        BoltzmannUnit visible, BoltzmannUnit hidden, bool isPersistent, int steps)
    {
        bool isBinary = visible == BoltzmannUnit.Binary;
        using var machine = new RestrictedBoltzmannMachine(12, 8)
        {
            VisibleUnits = visible,
            HiddenUnits = hidden,
            IsPersistent = isPersistent,
            Steps = steps,
            BatchSize = 20,
            LearningRate = isBinary ? 0.1f : 0.01f,
            Momentum = 0.5f,
        };
        Tensor bars = Bars(400, isBinary);

        IReadOnlyList<double> errors = machine.Fit(bars, 40);

        Assert.That(errors, Has.Count.EqualTo(40));
        Assert.That(errors[^1], Is.LessThan(errors[0] * 0.6));
        Assert.That(Difference(machine.Reconstruct(bars), bars), Is.LessThan(errors[^1] * 1.5),
            "by means alone it is no worse");
        if (hidden == BoltzmannUnit.Binary)
        {
            Tensor other =
                Tensor.From([.. Enumerable.Range(0, 12).Select(i => i % 2 == 0 ? 1f : isBinary ? 0f : -1f)], 1, 12);
            Assert.That(machine.FreeEnergy(bars).AsSpan<float>().ToArray().Average(),
                Is.LessThan(machine.FreeEnergy(other).AsSpan<float>()[0]));
        }
    }

    [Test]
    public void The_same_seed_learns_the_same()
    {
        float[] once = Trained(3), again = Trained(3), other = Trained(4);

        Assert.That(again, Is.EqualTo(once));
        Assert.That(other, Is.Not.EqualTo(once));

        static float[] Trained(ulong seed)
        {
            using var machine =
                new RestrictedBoltzmannMachine(12, 4) { Seed = seed, BatchSize = 10, IsPersistent = true };
            machine.Fit(Bars(50, true), 3);
            return machine.Weights.GetValue().AsSpan<float>().ToArray();
        }
    }

    [TestCase(BoltzmannUnit.Binary, 1e38f)]
    [TestCase(BoltzmannUnit.Gaussian, 1e20f)]
    public void A_training_without_numbers_ends_with_what_to_try_and_the_values_before(
        BoltzmannUnit visible, float rate)
    {
        using var machine =
            new RestrictedBoltzmannMachine(12, 4) { VisibleUnits = visible, BatchSize = 10, LearningRate = rate };
        float[] before = machine.Weights.GetValue().AsSpan<float>().ToArray();

        DivergenceException? error =
            Assert.Throws<DivergenceException>(() => machine.Fit(Bars(50, visible == BoltzmannUnit.Binary), 5));

        Assert.That(error!.Message, Does.Contain(
            $"12 {visible} and 4 Binary units has ended in epoch {error.Epoch}").And.Contain("Try LearningRate = "));
        Assert.That(error.Epoch, Is.EqualTo(1));
        Assert.That(machine.Weights.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(before));
    }

    [Test]
    public void What_does_not_fit_is_told()
    {
        using var machine = new RestrictedBoltzmannMachine(12, 4);
        using var wrong = new RestrictedBoltzmannMachine(12, 4) { HiddenUnits = BoltzmannUnit.Gaussian };
        Assert.That(() => new RestrictedBoltzmannMachine(0, 4),
            Throws.TypeOf<EngineException>().With.Message.Contains("not 0 and 4"));
        Assert.That(() => machine.Fit(new Tensor(DType.Float32, [5, 3])),
            Throws.TypeOf<EngineException>().With.Message.Contains("(n, 12), not (5, 3)"));
        Assert.That(() => machine.Fit(Bars(10, true)),
            Throws.TypeOf<EngineException>().With.Message.Contains("fewer than a batch of 64"));
        Assert.That(() => wrong.Fit(Bars(100, true)),
            Throws.TypeOf<EngineException>().With.Message.Contains("HiddenUnits are binary or rectified"));
        Assert.That(() => wrong.FreeEnergy(Bars(1, true)),
            Throws.TypeOf<EngineException>().With.Message.Contains("Free energy"));
    }

    [TestCase(true, true)]
    [TestCase(false, false)]
    public void A_deep_belief_network_learns_classes_from_what_its_machines_found(bool isReal, bool isRectified)
    {
        Tensor x = Bars(300, !isReal);
        int[] kinds = [.. Enumerable.Range(0, 300).Select(i => i % 3)];
        var told = new List<(int, int)>();
        using var net = new DeepBeliefNetwork(-1, 10, 6, -1)
        {
            RealValuedVis = isReal,
            UseReLu = isRectified,
            LearnRates = isRectified ? 0.1f : 0.3f,
            LearnRatesPretrain = 0.005f,
            LearnRateDecays = 0.98,
            EpochsPretrain = 5,
            Epochs = isRectified ? 5 : 60,
            MinibatchSize = 20,
            PretrainCallback = (layer, epoch, _) => told.Add((layer, epoch)),
        };

        net.Fit(x, kinds);

        Assert.That(
            told, Is.EqualTo(from layer in (int[])[1, 2] from epoch in Enumerable.Range(1, 5) select (layer, epoch)));
        Assert.That(
            net.Machines.Select(machine => (machine.Visible, machine.Hidden)), Is.EqualTo(new[] { (12, 10), (10, 6) }));
        Assert.That(net.Score(x, kinds), Is.GreaterThan(0.9));
        Assert.That(net.Predict(x).Zip(kinds).Count(pair => pair.First == pair.Second),
            Is.EqualTo((int)Math.Round(net.Score(x, kinds) * 300)));
        Assert.That(net.Reconstruct(x).Shape, Is.EqualTo(x.Shape));
    }

    [Test]
    public void A_deep_belief_network_begins_with_its_machines()
    {
        using var net = new DeepBeliefNetwork(12, 5, 3) { EpochsPretrain = 1, Epochs = 0, MinibatchSize = 10 };
        net.Fit(Bars(50, false), [.. Enumerable.Range(0, 50).Select(i => i % 3)]);
        Assert.That(
            net.Net.GetParameters().First(pair => pair.Key == "hidden1.W").Value.AsSpan<float>().ToArray(),
            Is.EqualTo(net.Machines[0].Weights.GetValue().AsSpan<float>().ToArray()));
        Assert.That(() => new DeepBeliefNetwork(12, 3),
            Throws.TypeOf<EngineException>().With.Message.Contains("(-1, 300, -1)"));
    }

    [TestCase(1e3f, "LearnRatesPretrain = 100.")]
    [TestCase(1e30f, "LearnRatesPretrain = 1E+29.")]
    public void A_pre_training_that_diverges_names_its_own_learning_rate(float rate, string advice)
    {
        using var net =
            new DeepBeliefNetwork(12, 5, 3) { LearnRatesPretrain = rate, EpochsPretrain = 100, MinibatchSize = 10 };
        Assert.That(
            () => net.Fit(Bars(50, false), [.. Enumerable.Range(0, 50).Select(i => i % 3)]),
            Throws.TypeOf<EngineException>().With.Message
                .StartsWith("The pre-training of hidden layer 1 (12 to 5 units) has ended in epoch ")
                .And.Message
                .Contains($"The learning rate of pre-training is {rate.ToString("G4", CultureInfo.InvariantCulture)}. ")
                .And.Message.Contains(advice));
    }

    private static double Difference(Tensor a, Tensor b) =>
        NdArray.From(a).Data.Zip(NdArray.From(b).Data, (x, y) => (x - y) * (x - y)).Average();

    /// <summary>One of three groups of four values is on; the values are 0 and 1, or −1 and 1 with noise.</summary>
    private static Tensor Bars(int count, bool areBinary)
    {
        var random = new Random(7);
        return Tensor.From(
        [
            .. from i in Enumerable.Range(0, count)
               from unit in Enumerable.Range(0, 12)
               let isOn = unit / 4 == i % 3
               select areBinary ? (isOn ? 1f : 0f) : (isOn ? 1f : -1f) + (0.1f * (random.NextSingle() - 0.5f)),
        ], count, 12);
    }
}
