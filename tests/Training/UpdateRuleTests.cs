using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Each rule, stepped by hand for the loss (p0² + 3 · p1²) / 2, whose gradient is (p0, 3 · p1).</summary>
public class UpdateRuleTests
{
    private const int Steps = 4;

    [Test]
    public void Sgd_follows_its_formula() => Check(
        new Sgd(0.1f), () => (p, g) => p - (0.1f * g));

    [Test]
    public void Momentum_follows_its_formula() => Check(
        new Momentum(0.1f, 0.8f), () =>
        {
            double v = 0;
            return (p, g) =>
            {
                v = (0.8f * v) - (0.1f * g);
                return p + v;
            };
        });

    [Test]
    public void Nesterov_momentum_follows_its_formula() => Check(
        new NesterovMomentum(0.1f, 0.8f), () =>
        {
            double v = 0;
            return (p, g) =>
            {
                v = (0.8f * v) - (0.1f * g);
                return p + (0.8f * v) - (0.1f * g);
            };
        });

    [Test]
    public void Adagrad_follows_its_formula() => Check(
        new Adagrad(0.1f), () =>
        {
            double a = 0;
            return (p, g) =>
            {
                a += g * g;
                return p - (0.1f * g / Math.Sqrt(a + 1e-6f));
            };
        });

    [Test]
    public void RmsProp_follows_its_formula() => Check(
        new RmsProp(0.1f), () =>
        {
            double a = 0;
            return (p, g) =>
            {
                a = (0.9f * a) + ((1 - (double)0.9f) * g * g);
                return p - (0.1f * g / Math.Sqrt(a + 1e-6f));
            };
        });

    [Test]
    public void Adam_follows_its_formula() => Check(
        new Adam(0.1f), () =>
        {
            double m = 0, v = 0, b1 = 0.9f, b2 = 0.999f;
            int t = 0;
            return (p, g) =>
            {
                t++;
                m = (b1 * m) + ((1 - b1) * g);
                v = (b2 * v) + ((1 - b2) * g * g);
                double rate = 0.1f * Math.Sqrt(1 - Math.Pow(b2, t)) / (1 - Math.Pow(b1, t));
                return p - (rate * m / (Math.Sqrt(v) + 1e-8f));
            };
        });

    [Test]
    public void Adadelta_follows_its_formula() => Check(
        new Adadelta(0.5f), () =>
        {
            double a = 0, d = 0, rho = 0.95f, epsilon = 1e-6f;
            return (p, g) =>
            {
                a = (rho * a) + ((1 - rho) * g * g);
                double u = g * Math.Sqrt(d + epsilon) / Math.Sqrt(a + epsilon);
                d = (rho * d) + ((1 - rho) * u * u);
                return p - (0.5 * u);
            };
        });

    [Test]
    public void Adamax_follows_its_formula() => Check(
        new Adamax(0.1f), () =>
        {
            double m = 0, u = 0, b1 = 0.9f, b2 = 0.999f;
            int t = 0;
            return (p, g) =>
            {
                t++;
                m = (b1 * m) + ((1 - b1) * g);
                u = Math.Max(b2 * u, Math.Abs(g));
                return p - (0.1f / (1 - Math.Pow(b1, t)) * m / (u + 1e-8f));
            };
        });

    [Test]
    public void AmsGrad_follows_its_formula() => Check(
        new AmsGrad(0.1f, beta2: 0.5f), () =>
        {
            double m = 0, v = 0, max = 0, b1 = 0.9f, b2 = 0.5f;
            int t = 0;
            return (p, g) =>
            {
                t++;
                m = (b1 * m) + ((1 - b1) * g);
                v = (b2 * v) + ((1 - b2) * g * g);
                max = Math.Max(max, v);
                double rate = 0.1f * Math.Sqrt(1 - Math.Pow(b2, t)) / (1 - Math.Pow(b1, t));
                return p - (rate * m / (Math.Sqrt(max) + 1e-8f));
            };
        });

