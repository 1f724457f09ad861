using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using Input = Engine.Layers.Input;

namespace Engine.Tests.Layers;

/// <summary>Recurrent layers and attention, compared with plain arithmetic.</summary>
public class SequenceLayerTests
{
    [Test]
    public void Lstm_and_gru_go_by_their_formulas()
    {
        double[] w = [0.5, -1, 0.25, 2], u = [0.3, 0.1, -0.7, 1.5], b = [0.1, -0.2, 0.3, 0.4];
        double h = 0, c = 0;
        foreach (double x in (double[])[1, -0.5, 2])
        {
            double Sum(int gate) => (w[gate] * x) + (u[gate] * h) + b[gate];
            double i = Sigmoid(Sum(0)), f = Sigmoid(Sum(1)), g = Math.Tanh(Sum(2)), o = Sigmoid(Sum(3));
            c = (f * c) + (i * g);
            h = o * Math.Tanh(c);
        }

        Assert.That(Last(new Lstm(1) { OnlyLast = true }, w, u, b, null), Is.EqualTo(h).Within(1e-12));

        (double[] w3, double[] u3, double[] b3, double[] c3) = (w[..3], u[..3], b[..3], [0.2, -0.1, 0.6]);
        h = 0;
        foreach (double x in (double[])[1, -0.5, 2])
        {
            double In(int gate) => (w3[gate] * x) + b3[gate];
            double Of(int gate) => (u3[gate] * h) + c3[gate];
            double r = Sigmoid(In(0) + Of(0)), z = Sigmoid(In(1) + Of(1)), n = Math.Tanh(In(2) + (r * Of(2)));
            h = ((1 - z) * n) + (z * h);
        }

        Assert.That(Last(new Gru(1) { OnlyLast = true }, w3, u3, b3, c3), Is.EqualTo(h).Within(1e-12));

        static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

        static double Last(Layer layer, double[] w, double[] u, double[] b, double[]? c)
        {
            using var network = new Network(new Input(3, 1), layer) { FloatX = DType.Float64 };
            double[]?[] values = [w, b, u, c];
            foreach ((Parameter parameter, double[]? value) in network.Parameters.Zip(values))
            {
                parameter.Variable.SetValue(Tensor.From(value!).Reshape(parameter.Variable.Shape.Dimensions));
            }

            return Use(network, Tensor.From([1, -0.5, 2], 1, 3, 1))[0];
        }
    }

    [Test]
    public void Steps_that_a_mask_hides_change_nothing()
    {
        var random = new Random(3);
        double[] steps = [.. Enumerable.Range(0, 3 * 2).Select(_ => random.NextDouble() - 0.5)];
        double[] padded = [.. steps, 9, 9, 9, 9];
        foreach (Func<Layer> make in (Func<Layer>[])
            [() => new Lstm(2) { OnlyLast = true }, () => new Gru(2) { OnlyLast = true },
                () => new Recurrent(2) { OnlyLast = true },
                () => new Lstm(2) { OnlyLast = true, Backwards = true }])
        {
            using var plain = new Network(make().On(new Input(3, 2)).Named("r")) { FloatX = DType.Float64 };
            using var masked =
                new Network(make().On(new Input(5, 2), new Input(5)).Named("r")) { FloatX = DType.Float64 };
            double[] expected = Use(plain, Tensor.From(steps, 1, 3, 2));
            Assert.That(
                Use(masked, Tensor.From(padded, 1, 5, 2), Tensor.From([1.0, 1, 1, 0, 0], 1, 5)), Is.EqualTo(expected)
                    .Within(1e-12));
        }

        using var seen =
            new Network(new MultiHeadAttention(1).On(new Input(3, 2)).Named("a")) { FloatX = DType.Float64 };
        using var hidden = new Network(new MultiHeadAttention(1).On(new Input(5, 2), new Input(5)).Named("a"))
        {
            FloatX = DType.Float64,
        };
        Assert.That(
            Use(hidden, Tensor.From(padded, 1, 5, 2), Tensor.From([1.0, 1, 1, 0, 0], 1, 5))[..6],
            Is.EqualTo(Use(seen, Tensor.From(steps, 1, 3, 2))).Within(1e-12));
    }

