using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>
/// Checks the terms that L1 and L2 add to the training loss, and their effect on one step of plain gradient descent.
/// </summary>
public class RegularizationTests
{
    private const double Rate = 0.5, Factor = 0.01;

    [Test]
    public void L2_pulls_weights_but_not_biases_by_twice_their_value()
    {
        using NeuralNet plain = Net(), penalized = Net(l2: Factor);
        double[][] before = Values(plain);

        Step(plain);
        Step(penalized);

        Pulled(before, Values(plain), Values(penalized), w => 2 * Factor * w, "dense1.W", "dense2.W");
    }

    [Test]
    public void L1_pulls_weights_by_their_sign()
    {
        using NeuralNet plain = Net(), penalized = Net(l1: Factor);
        double[][] before = Values(plain);

        Step(plain);
        Step(penalized);

        Pulled(before, Values(plain), Values(penalized), w => Factor * Math.Sign(w), "dense1.W", "dense2.W");
    }

    [Test]
    public void A_layers_own_number_goes_before_the_networks()
    {
        using NeuralNet plain = Net();
        using NeuralNet first = Net(hidden: new Dense(4) { L2 = Factor });
        using NeuralNet second = Net(l2: Factor, hidden: new Dense(4) { L2 = 0 });
        double[][] before = Values(plain);

        Step(plain);
        Step(first);
        Step(second);

        Pulled(before, Values(plain), Values(first), w => 2 * Factor * w, "dense1.W");
        Pulled(before, Values(plain), Values(second), w => 2 * Factor * w, "dense2.W");
    }

    [Test]
    public void The_penalty_stands_in_the_training_loss_and_not_in_the_validation_loss()
    {
        using NeuralNet plain = Net(rate: 0), penalized = Net(l1: 0.1, l2: Factor, rate: 0);
        double[] weights = [.. Values(plain)[0], .. Values(plain)[2]];
        double penalty = (0.1 * weights.Sum(Math.Abs)) + (Factor * weights.Sum(w => w * w));

        Step(plain);
        Step(penalized);

        EpochRecord without = plain.TrainHistory[0], with = penalized.TrainHistory[0];
        Assert.That(with.TrainLoss - without.TrainLoss, Is.EqualTo(penalty).Within(1e-12));
        Assert.That(with.ValidLoss, Is.EqualTo(without.ValidLoss));
    }

    [Test]
    public void Of_batch_normalization_gamma_is_penalized_and_nothing_else()
    {
        using NeuralNet plain = Net(hidden: new BatchNorm()), penalized = Net(l2: Factor, hidden: new BatchNorm());
        double[][] before = Values(plain);

        Step(plain);
        Step(penalized);

        Pulled(before, Values(plain), Values(penalized), w => 2 * Factor * w, "batchnorm1.gamma", "dense2.W");
    }

    [Test]
    public void A_number_below_0_is_refused()
    {
        using NeuralNet net = Net(l2: -1), layer = Net(hidden: new Dense(4) { L1 = double.NaN });

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "L2 is a number from 0 on, not -1."));
        Assert.That(layer.Initialize, Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "L1 is a number from 0 on, not NaN. Layer 'dense1'. Built at "));
    }

    private static NeuralNet Net(double l1 = 0, double l2 = 0, double rate = Rate, Layer? hidden = null) =>
        new(new Input(2), hidden ?? new Dense(4), new Dense(3, Symbolic.Softmax))
        {
            FloatX = DType.Float64,
            Update = new Sgd((float)rate),
            MaxEpochs = 1,
            L1 = l1,
            L2 = l2,
        };

    private static void Step(NeuralNet net)
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        net.Fit(points, labels);
    }

    private static double[][] Values(NeuralNet net) =>
        [.. net.GetParameters().Select(pair => pair.Value.AsSpan<double>().ToArray())];

    /// <summary>
    /// Checks that the named parameters differ from the plain step's by −rate · pull of their old values, and the
    /// others do not.
    /// </summary>
    private static void Pulled(
        double[][] before, double[][] plain, double[][] penalized, Func<double, double> pull, params string[] names)
    {
        using NeuralNet net = before.Length == 4 ? Net() : Net(hidden: new BatchNorm());
        string[] all = [.. net.GetParameters().Select(pair => pair.Key)];
        for (int i = 0; i < all.Length; i++)
        {
            double[] expected = names.Contains(all[i])
                ? [.. plain[i].Zip(before[i], (p, w) => p - (Rate * pull(w)))]
                : plain[i];
            Assert.That(penalized[i], Is.EqualTo(expected).Within(1e-13), all[i]);
        }
    }
}
