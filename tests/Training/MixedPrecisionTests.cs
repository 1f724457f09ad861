using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Training;

/// <summary>Tests training whose products read numbers of 16 bits.</summary>
[TestFixture]
public sealed class MixedPrecisionTests
{
    private const int Classes = 4, Side = 8, Count = 640;

    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void A_perceptron_learns_as_well_as_in_float32(
        [Values(Precision.MixedBFloat16, Precision.MixedFloat16)] Precision precision) =>
        LearnsAsWell(precision, () => [new Input(1, Side, Side), new Dense(32, Rectify), new Dense(Classes, Softmax)]);

    [Test]
    public void A_convolutional_network_does(
        [Values(Precision.MixedBFloat16, Precision.MixedFloat16)] Precision precision) => LearnsAsWell(precision, () =>
        [
            new Input(1, Side, Side), new Engine.Layers.Conv2D(8, 3), new BatchNorm(), new Engine.Layers.MaxPool2D(2),
            new Dense(16, Rectify),
            new Dense(Classes, Softmax),
        ]);

    [Test]
    public void Parameters_and_predictions_are_float32_and_follow_small_steps()
    {
        using var net = new NeuralNet(new Input(1, Side, Side), new Dense(Classes, Softmax))
        {
            Precision = Precision.MixedBFloat16,
            Device = s_cpu,
            MaxEpochs = 1,
            Update = new Sgd(1e-3f),
        };
        (Tensor x, int[] y) = Samples(1);

        net.Fit(x, y);

        Assert.That(net.GetParameters().Select(pair => pair.Value.DType), Is.All.EqualTo(DType.Float32));
        float[] weights = net.GetParameters()[0].Value.AsSpan<float>().ToArray();
        Assert.That(weights.Count(weight => (float)(BFloat16)weight != weight), Is.GreaterThan(weights.Length / 2));
        Assert.That(net.PredictProba(x).DType, Is.EqualTo(DType.Float32));
    }

