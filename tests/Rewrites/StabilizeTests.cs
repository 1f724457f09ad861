using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;
using static Engine.Tests.Rewrites.Written;

namespace Engine.Tests.Rewrites;

public class StabilizeTests
{
    private static readonly Input s_x = Matrix23;

    private static IEnumerable<TestCaseData> Expressions =>
    [
        Case(Log(Exp(s_x)), "x"),
        Case(Log(1 + s_x), "log1p(x)"),
        Case(Log(1 - s_x), "log1p(negate(x))"),
        Case(Exp(s_x) - 1, "expm1(x)"),
        Case(-1 + Exp(s_x), "expm1(x)"),
        Case(Log(1 + Exp(s_x)), "softplus(x)"),
        Case(Log1p(Exp(s_x)), "softplus(x)"),
        Case(Log(Sigmoid(s_x)), "negate(softplus(negate(x)))"),
        Case(Log(1 - Sigmoid(s_x)), "negate(softplus(x))"),
        Case(1 - Sigmoid(s_x), "sigmoid(negate(x))"),
        Case(Square(1 - Sigmoid(s_x)), "square(sigmoid(negate(x)))"),
        Case(Sigmoid(s_x) + (1 - Sigmoid(s_x)), "add(sigmoid(x), subtract(1, sigmoid(x)))"),
        Case(1 - Exp(s_x), "negate(expm1(x))"),
        Case(Log(1 - Exp(s_x)), "log1p(negate(exp(x)))"),
        Case(1 + s_x - 1, "x"),
        Case(1 - (1 - s_x), "x"),
        Case(Exp(s_x) / (1 + Exp(s_x)), "sigmoid(x)"),
        Case(Log(Softmax(s_x)), "logSoftmax(x)"),
        Case(Exp(s_x) / Sum(Exp(s_x), [1], keepDims: true), "softmax(x)"),
        Case(Log(Exp(s_x) / Sum(Exp(s_x), [1], keepDims: true)), "logSoftmax(x)"),
        Case(Log(1 + Vector3 + Variable("s", DType.Float32, [2, 1])), "log(add(add(1, v), s))"),
    ];

    /// <summary>Functions that overflow, or lose all digits, as written, with their values.</summary>
    private static IEnumerable<TestCaseData> Extremes =>
    [
        Extreme("log(1 + exp(x))", x => Log(1 + Exp(x)), 1000, 1000, 1),
        Extreme("log(sigmoid(x))", x => Log(Sigmoid(x)), -1000, -1000, 1),
        Extreme("log(sigmoid(x)) of much", x => Log(Sigmoid(x)), 17, -4.1399375e-8, 4.1399375e-8),
        Extreme("weighted log(sigmoid(x)) of much", x => Log(Sigmoid(x)) * Constant(Tensor.From([3f])), 17,
            -1.24198125e-7, 1.24198125e-7),
        Extreme("1 - sigmoid(x)", x => 1 - Sigmoid(x), 17, 4.1399375e-8, -4.1399375e-8),
        Extreme("log(1 - sigmoid(x))", x => Log(1 - Sigmoid(x)), 1000, -1000, -1),
        Extreme("exp(x) - 1", x => Exp(x) - 1, 1e-12, 1e-12, 1),
        Extreme("log(1 + x)", x => Log(1 + x), 1e-12, 1e-12, 1),
        Extreme("log sum exp", x => Log(Sum(Exp(Beside(x)), [1])), 1000, 1000, 1),
        Extreme("log sum exp of little", x => Log(Sum(Exp(Beside(x)), [1])), -1000, -1000, 1),
    ];

    [TestCaseSource(nameof(Expressions))]
    public void An_expression_becomes_the_stable_one(Variable written, string expected) =>
        Assert.That(After("merge, canonicalize, stabilize", written), Is.EqualTo(expected));

    [TestCaseSource(nameof(Extremes))]
    public void A_function_and_its_gradient_are_right_where_what_is_written_is_not(
        Func<Variable, Variable> written, double x, double value, double slope)
    {
        Input input = Vector("x");
        using var f = Function.Compile([input], [written(input), Grad(Sum(written(input)), input)]);

        Tensor[] y = f.Call(Tensor.From([(float)x]));

        Assert.That(y[0].AsSpan<float>()[0], Is.EqualTo(value).Within(1e-5).Percent);
        Assert.That(y[1].AsSpan<float>()[0], Is.EqualTo(slope).Within(1e-5).Percent);
    }

    /// <summary>
    /// As written, 0 times infinity is 0 in a gradient; with a factor and a divisor canceled, infinity is left. The
    /// slope itself is 1, which is what a rewrite may find.
    /// </summary>
    [Test]
    public void A_gradient_of_0_passes_nothing_on_whatever_is_canceled(
        [Values(17, 40, 1000)] double x, [Values] bool isMasked, [Values] Optimizer optimizer)
    {
        Input input = Vector("x");
        Variable logit = Log(Sigmoid(input) / (1 - Sigmoid(input)));
        Variable y = isMasked ? Where(Less(input, 5), logit, 0) : logit;
        using var f =
            Function.Compile([input], [Grad(Sum(y), input)], options: new CompileOptions { Optimizer = optimizer });

        Assert.That(f.Call(Tensor.From([(float)x]))[0].AsSpan<float>()[0], isMasked ? Is.Zero : Is.AnyOf(0f, 1f));
    }

