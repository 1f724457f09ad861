using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Each rule, stepped by hand on the loss (p0² + 3 · p1²) / 2, whose gradient is (p0, 3 · p1).</summary>
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
    public void The_defaults_are_Lasagnes()
    {
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
    }

    /// <summary>The rule as an object and as a function against the same steps in plain arithmetic.</summary>
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
