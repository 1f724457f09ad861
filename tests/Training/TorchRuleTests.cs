using System.Globalization;
using Engine.Compile;
using Engine.Graph;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>
/// Update rules compared with PyTorch's, in float64: 20 steps of W, b and v for the loss 1/8 · Σ (tanh(x W + b) v −
/// y)². bench/peers/rule-values.py printed the values: Lookahead's and Muon's from the papers' own steps. Epsilons,
/// which Lasagne adds at other places than PyTorch, are almost 0 where the two differ.
/// </summary>
public class TorchRuleTests
{
    private const float Tiny = 1e-30f;

    private static readonly Adam s_adam = new(0.0625f, 0.875f, 0.9375f, Tiny);
    private static readonly AdamW s_adamW = new(0.03125f, 0, 0.875f, 0.9375f, 0.0078125f);

    private static IEnumerable<TestCaseData> Rules()
    {
        yield return Rule("sgd", new Sgd(0.25f),
            "0.54180 0.08327 -0.35868 -1.30004 0.97144 1.67970 1.17575 -0.89210 0.24928 1.72746 -1.15391 1.14057");
        yield return Rule("momentum", new Momentum(0.125f, 0.75f),
            "0.77226 0.18069 -0.74202 -1.67616 1.13323 2.04761 1.45454 -0.98493 0.23125 1.85700 -1.17490 1.40395");
        yield return Rule("momentum, decay", new Momentum(0.125f, 0.75f),
            "0.15743 -0.04987 -0.05581 -0.73917 0.55673 0.17733 0.87522 -0.64531 0.21965 1.11932 -0.82105 0.12339",
            decay: 0.25);
        yield return Rule("nesterov", new NesterovMomentum(0.125f, 0.75f),
            "0.72445 0.17803 -0.68666 -1.65541 1.14663 2.03347 1.42489 -0.95335 0.22155 1.87909 -1.20049 1.42852");
        yield return Rule("nesterov behind sgd", new WithMomentum(new Sgd(0.125f), 0.75f) { IsNesterov = true },
            "0.72445 0.17803 -0.68666 -1.65541 1.14663 2.03347 1.42489 -0.95335 0.22155 1.87909 -1.20049 1.42852");
        yield return Rule("adagrad", new Adagrad(0.25f, Tiny),
            "1.52165 1.01439 -1.09738 -1.20845 0.90143 2.28436 0.75976 -0.79548 0.67436 2.29928 -1.45225 1.50593");
        yield return Rule("rmsprop", new RmsProp(0.0625f, 0.75f, Tiny),
            "1.62920 0.75033 -1.06018 -1.57474 1.05275 2.14604 1.02710 -0.66143 0.59635 2.15813 -1.41217 1.58998");
        yield return Rule("adadelta", new Adadelta(0.5f, 0.875f, 0.0009765625f),
            "1.00781 0.27936 -0.47764 -1.26507 1.02970 1.72005 0.81841 -1.03812 0.34186 1.67747 -1.22087 1.29964");
        yield return Rule("adam", s_adam,
            "1.61055 0.77581 -1.05550 -1.69262 1.37002 2.16276 1.11225 -0.88994 0.48973 2.07044 -1.43792 1.70962");
        yield return Rule("adam, decay", s_adam,
            "0.07752 -0.09585 0.00160 -0.65530 0.70048 -0.12959 0.83770 -0.81847 0.22487 0.90506 -1.05672 0.02088",
            decay: 0.25);
        yield return Rule("adamax", new Adamax(0.0625f, 0.875f, 0.9375f, Tiny),
            "1.64761 1.08636 -0.79978 -1.63703 1.32013 2.37090 1.08508 -1.08369 0.33357 2.00936 -1.38489 1.58737");
        yield return Rule("amsgrad", new AmsGrad(0.0625f, 0.875f, 0.5f, Tiny),
            "1.36907 0.55556 -0.83754 -1.47786 1.23386 2.06702 0.91175 -0.99777 0.49295 1.92429 -1.37320 1.58740");
        yield return Rule("adamw", new AdamW(0.0625f, 0.25f, 0.875f, 0.9375f, 0.0078125f),
            "1.27720 0.52670 -0.82089 -1.40155 1.16975 1.71152 0.99164 -1.14053 0.49836 1.70914 -1.28381 1.30953");
        yield return Rule("clip by norm", new Momentum(0.25f, 0.5f) { Clip = GradientClip.TotalNorm(0.5) },
            "0.68403 0.16736 -0.61384 -1.60653 1.13067 1.99899 1.37942 -0.93179 0.21467 1.88313 -1.20619 1.42379");
        yield return Rule("clip by value", new Momentum(0.25f, 0.5f) { Clip = GradientClip.Value(0.25) },
            "0.77338 0.19861 -0.64007 -1.57056 1.19222 2.05733 1.26793 -0.99902 0.21896 1.84215 -1.28903 1.47461");
        yield return Rule("groups", new RulesByName(s_adam, ("b", new Adam(0.125f, 0.875f, 0.9375f, Tiny))),
            "1.03799 0.51181 -1.02928 -1.69076 1.23369 2.16707 1.47205 -0.97560 0.29021 1.98744 -1.24507 1.46400");
        yield return Rule("two rules", new RulesByName(s_adam, ("W", new Momentum(0.25f, 0.5f))),
            "0.77423 0.16490 -0.87881 -1.56458 1.47970 2.07699 1.10228 -1.21998 0.30567 1.92628 -1.40488 1.70390");
        yield return Rule("accumulate", new Accumulate(s_adam, 2),
            "1.08701 0.35906 -0.46598 -1.18858 0.99123 1.61345 0.80256 -1.02394 0.59338 1.61366 -1.11515 1.21625");
        yield return Rule("lookahead", new Lookahead(s_adam),
            "1.10016 0.32848 -0.48725 -1.23912 0.97191 1.60811 0.79789 -0.99525 0.49774 1.60277 -1.09908 1.24598");
        yield return Rule("norm constraint", new NormConstraint(new NesterovMomentum(0.25f, 0.5f), 1),
            "0.20790 -0.13066 0.03685 -0.97815 0.99143 0.99932 1.26316 -1.32943 0.69332 0.70429 -0.70297 0.09899");
        yield return Rule("muon", new Muon(0.0625f, 0.75f, 0.25f) { Others = s_adamW },
            "1.22106 0.62575 -0.32395 -1.07579 0.93984 1.16050 0.77618 -1.08098 0.59760 1.21680 -0.92153 0.68002");

        static TestCaseData Rule(string name, UpdateRule rule, string values, double decay = 0) => new TestCaseData(
            rule, decay, values.Split(' ').Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray())
            .SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Rules))]
    public void A_rule_takes_PyTorchs_steps(UpdateRule rule, double decay, double[] expected)
    {
        SharedVariable w = Shared(Tensor.From([0.5, -0.25, 0.125, -0.75, 0.375, 1], 2, 3), "W"),
            b = Shared(Tensor.From([0.25, -0.5, 0.125]), "b"), v = Shared(Tensor.From([1, -0.5, 0.75], 3, 1), "v");
        Variable x = Constant(Tensor.From([1, -0.5, 0.25, 2, -1.5, 0.75, 0.5, 0.5], 4, 2)),
            y = Constant(Tensor.From([1.0, -2, 0.5, 3], 4, 1));
        SharedVariable[] parameters = [w, b, v];
        Variable loss = (0.125 * Sum(Square(Dot(Tanh(Dot(x, w) + b), v) - y)))
            + (decay / 2 * parameters.Select(p => Sum(Square(p))).Aggregate((sum, p) => sum + p));

        using var step = Function.Compile([], [], rule.Build(loss, parameters).Updates);
        step.RunMany(20);

        Assert.That(
            parameters.SelectMany(p => p.GetValue().AsSpan<double>().ToArray()), Is.EqualTo(expected).Within(1e-5));
    }
}
