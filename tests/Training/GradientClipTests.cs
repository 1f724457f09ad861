using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>The gradients that rules get after clipping: Lasagne's formulas, in plain arithmetic.</summary>
public class GradientClipTests
{
    private static readonly double[] s_a = [3, -4], s_b = [0.5, 12, -0.25];

    private static double NormA => Math.Sqrt(s_a.Sum(g => g * g));

    private static double NormB => Math.Sqrt(s_b.Sum(g => g * g));

    private static IEnumerable<UpdateRule> Rules =>
        [new Sgd(0.1f), new Momentum(0.1f), new NesterovMomentum(0.1f), new Adagrad(), new RmsProp(0.1f), new Adam()];

    [Test]
    public void By_value_each_element_is_kept_between_two_numbers() => Check(
        GradientClip.Value(2), g => Math.Clamp(g, -2, 2), g => Math.Clamp(g, -2, 2));

    [Test]
    public void By_norm_each_parameter_is_shortened_for_itself()
    {
        Check(GradientClip.Norm(6), g => g * NormA / (1e-7 + NormA), g => g * 6 / (1e-7 + NormB));
        Check(GradientClip.Norm(2), g => g * 2 / (1e-7 + NormA), g => g * 2 / (1e-7 + NormB));
    }

    [Test]
    public void By_total_norm_all_are_multiplied_by_one_number()
    {
        double norm = Math.Sqrt((NormA * NormA) + (NormB * NormB));

        Check(GradientClip.TotalNorm(6), g => g * 6 / (1e-7 + norm), g => g * 6 / (1e-7 + norm));
        Check(GradientClip.TotalNorm(100), g => g * norm / (1e-7 + norm), g => g * norm / (1e-7 + norm));
    }

    [TestCaseSource(nameof(Rules))]
    public void Every_rule_follows_the_clipped_gradient(UpdateRule rule)
    {
        UpdateRule clipped = rule with { Clip = GradientClip.Value(2) };

        (double[] a, double[] b) = Stepped(clipped, s_a, s_b);
        (double[] expectedA, double[] expectedB) = Stepped(rule, [2, -2], [0.5, 2, -0.25]);

        Assert.That(a, Is.EqualTo(expectedA));
        Assert.That(b, Is.EqualTo(expectedB));
    }

    [Test]
    public void A_gradient_of_zeros_stays()
    {
        foreach (GradientClip clip in new[] { GradientClip.Value(1), GradientClip.Norm(1), GradientClip.TotalNorm(1) })
        {
            Assert.That(Stepped(new Sgd(1) { Clip = clip }, [0, 0], [0, 0, 0]).A, Is.EqualTo(new[] { 1.0, 1 }));
        }
    }

    [Test]
    public void A_bound_that_is_not_above_0_is_refused()
    {
        Assert.That(() => GradientClip.Norm(0), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "Gradients are kept below a number greater than 0, not 0."));
        Assert.That(() => GradientClip.TotalNorm(double.NaN), Throws.TypeOf<EngineException>());
        Assert.That(() => GradientClip.Value(-1), Throws.TypeOf<EngineException>());
    }

    [Test]
    public void Clips_are_equal_when_they_say_the_same()
    {
        Sgd one = new(1) { Clip = GradientClip.Norm(2) }, same = new(1) { Clip = GradientClip.Norm(2) };

        Assert.That(one, Is.EqualTo(same));
        Assert.That(GradientClip.Norm(2), Is.Not.EqualTo(GradientClip.TotalNorm(2)));
        Assert.That(GradientClip.Norm(2), Is.Not.EqualTo(GradientClip.Norm(3)));
    }

    /// <summary>A step of gradient descent at the rate 1, from ones, shows the gradient of the rule.</summary>
    private static void Check(GradientClip clip, Func<double, double> a, Func<double, double> b)
    {
        (double[] seenA, double[] seenB) = Stepped(new Sgd(1) { Clip = clip }, s_a, s_b);

        Assert.That(seenA, Is.EqualTo(s_a.Select(g => 1 - a(g))).Within(1e-14));
        Assert.That(seenB, Is.EqualTo(s_b.Select(g => 1 - b(g))).Within(1e-14));
    }

    /// <summary>Returns two parameters that begin as ones, after one step with these gradients.</summary>
    private static (double[] A, double[] B) Stepped(UpdateRule rule, double[] gradientA, double[] gradientB)
    {
        SharedVariable a = Symbolic.Shared(Tensor.From([1.0, 1]), "a"),
            b = Symbolic.Shared(Tensor.From([1.0, 1, 1]), "b");
        Variable loss = Symbolic.Sum(a * Symbolic.Constant(Tensor.From(gradientA)))
            + Symbolic.Sum(b * Symbolic.Constant(Tensor.From(gradientB)));
        using var step = Function.Compile([], [], rule.Build(loss, [a, b]).Updates);
        step.Run();
        return (a.GetValue().AsSpan<double>().ToArray(), b.GetValue().AsSpan<double>().ToArray());
    }
}