    [Test]
    public void AdamW_follows_its_formula() => Check(
        new AdamW(0.1f, decay: 0.25f), () =>
        {
            double m = 0, v = 0, b1 = 0.9f, b2 = 0.999f;
            int t = 0;
            return (p, g) =>
            {
                t++;
                m = (b1 * m) + ((1 - b1) * g);
                v = (b2 * v) + ((1 - b2) * g * g);
                double mean = m / (1 - Math.Pow(b1, t)), square = v / (1 - Math.Pow(b2, t));
                return (p * (1 - (0.1f * 0.25))) - (0.1f * mean / (Math.Sqrt(square) + 1e-8f));
            };
        });

    [TestCase(false)]
    [TestCase(true)]
    public void Momentum_behind_a_rule_follows_its_formula(bool isNesterov) => Check(
        new WithMomentum(new Sgd(0.1f), 0.8f) { IsNesterov = isNesterov }, () =>
        {
            double v = 0;
            return (p, g) =>
            {
                v = (0.8f * v) - (0.1f * g);
                return p + (isNesterov ? (0.8f * v) - (0.1f * g) : v);
            };
        });

    [Test]
    public void Lookahead_goes_back_every_so_many_steps() => Check(
        new Lookahead(new Sgd(0.1f), steps: 2, part: 0.25f), () =>
        {
            double? slow = null;
            int steps = 0;
            return (p, g) =>
            {
                slow ??= p;
                p -= 0.1f * g;
                if (++steps % 2 == 0)
                {
                    p = slow.Value + (0.25 * (p - slow.Value));
                    slow = p;
                }

                return p;
            };
        });

    [Test]
    public void Accumulated_gradients_make_a_step_every_so_many_batches() => Check(
        new Accumulate(new Momentum(0.1f, 0.8f), batches: 3), () =>
        {
            double v = 0, sum = 0;
            int batches = 0;
            return (p, g) =>
            {
                sum += g;
                if (++batches % 3 == 0)
                {
                    v = (0.8f * v) - (0.1f * sum / 3);
                    sum = 0;
                    return p + v;
                }

                return p;
            };
        });

    [Test]
    public void Lookahead_around_accumulated_gradients_counts_their_steps() => Check(
        new Lookahead(new Accumulate(new Sgd(0.1f), batches: 2), steps: 2, part: 0.25f), () =>
        {
            double? slow = null;
            double sum = 0;
            int batches = 0;
            return (p, g) =>
            {
                slow ??= p;
                sum += g;
                if (++batches % 2 == 0)
                {
                    p -= 0.1f * sum / 2;
                    sum = 0;
                    p = batches % 4 == 0 ? slow.Value + (0.25 * (p - slow.Value)) : p;
                }

                return p;
            };
        });

    [Test]
    public void Momentum_around_accumulated_gradients_moves_at_their_steps() => Check(
        new WithMomentum(new Accumulate(new Accumulate(new Sgd(0.1f), batches: 2), batches: 1), 0.8f), () =>
        {
            double v = 0, sum = 0;
            int batches = 0;
            return (p, g) =>
            {
                sum += g;
                if (++batches % 2 == 0)
                {
                    v = (0.8f * v) - (0.1f * sum / 2);
                    sum = 0;
                    return p + v;
                }

                return p;
            };
        });

    [Test]
    public void A_rule_around_rules_by_name_of_which_one_accumulates_is_refused()
    {
        var several = new RulesByName(new Sgd(0.1f), ("a", new Accumulate(new Sgd(0.1f), 2)));
        foreach (Func<UpdateRule> make in (Func<UpdateRule>[])
            [() => new Lookahead(several), () => new WithMomentum(several), () => new NormConstraint(several, 1),
                () => new Lookahead(new Accumulate(several, 2))])
        {
            Assert.That(
                () => make(), Throws.TypeOf<EngineException>().With.Message.Contains("write RulesByName outermost"));
        }
    }

    private static readonly Sgd s_clipped = new(1) { Clip = GradientClip.TotalNorm(1) };