    private static IEnumerable<TestCaseData> Masked() =>
    [
        Case("lstm", () => new Lstm(2)), Case("lstm, last", () => new Lstm(2) { OnlyLast = true }),
        Case("lstm, backwards", () => new Lstm(2) { Backwards = true }), Case("gru", () => new Gru(2)), Case(
            "recurrent", () => new Recurrent(2)),
        Case("recurrence", () => new Recurrence(new Sequence(new Concat(), new Dense(2)), 2)),
        Case("bidirectional", () => new Bidirectional(new Gru(2), new Gru(2) { Backwards = true })),
        Case("stacked", () => new Stacked(new Lstm(2), new Gru(2))), Case("attention", () => new MultiHeadAttention(1)),
        Case("causal attention", () => new MultiHeadAttention(2) { IsCausal = true }),
        Case("transformer", () => new TransformerBlock(1, 3)), Case(
            "transformer, as at first", () => new TransformerBlock(1, 3) { IsNormFirst = false }),
    ];

    private static TestCaseData Case(string name, Func<Layer> make) => new TestCaseData(make).SetArgDisplayNames(name);

    [TestCaseSource(nameof(Masked))]
    public void Nothing_that_a_mask_hides_reaches_outputs_or_gradients(Func<Layer> make)
    {
        double[] x = [0.5, -1, 0.25, 2, double.NaN, double.PositiveInfinity], other = [.. x[..4], 3, -7];
        Assert.That(Values(x), Is.EqualTo(Values(other)).And.All.Matches<double>(double.IsFinite));

        double[] Values(double[] values)
        {
            using var network =
                new Network(make().On(new Input(3, 2), new Input(3)).Named("r")) { FloatX = DType.Float64 };
            Variable seen = network.Output.Rank == 3 ? network.Output[.., ..2] : network.Output;
            Variable loss = Engine.Ops.Symbolic.Sum(Engine.Ops.Symbolic.Square(seen));
            using var function =
                Function.Compile([.. network.Inputs], [seen, .. Engine.Ops.Symbolic.Grad(loss, network.Trainable)]);
            return [.. function.Call(Tensor.From(values, 1, 3, 2), Tensor.From([1.0, 1, 0], 1, 3))
                .SelectMany(each => NdArray.From(each).Data)];
        }
    }

    [TestCase("0 1 1", "0 10 55")]
    [TestCase("0 0 1", "0 0 100")]
    [TestCase("1 0 1", "1 1 50.5")]
    [TestCase("1 1 1", "1 5.5 37")]
    [TestCase("0 0 0", "0 0 0")]
    public void No_step_of_causal_attention_sees_a_later_one(string mask, string expected)
    {
        using var network =
            new Network(new MultiHeadAttention(1) { IsCausal = true, B = null }.On(new Input(3, 1), new Input(3)))
            {
                FloatX = DType.Float64,
            };
        foreach (Parameter parameter in network.Parameters)
        {
            parameter.Variable.SetValue(Tensor.From([parameter.Name[^1] is 'v' or 'o' ? 1.0 : 0], 1, 1));
        }

        Assert.That(
            Use(network, Tensor.From([1.0, 10, 100], 1, 3, 1), Tensor.From(Numbers(mask), 1, 3)),
            Is.EqualTo(Numbers(expected)).Within(1e-12));
    }

    [Test]
    public void A_cell_with_running_averages_is_refused_by_name_unless_it_is_frozen()
    {
        Func<bool, Network> make = isTrainable => new Network(
            new Input(3, 2), new Recurrence(
                new Sequence(new Concat(), new Dense(2), new BatchNorm { Name = "norm", IsTrainable = isTrainable }), 2)
            { Name = "rnn" });
        using Network trained = make(true);
        using Network frozen = make(false);
        using var trainer = new Trainer(frozen) { Regression = true };

        Assert.That(
            () =>
            {
                using var of = new Trainer(trained) { Regression = true };
                of.Step(new Tensor(DType.Float32, [2, 3, 2]), new Tensor(DType.Float32, [2, 3, 2]));
            },
            Throws.TypeOf<EngineException>().With.Message.Contains("rnn.cell.norm.mean").And.Message
                .Contains("inside of 'rnn'").And.Message.Contains("LayerNorm"));
        Assert.That(
            trainer.Step(new Tensor(DType.Float32, [2, 3, 2]), new Tensor(DType.Float32, [2, 3, 2])), Is.EqualTo(0));
    }