    [Test]
    public void What_products_read_is_rounded_and_nothing_else([Values(DType.BFloat16, DType.Float16)] DType stored)
    {
        Engine.Graph.Input x = Matrix("x");
        SharedVariable w = Shared(Numbers(2, 5, 3), "w"), bias = Shared(Numbers(3, 3), "b");
        Variable loss = Sum(Square(Dot(Tanh(x), w) + bias));
        IReadOnlyList<Variable> grads = Grad(loss, [w, bias]);
        Tensor given = Numbers(1, 4, 5);

        Tensor[] mixed = Call(MixedPrecision.Apply([loss, grads[0], grads[1], w - (grads[0] * 1e-3)], stored));

        // The expected values: the operands of both products are rounded, also the gradient that the weights' product
        // reads.
        double[,] a = new double[4, 5], z = new double[4, 3];
        double expected = 0;
        float[] weights = w.GetValue().AsSpan<float>().ToArray(), biases = bias.GetValue().AsSpan<float>().ToArray();
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                for (int k = 0; k < 5; k++)
                {
                    a[i, k] = Round(MathF.Tanh(given.AsSpan<float>()[(i * 5) + k]));
                    z[i, j] += a[i, k] * Round(weights[(k * 3) + j]);
                }

                z[i, j] += biases[j];
                expected += z[i, j] * z[i, j];
            }
        }

        Assert.That(NdArray.From(mixed[0]).Data[0], Is.EqualTo(expected).Within(1e-4).Percent);
        for (int k = 0; k < 5; k++)
        {
            for (int j = 0; j < 3; j++)
            {
                double gradient = Enumerable.Range(0, 4).Sum(i => a[i, k] * Round(2 * z[i, j]));
                Assert.That(mixed[1].AsSpan<float>()[(k * 3) + j], Is.EqualTo(gradient).Within(1e-5));
                Assert.That(
                    mixed[3].AsSpan<float>()[(k * 3) + j], Is.EqualTo(weights[(k * 3) + j] - (gradient * 1e-3))
                        .Within(1e-7),
                    "the parameter itself is not rounded");
            }
        }

        Tensor[] Call(IReadOnlyList<Variable> outputs)
        {
            using var f = Function.Compile([x], outputs, device: s_cpu);
            return f.Call(given);
        }

        double Round(double value) => ElementType.Of(stored).Round((float)value);
    }

    // The first scale; for each step the gradient, the scale after it, and whether the step is made.
    [TestCase(65536, new[] { 1f }, new[] { 65536f }, new[] { true })]
    [TestCase(65536, new[] { float.PositiveInfinity, 1f }, new[] { 32768f, 32768f }, new[] { false, true })]
    [TestCase(65536, new[] { float.NaN, float.NegativeInfinity, 1f }, new[] { 32768f, 16384f, 16384f },
        new[] { false, false, true })]
    [TestCase(1, new[] { float.PositiveInfinity }, new[] { 1f }, new[] { false })]
    public void A_step_whose_gradients_overflow_is_left_out_and_halves_the_scale(
        float start, float[] gradients, float[] scales, bool[] areMade)
    {
        SharedVariable w = Shared(Tensor.From([5f, 6f]), "w");
        Engine.Graph.Input g = Scalar("g");
        var scale = new LossScale(former: null);
        scale.Scale.SetScalar(start);
        Variable gradient = w * 0 + (g * Constant(Tensor.From([1f, 0.5f])));
        using var f = Function.Compile([g], [], scale.Guard([new Update(w, w - 1)], [gradient]), device: s_cpu);

        float at = 5;
        for (int i = 0; i < gradients.Length; i++)
        {
            f.Call(Tensor.Scalar(gradients[i]));
            at -= areMade[i] ? 1 : 0;
            Assert.That(scale.Scale.GetScalar<float>(), Is.EqualTo(scales[i]), $"step {i}");
            Assert.That(w.GetValue().AsSpan<float>()[0], Is.EqualTo(at), $"step {i}");
        }
    }

    [Test]
    public void Many_good_steps_double_the_scale_and_a_bad_one_begins_to_count_anew()
    {
        SharedVariable w = Shared(Tensor.Scalar(0f), "w"), step = Shared(Tensor.Scalar(0f), "step");
        var scale = new LossScale(former: null);
        Variable gradient = Where(Equal(step, 1500), double.PositiveInfinity, Constant(1, DType.Float32) + (w * 0));
        using var f = Function.Compile(
            [], [], [.. scale.Guard([new Update(w, w + 1)], [gradient]), new Update(step, step + 1)], device: s_cpu);

        f.RunMany(3500);
        Assert.That((scale.Scale.GetScalar<float>(), w.GetScalar<float>()), Is.EqualTo((32768f, 3499f)));
        f.RunMany(1);
        Assert.That(scale.Scale.GetScalar<float>(), Is.EqualTo(65536f));
    }

    [Test]
    public void Small_gradients_are_kept_in_float16_by_the_scale()
    {
        SharedVariable w = Shared(Tensor.From(new float[,] { { 1 } }), "w");
        Engine.Graph.Input x = Matrix("x");
        Variable loss = Sum(Tanh(Dot(x, w)) * 1e-8);
        var scale = new LossScale(former: null);

        Variable plain = MixedPrecision.Apply([Grad(loss, w)], DType.Float16)[0];
        Variable scaled = MixedPrecision.Apply(scale.Gradients(loss, [w]), DType.Float16)[0];
        using var f = Function.Compile([x], [plain, scaled], device: s_cpu);
        Tensor[] y = f.Call(Tensor.From(new float[,] { { 0.25f } }));

        double slope = 1 - Math.Pow(Math.Tanh(0.25), 2);
        Assert.That(y[0].AsSpan<float>()[0], Is.Zero);
        Assert.That(y[1].AsSpan<float>()[0], Is.EqualTo(0.25e-8 * slope).Within(1).Percent);
    }

    [Test]
    public void A_network_of_float64_is_not_mixed()
    {
        using var net = new NeuralNet(new Input(2), new Dense(2, Softmax))
        {
            FloatX = DType.Float64,
            Precision = Precision.MixedBFloat16,
            Device = s_cpu,
        };

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>().With.Message.Contains("FloatX is float64"));
    }

    private static void LearnsAsWell(Precision precision, Func<Layer[]> layers)
    {
        double full = Accuracy(Precision.Full), mixed = Accuracy(precision);
        Assert.That(full, Is.GreaterThan(0.9));
        Assert.That(mixed, Is.EqualTo(full).Within(0.01));

        double Accuracy(Precision of)
        {
            using var net = new NeuralNet(layers()) { Precision = of, Device = s_cpu, MaxEpochs = 12, Seed = 3 };
            (Tensor x, int[] y) = Samples(1);
            (Tensor test, int[] labels) = Samples(2);
            net.Fit(x, y);
            return net.Score(test, Tensor.From(labels));
        }
    }

    /// <summary>Returns pictures of noise with a bright bar in one of four places.</summary>
    private static (Tensor X, int[] Y) Samples(int seed)
    {
        var random = new Random(seed);
        int[] y = [.. Enumerable.Range(0, Count).Select(i => i % Classes)];
        float[] x = [.. Enumerable.Range(0, Count * Side * Side).Select(i =>
        {
            int row = i / Side % Side, label = y[i / (Side * Side)];
            return (row / 2 == label ? 1f : 0f) + (random.NextSingle() * 1.5f) - 0.75f;
        })];
        return (Tensor.From(x, Count, 1, Side, Side), y);
    }

    private static Tensor Numbers(int seed, params int[] sides)
    {
        var random = new Random(seed);
        return Tensor.From(
            [.. Enumerable.Range(0, sides.Aggregate((a, b) => a * b)).Select(_ => random.NextSingle() - 0.5f)])
                .Reshape(sides);
    }
}