    private static IEnumerable<TestCaseData> Nested() => new (string Name, UpdateRule Rule)[]
    {
        ("itself", s_clipped), ("lookahead", new Lookahead(s_clipped, 1, 1)),
        ("accumulate", new Accumulate(s_clipped, 1)),
        ("momentum", new WithMomentum(s_clipped, 0)), ("norm constraint", new NormConstraint(s_clipped, 1000)),
        ("two", new Lookahead(new Accumulate(s_clipped, 1), 1, 1)), ("by name", new RulesByName(s_clipped)),
        ("of others", new Others(s_clipped)),
    }.Select(each => new TestCaseData(each.Rule).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Nested))]
    public void A_clip_is_over_all_parameters_whatever_their_factors_of_the_rate(UpdateRule rule)
    {
        using var network = new Network(
            new Engine.Layers.Input(1), new Dense(1) { B = null }, new Dense(1) { B = null, RateFactor = 0.5 })
        { FloatX = DType.Float64 };
        foreach (Parameter parameter in network.Parameters)
        {
            parameter.Variable.SetValue(Tensor.From([1.0], 1, 1));
        }

        Variable loss = Symbolic.Sum(Symbolic.Square(network.Parameters[0].Variable))
            + Symbolic.Sum(Symbolic.Square(network.Parameters[1].Variable));
        using var step = Function.Compile([], [], rule.BuildOn(null, loss, network.Parameters).Updates);
        step.Run();

        // The gradients are (2, 2): of norm 1, they are (1/√2, 1/√2).
        Assert.That(
            network.Parameters.Select(parameter => parameter.Variable.GetValue().AsSpan<double>()[0]),
            Is.EqualTo(new[] { 1 - Math.Sqrt(0.5), 1 - (0.5 * Math.Sqrt(0.5)) }).Within(1e-6));
    }

    /// <summary>A user's rule that is made of another.</summary>
    private sealed record Others(UpdateRule Rule) : UpdateRule(Rule.LearningRate)
    {
        protected override bool IsOfOthers => true;

        protected override IReadOnlyList<Update> Updates(
            IReadOnlyList<SharedVariable> parameters, IReadOnlyList<Variable> gradients, Variable learningRate,
            RuleState state) =>
            UpdatesOf(Rule, parameters, gradients, learningRate, state);
    }

    [Test]
    public void Names_choose_rules_whose_rates_keep_their_proportions()
    {
        SharedVariable a = Symbolic.Shared(Tensor.From([1.0]), "a.W"), b = Symbolic.Shared(Tensor.From([1.0]), "b.W");
        var rule = new RulesByName(new Sgd(0.5f), ("b.*", new Momentum(0.25f, 0.5f)), ("*.W", new Sgd(0)));
        Variable loss = Symbolic.Sum(a) + Symbolic.Sum(b);
        BuiltUpdates built = rule.Build(loss, [a, b]);
        using var step = Function.Compile([], [], built.Updates);

        Assert.That(built.Settings.Keys, Is.EqualTo(new[] { "learning_rate", "b.*.momentum" }));
        step.Run();
        Assert.That((Value(a), Value(b)), Is.EqualTo((1.0, 0.75)));
        built.LearningRate.SetScalar(1.0);
        step.Run();
        Assert.That(
            (Value(a), Value(b)), Is.EqualTo((1.0, 0.75 - (0.5 * 0.25) - 0.5)), "half of the first rule's rate");

        static double Value(SharedVariable variable) => variable.GetValue().AsSpan<double>()[0];
    }

    [Test]
    public void A_norm_constraint_shortens_the_weights_of_each_unit()
    {
        SharedVariable dense = Symbolic.Shared(Tensor.From([3.0, 0.3, 4.0, 0.4], 2, 2), "dense");
        SharedVariable filters = Symbolic.Shared(Tensor.From([6.0, 8.0, 0.6, 0.8], 2, 1, 1, 2), "filters");
        SharedVariable bias = Symbolic.Shared(Tensor.From([100.0]), "bias");
        Variable loss = Symbolic.Sum(dense) + Symbolic.Sum(filters) + Symbolic.Sum(bias);
        using var step = Function.Compile(
            [], [], new NormConstraint(new Sgd(0), max: 1).Build(loss, [dense, filters, bias]).Updates);
        step.Run();

        Assert.That(dense.GetValue().AsSpan<double>().ToArray(), Is.EqualTo(new[] { 0.6, 0.3, 0.8, 0.4 }).Within(1e-6));
        Assert.That(
            filters.GetValue().AsSpan<double>().ToArray(), Is.EqualTo(new[] { 0.6, 0.8, 0.6, 0.8 }).Within(1e-6));
        Assert.That(bias.GetValue().AsSpan<double>()[0], Is.EqualTo(100));
    }

    [TestCase(4, 3)]
    [TestCase(3, 5)]
    public void Muon_steps_as_far_in_every_direction(int rows, int columns)
    {
        var random = new Random(1);
        double[] slope = [.. Enumerable.Range(0, rows * columns).Select(_ => random.NextDouble() - 0.5)];
        SharedVariable w = Symbolic.Shared(new Tensor(DType.Float64, [rows, columns]), "w");
        SharedVariable b = Symbolic.Shared(Tensor.From([1.0]), "b");
        Variable loss = Symbolic.Sum(w * Symbolic.Constant(Tensor.From(slope, rows, columns))) + Symbolic.Sum(b);
        var rule = new Muon(0.5f) { Others = new Sgd(0.25f) };
        using var step = Function.Compile([], [], rule.Build(loss, [w, b]).Updates);
        step.Run();

        NdArray moved = NdArray.From(w.GetValue());
        double scale = 0.5 * Math.Sqrt(Math.Max(1, (double)columns / rows));
        int min = Math.Min(rows, columns);
        for (int i = 0; i < min; i++)
        {
            for (int j = 0; j < min; j++)
            {
                double dot = Enumerable.Range(0, Math.Max(rows, columns)).Sum(k => rows > columns
                    ? moved[k, i] * moved[k, j]
                    : moved[i, k] * moved[j, k]) / (scale * scale);
                Assert.That(dot, Is.EqualTo(i == j ? 1 : 0).Within(0.55), "U V' of U S V', its values from 0.7 to 1.2");
            }
        }

        double along = moved.Data.Zip(slope, (a, g) => a * g).Sum();
        Assert.That(along, Is.Negative, "downhill");
        Assert.That(b.GetValue().AsSpan<double>()[0], Is.EqualTo(0.75));
    }

    [Test]
    public void The_defaults_are_Lasagnes()
    {
        Assert.That(new Adadelta(), Is.EqualTo(new Adadelta(1, 0.95f, 1e-6f)));
        Assert.That(new Adamax(), Is.EqualTo(new Adamax(0.002f, 0.9f, 0.999f, 1e-8f)));
        Assert.That(new AmsGrad(), Is.EqualTo(new AmsGrad(0.001f, 0.9f, 0.999f, 1e-8f)));
        Assert.That(new Momentum(1).Inertia, Is.EqualTo(0.9f));
        Assert.That(new NesterovMomentum(1).Momentum, Is.EqualTo(0.9f));
        Assert.That(new Adagrad(), Is.EqualTo(new Adagrad(1, 1e-6f)));
        Assert.That(new RmsProp(), Is.EqualTo(new RmsProp(1, 0.9f, 1e-6f)));
        Assert.That(new Adam(), Is.EqualTo(new Adam(0.001f, 0.9f, 0.999f, 1e-8f)));
    }

    [Test]
    public void A_setting_changes_without_compiling_anew()
    {
        SharedVariable p = Parameter();
        BuiltUpdates built = new Sgd(0.5f).Build(Loss(p), [p]);
        using var step = Function.Compile([], [], built.Updates);

        step.Run();
        built.LearningRate.SetScalar(0.0);
        step.Run();
        Assert.That(p.GetValue().AsSpan<double>().ToArray(), Is.EqualTo(new[] { 0.5, 1 }));
        Assert.That(built.Settings.Keys, Is.EqualTo(new[] { "learning_rate" }));
    }

    [Test]
    public void One_rule_serves_two_networks_without_sharing_state()
    {
        var rule = new Momentum(0.1f);
        SharedVariable p = Parameter(), q = Parameter();

        BuiltUpdates a = rule.Build(Loss(p), [p]), b = rule.Build(Loss(q), [q]);

        Assert.That(a.State.Intersect(b.State), Is.Empty);
        Assert.That(a.LearningRate, Is.Not.SameAs(b.LearningRate));
        Assert.That(a.State.Single().Name, Is.EqualTo("p.velocity"));
    }

    [Test]
    public void A_negative_learning_rate_is_refused()
    {
        Assert.That(() => new Sgd(-1), Throws.TypeOf<EngineException>().With.Message.Contains("-1"));
        Assert.That(() => new Adam(float.NaN), Throws.TypeOf<EngineException>());
        Assert.That(
            () => new Sgd(float.PositiveInfinity),
            Throws.TypeOf<EngineException>().With.Message.EqualTo(
                "A learning rate is a finite number and not negative; Infinity is no such."));
    }

    private static TestCaseData[] Settings =>
    [
        .. Factors("momentum", x => new Momentum(0.1f, x), x => new NesterovMomentum(0.1f, x),
            x => new Muon(momentum: x), x => new WithMomentum(new Sgd(1), x)),
        .. Factors("rho", x => new RmsProp(rho: x), x => new Adadelta(rho: x)),
        .. Factors("beta1", x => new Adam(beta1: x), x => new AdamW(beta1: x), x => new Adamax(beta1: x),
            x => new AmsGrad(beta1: x)),
        .. Factors("beta2", x => new Adam(beta2: x), x => new AdamW(beta2: x), x => new Adamax(beta2: x),
            x => new AmsGrad(beta2: x)),
        .. Each(
            "epsilon", "a finite number greater than 0", [1e-8f, 1], [0, -1e-8f, float.NaN, float.PositiveInfinity],
            x => new Adagrad(epsilon: x), x => new RmsProp(epsilon: x), x => new Adadelta(epsilon: x),
            x => new Adam(epsilon: x),
            x => new AdamW(epsilon: x), x => new Adamax(epsilon: x), x => new AmsGrad(epsilon: x)),
        .. Each(
            "decay", "a finite number and not negative", [0, 0.1f], [-0.1f, float.NaN, float.PositiveInfinity],
            x => new AdamW(decay: x), x => new Muon(decay: x)),
    ];

    [TestCaseSource(nameof(Settings))]
    public void A_setting_is_in_its_range_or_is_refused(
        Func<float, UpdateRule> make, string name, string what, float[] good, float[] bad)
    {
        foreach (float value in good)
        {
            Assert.That(() => make(value), Throws.Nothing);
        }

        foreach (float value in bad)
        {
            Assert.That(() => make(value), Throws.TypeOf<EngineException>().With.Message.EqualTo(
                FormattableString.Invariant($"The {name} of an update rule is {what}; {value} is no such.")));
        }
    }

    private static IEnumerable<TestCaseData> Factors(string name, params Func<float, UpdateRule>[] rules) => Each(
        name, "a number from 0 up to, not including, 1", [0, 0.5f, 0.999f],
        [-0.1f, 1, 1.5f, float.NaN, float.PositiveInfinity], rules);

    private static IEnumerable<TestCaseData> Each(
        string name, string what, float[] good, float[] bad, params Func<float, UpdateRule>[] rules) =>
        rules.Select(
            make => new TestCaseData(make, name, what, good, bad).SetArgDisplayNames(make(0.5f).GetType().Name, name));

    /// <summary>Compares the rule as an object and as a function with the same steps in plain arithmetic.</summary>
    private static void Check(UpdateRule rule, Func<Func<double, double, double>> formula)
    {
        SharedVariable p = Parameter(), q = Parameter();
        using var asObject = Function.Compile([], [], rule.Build(Loss(p), [p]).Updates);
        using var asFunction = Function.Compile([], [], rule.BuildFixed(Loss(q), [q]));
        asObject.RunMany(Steps);
        asFunction.RunMany(Steps);

        double[] expected = [.. new[] { (1.0, 1.0), (-2.0, 3.0) }.Select(start =>
        {
            (double value, double slope) = start;
            Func<double, double, double> step = formula();
            for (int i = 0; i < Steps; i++)
            {
                value = step(value, slope * value);
            }

            return value;
        })];
        Assert.That(p.GetValue().AsSpan<double>().ToArray(), Is.EqualTo(expected).Within(1e-13));
        Assert.That(q.GetValue().AsSpan<double>().ToArray(), Is.EqualTo(expected).Within(1e-13));
    }

    private static SharedVariable Parameter() => Symbolic.Shared(Tensor.From([1.0, -2.0]), "p");

    private static Variable Loss(SharedVariable p) =>
        Symbolic.Sum(p * p * Symbolic.Constant(Tensor.From([1.0, 3.0]))) * 0.5;
}