    // PyTorch's gradients, whose tensors of gates had hooks that clip: of W, b, U, GRU's c, and the sequence.
    private static IEnumerable<TestCaseData> Clipped() =>
    [
        Case("recurrent", max => new Recurrent(1) { GradClipping = max }, null,
            "2.190196 4.600242 1.258551 0.603554 1.160636 0.535931"),
        Case("recurrent", max => new Recurrent(1) { GradClipping = max }, 0.1,
            "0.25 0.3 0.054816 0.05 0.05 0.05"),
        Case("lstm", max => new Lstm(1) { GradClipping = max }, 0.1,
            "0.303551 0.030532 0.25 0.011831 0.192898 0.125048 0.3 0.125663 "
            + "0.005917 0.028112 0.036589 0.025693 0.125741 0.104923 0.067063"),
        Case("gru", max => new Gru(1) { GradClipping = max }, 0.1,
            "0.174099 -0.317045 0.25 0.188754 -0.083523 0.3 0.046255 0.021048 0.10362 "
            + "0.188754 -0.083523 0.3 0.174324 -0.054048 0.132624"),
        Case("gru", max => new Gru(1) { GradClipping = max }, 0,
            "0.15684 -0.445552 2.433531 0.156057 -0.168672 2.358076 0.040221 0.037994 0.615853 "
            + "0.156057 -0.168672 1.664808 0.400684 0.05576 0.379775"),
    ];

    private static TestCaseData Case(string name, Func<double?, Layer> make, double? max, string values) =>
        new TestCaseData(make(max), Numbers(values)).SetArgDisplayNames(name, FormattableString.Invariant($"{max}"));

    [TestCaseSource(nameof(Clipped))]
    public void The_gates_gradients_are_clipped_at_each_step(Layer layer, double[] expected)
    {
        double[][] values =
            [[0.5, -1, 0.25, 2], [0.1, -0.2, 0.3, 0.4], [0.3, 0.1, -0.7, 1.5], [0.2, -0.1, 0.6]];
        using var network = new Network(new Input(3, 1), layer) { FloatX = DType.Float64 };
        foreach ((Parameter parameter, double[] value) in network.Parameters.Zip(values))
        {
            Shape shape = parameter.Variable.Shape;
            parameter.Variable.SetValue(Tensor.From(value[..shape.Product(0, shape.Rank)]).Reshape(shape.Dimensions));
        }

        Engine.Graph.Input x = network.Inputs[0];
        Variable loss = Engine.Ops.Symbolic.Sum(
            network.Output * Engine.Ops.Symbolic.Constant(Tensor.From([1.0, 2, 3], 1, 3, 1)));
        using var function = Function.Compile(
            [x], [.. Engine.Ops.Symbolic.Grad(loss, [.. network.Parameters.Select(each => each.Variable), x])]);

        Assert.That(
            function.Call(Tensor.From([1, -0.5, 2], 1, 3, 1)).SelectMany(each => each.AsSpan<double>().ToArray()),
            Is.EqualTo(expected).Within(1e-6));
        Assert.That(() => new Lstm(2) { GradClipping = -1 }, Throws.TypeOf<EngineException>().With.Message.EqualTo(
            $"Lstm clips gradients to a finite number from 0 on, not to -1.{Origin.Current}"));
    }

    private static double[] Numbers(string text) =>
        [.. text.Split(' ').Select(word => double.Parse(word, System.Globalization.CultureInfo.InvariantCulture))];