    [TestCase(double.PositiveInfinity, double.PositiveInfinity)]
    [TestCase(double.NegativeInfinity, 0)]
    [TestCase(double.NaN, double.NaN)]
    public void A_logarithm_of_a_sum_of_exponentials_is_what_it_was_at_the_ends_of_the_numbers(
        double x, double expected)
    {
        Input input = Matrix("x");
        using var f = Function.Compile([input], [Log(Sum(Exp(input), [1]))]);

        float[] y = f.Call(Tensor.From([(float)x, 0, (float)x, (float)x], 2, 2))[0].AsSpan<float>().ToArray();

        Assert.That(y[0], Is.EqualTo(expected));
        Assert.That(y[1], Is.EqualTo(x == double.NegativeInfinity ? x : expected));
    }

    [Test]
    public void A_cross_entropy_and_its_gradient_are_computed_from_what_the_softmax_is_of()
    {
        Input y = Variable("y", DType.Int32, [2]);
        Variable losses = CategoricalCrossEntropy(Softmax(s_x), y);
        Variable grad = Grad(Mean(losses), s_x);

        Assert.That(After("merge, fold, canonicalize, stabilize", losses), Is.EqualTo("softmaxCrossEntropy(x, y)"));
        Assert.That(After("merge, fold, canonicalize, stabilize", grad),
            Is.EqualTo("softmaxCrossEntropyGrad(x, y, float32 (1))"));
    }

    [Test]
    public void The_gradient_of_the_logarithm_of_a_softmax_divides_by_no_probability()
    {
        Input wanted = Variable("t", DType.Float32, [2, 3]);
        Variable grad = Grad(Sum(CategoricalCrossEntropy(Softmax(s_x), wanted)), s_x);

        Assert.That(After("merge, fold, canonicalize, stabilize", grad),
            Is.EqualTo("subtract(negate(t), multiply(softmax(x), sum{1}(negate(t))))"));
    }

    [Test]
    public void Losses_and_their_gradient_are_one_op()
    {
        Input y = Variable("y", DType.Int32, [2]);
        Variable losses = CategoricalCrossEntropy(Softmax(s_x), y), loss = Mean(losses);
        using var f = Function.Compile([s_x, y], [losses, Grad(loss, s_x)]);

        Tensor[] both = f.Call(Tensor.From([1f, 2, 3, 0, 0, 0], 2, 3), Tensor.From([2, 0]));

        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(new[] { "softmaxCrossEntropyWithGrad" }));
        Assert.That(both[0].AsSpan<float>().ToArray(), Is.EqualTo(new[] { 0.407606f, 1.098612f }).Within(1e-5));
        Assert.That(both[1].AsSpan<float>().ToArray(),
            Is.EqualTo(new[] { 0.045015f, 0.122364f, -0.167380f, -0.333333f, 0.166667f, 0.166667f }).Within(1e-5));
    }

    [Test]
    public void They_are_not_where_the_gradient_is_weighed_by_the_losses()
    {
        Input y = Variable("y", DType.Int32, [2]);
        Variable losses = CategoricalCrossEntropy(Softmax(s_x), y);
        using var f = Function.Compile([s_x, y], [losses, Grad(Sum(Square(losses)), s_x)]);

        f.Run(new Tensor(DType.Float32, [2, 3]), Tensor.From([2, 0]));

        Assert.That(
            f.Nodes.Select(node => node.Op.Name),
            Has.Member("softmaxCrossEntropy").And.Member("softmaxCrossEntropyGrad"));
    }

    [Test]
    public void Losses_of_losses_are_joined_one_after_the_other()
    {
        Input y = Variable("y", DType.Int32, [2]);
        Variable first = CategoricalCrossEntropy(Softmax(s_x), y);
        Variable grad = Grad(Sum(first), s_x);
        Variable second = CategoricalCrossEntropy(Softmax(grad), y);
        var logits = (Result)grad;
        using var joined = Function.Compile([s_x, y], [first, second, Grad(Sum(second), logits)]);
        var none = new CompileOptions { Optimizer = Optimizer.None };
        using var plain = Function.Compile([s_x, y], [first, second, Grad(Sum(second), logits)], options: none);
        Tensor x = Tensor.From([1f, 2, 3, -1, 0, 1], 2, 3), labels = Tensor.From([2, 0]);

        Tensor[] a = joined.Call(x, labels), b = plain.Call(x, labels);

        Assert.That(joined.Nodes.Count(node => node.Op is SoftmaxCrossEntropyWithGrad), Is.EqualTo(2));
        for (int i = 0; i < a.Length; i++)
        {
            Assert.That(a[i].AsSpan<float>().ToArray(), Is.EqualTo(b[i].AsSpan<float>().ToArray()).Within(1e-5));
        }
    }

    /// <summary>Rows of a number and another that is too small to affect the sum.</summary>
    private static Variable Beside(Variable x) => DimShuffle(x, 0, NewAxis) + Constant(Tensor.From([0f, -50]));

    private static TestCaseData Case(Variable written, string expected) =>
        new TestCaseData(written, expected).SetArgDisplayNames(Printer.Tree(written).ReplaceLineEndings(" "));

    private static TestCaseData Extreme(
        string name, Func<Variable, Variable> written, double x, double value, double slope) =>
        new TestCaseData(written, x, value, slope).SetArgDisplayNames(name);
}