    [TestCase(0)]
    [TestCase(-1)]
    public void A_truncated_gradient_of_no_steps_is_of_all(int steps) =>
        Assert.That(new Lstm(2) { TruncateGradient = steps }.TruncateGradient, Is.Null);

    [Test]
    public void Attention_without_scores_is_the_mean_of_what_is_seen()
    {
        // Queries of 0: every step attends to all steps equally; causal ones to the steps before and themselves.
        double[] x = [1, 10, 3, 20, 8, 60];
        Assert.That(Mean(isCausal: false), Is.EqualTo(new[] { 4.0, 30, 4, 30, 4, 30 }).Within(1e-12));
        Assert.That(Mean(isCausal: true), Is.EqualTo(new[] { 1.0, 10, 2, 15, 4, 30 }).Within(1e-12));

        double[] Mean(bool isCausal)
        {
            using var network =
                new Network(new Input(3, 2), new MultiHeadAttention(2) { IsCausal = isCausal, B = null })
                {
                    FloatX = DType.Float64,
                };
            foreach (Parameter parameter in network.Parameters)
            {
                parameter.Variable.SetValue(Tensor.From(
                    parameter.Name[^1] is 'v' or 'o' ? [1.0, 0, 0, 1] : new double[4], 2, 2));
            }

            return Use(network, Tensor.From(x, 1, 3, 2));
        }
    }

    [Test]
    public void Recurrent_layers_and_attention_are_taken_over_from_PyTorchs_layout()
    {
        using var net = new NeuralNet(
            new Input(2, 2), new MultiHeadAttention(1) { Name = "a" }, new Lstm(1) { Name = "l" },
            new Gru(1) { Name = "g" })
        { Regression = true };
        float[] counted = [.. Enumerable.Range(1, 12).Select(i => (float)i)];
        LoadReport report = net.SetParameters(
            [
                new("a.in_proj_weight", Tensor.From(counted, 6, 2)), new(
                    "a.in_proj_bias", Tensor.From([1f, 2, 3, 4, 5, 6])),
                new("a.out_proj.weight", Tensor.From([1f, 2, 3, 4], 2, 2)), new(
                    "a.out_proj.bias", Tensor.From([1f, 2])),
                new("l.weight_ih_l0", Tensor.From(counted[..8], 4, 2)), new(
                    "l.weight_hh_l0", Tensor.From([1f, 2, 3, 4], 4, 1)),
                new("l.bias_ih_l0", Tensor.From([1f, 2, 3, 4])), new("l.bias_hh_l0", Tensor.From([10f, 20, 30, 40])),
                new("g.weight_ih_l0", Tensor.From([1f, 2, 3], 3, 1)), new(
                    "g.weight_hh_l0", Tensor.From([4f, 5, 6], 3, 1)),
                new("g.bias_ih_l0", Tensor.From([1f, 2, 3])), new("g.bias_hh_l0", Tensor.From([4f, 5, 6])),
            ],
            new LoadOptions { Layout = WeightLayout.PyTorch });
        Dictionary<string, float[]> values = net.GetParameters()
            .ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<float>().ToArray());

        Assert.That(report.Kept, Is.Empty);
        Assert.That(values["a.Wk"], Is.EqualTo(new[] { 5f, 7, 6, 8 }), "rows 2 and 3, transposed");
        Assert.That(values["a.bv"], Is.EqualTo(new[] { 5f, 6 }));
        Assert.That(values["a.Wo"], Is.EqualTo(new[] { 1f, 3, 2, 4 }));
        Assert.That(values["l.W"], Is.EqualTo(new[] { 1f, 3, 5, 7, 2, 4, 6, 8 }));
        Assert.That(values["l.b"], Is.EqualTo(new[] { 11f, 22, 33, 44 }));
        Assert.That(values["g.U"], Is.EqualTo(new[] { 4f, 5, 6 }));
        Assert.That(values["g.c"], Is.EqualTo(new[] { 4f, 5, 6 }));
    }

    private static double[] Use(Network network, params Tensor[] inputs)
    {
        using var function = Function.Compile([.. network.Inputs], [network.Output]);
        return function.Call(inputs)[0].AsSpan<double>().ToArray();
    }
}
