using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

/// <summary>An expression for which a rewrite knows a better form, with its exact value.</summary>
/// <param name="Name">The name.</param>
/// <param name="Written">The expression of a matrix.</param>
/// <param name="Exact">The exact result for a row: one number, or as many as there are.</param>
internal sealed record ExactExpression(
    string Name, Func<Input, Variable> Written, Func<double[], DoubleDouble[]> Exact)
{
    public const int Rows = 24, Columns = 5, Label = 1;

    /// <summary>The dtype of the matrix; null for every floating-point type.</summary>
    public DType? DType { get; init; }

    /// <summary>Whether a row of <see cref="Exact"/> is a column of the matrix.</summary>
    public bool IsOfColumns { get; init; }

    /// <summary>
    /// The numbers in whose ulp errors are measured, for a row: the exact values, unless an op guarantees less.
    /// </summary>
    public Func<double[], double[]>? Magnitudes { get; init; }

    public static IEnumerable<ExactExpression> All =>
    [
        Each("log(exp(x))", x => Log(Exp(x)), x => x),
        Each("log(1 + x)", x => Log(1 + x), x => DoubleDouble.Log1P(x)),
        Each("log(1 - x)", x => Log(1 - x), x => DoubleDouble.Log1P(-x)),
        Each("exp(x) - 1", x => Exp(x) - 1, x => DoubleDouble.ExpM1(x)),
        Each("log(1 + exp(x))", x => Log(1 + Exp(x)), Softplus),
        Each("log(sigmoid(x))", x => Log(Symbolic.Sigmoid(x)), x => -Softplus(-x)),
        Each("log(1 - sigmoid(x))", x => Log(1 - Symbolic.Sigmoid(x)), x => -Softplus(x)),
        Each("1 - sigmoid(x)", x => 1 - Symbolic.Sigmoid(x), x => Engine.Ops.Sigmoid.Scalar(-x)),
        Each("the slope of log(sigmoid(x))", x => Grad(Sum(Log(Symbolic.Sigmoid(x))), x),
            x => Engine.Ops.Sigmoid.Scalar(-x)),
        Row(
            "the gradient of Σ t·log(sigmoid(x))", x => Grad(Sum(Log(Symbolic.Sigmoid(x)) * Wanted(x.DType)), x),
            (row, i) => IsLabel(i) * Engine.Ops.Sigmoid.Scalar(-row[i])),
        Each("the slope of log(1 + exp(x))", x => Grad(Sum(Log(1 + Exp(x))), x), Engine.Ops.Sigmoid.Scalar),
        Each("the slope of exp(x) / (1 + exp(x))", x => Grad(Sum(Exp(x) / (1 + Exp(x))), x), SigmoidSlope),
        Row(
            "the gradient of Σ (exp(x) / (1 + exp(x)))²", x => Grad(Sum(Square(Exp(x) / (1 + Exp(x)))), x),
            (row, i) => 2 * Engine.Ops.Sigmoid.Scalar(row[i]) * SigmoidSlope(row[i])),
        Each("exp(x) / (1 + exp(x))", x => Exp(x) / (1 + Exp(x)), Engine.Ops.Sigmoid.Scalar),
        Each("1 - exp(x)", x => 1 - Exp(x), x => -DoubleDouble.ExpM1(x)),
        Each("log(exp(x)) / (1 - exp(x))", x => Log(Exp(x)) / (1 - Exp(x)), x => -x / DoubleDouble.ExpM1(x)),
        Each("log(1 + x)·x / ((1 + x) - 1)", x => Log(1 + x) * x / (1 + x - 1), x => DoubleDouble.Log1P(x)),
        Each("log(1 - x)·x / (1 - (1 - x))", x => Log(1 - x) * x / (1 - (1 - x)), x => DoubleDouble.Log1P(-x)),
        .. OfLogarithm("log", Log),
        .. OfLogarithm("log2", Log2),
        .. OfLogarithm("log10", Log10),
        Each("the slope of log(1 - sigmoid(x))", x => Grad(Sum(Log(1 - Symbolic.Sigmoid(x))), x),
            x => -Engine.Ops.Sigmoid.Scalar(x)),
        Each("the slope of exp(log(1 - sigmoid(x)))", x => Grad(Sum(Exp(Log(1 - Symbolic.Sigmoid(x)))), x),
            x => -SigmoidSlope(x)),
        Each("the slope of exp(log1p(-sigmoid(x)))", x => Grad(Sum(Exp(Log1p(-Symbolic.Sigmoid(x)))), x),
            x => -SigmoidSlope(x)),
        Each("binary cross-entropy", x => BinaryCrossEntropy(Symbolic.Sigmoid(x), Constant(1)), x => Softplus(-x)),
        Each("x·0.1·10", x => x * 0.1 * 10, x => x * (DoubleDouble)0.1f * 10, Engine.DType.Float32),
        Each("x·0.1·10", x => x * 0.1 * 10, x => x * (DoubleDouble)0.1 * 10, Engine.DType.Float64),
        Each("x·0.7·0.3", x => x * 0.7 * 0.3, x => x * (DoubleDouble)0.7 * 0.3, Engine.DType.Float64),
        Each("x·1e30·1e30·1e-30", x => x * 1e30 * 1e30 * 1e-30, x => Scaled(x, 1e30f, 1e-30f), Engine.DType.Float32),
        Each("x·1e-30·1e-30·1e30", x => x * 1e-30 * 1e-30 * 1e30, x => Scaled(x, 1e-30f, 1e30f), Engine.DType.Float32),
        Each("x·2^-99·2^-99·2^99", x => x * Power2(-99) * Power2(-99) * Power2(99), x => x * Power2(-99)),
        Each("x³", x => Power(x, 3), x => (DoubleDouble)x * x * x),
        Each("x⁴", x => Power(x, 4), x => (DoubleDouble)x * x * x * x),
        Each("-x·3", x => -x * 3, x => (DoubleDouble)x * -3),
        Each("x / 4", x => x / 4, x => x / 4),
        Each("x / 3", x => x / 3, x => (DoubleDouble)x / 3),
        Each("x / 2^-130", x => x / Power2(-130), x => (DoubleDouble)x / Power2(-130)),
        Each("x / 2^127", x => x / Power2(127), x => (DoubleDouble)x / Power2(127)),
        Each("x / x", x => x / x, _ => 1),
        Each("x / y · y", x => x / (Abs(x) + 1) * (Abs(x) + 1), x => x),
        Each("x + 0 - -x", x => x + 0 - (-x), x => (DoubleDouble)x * 2),
        new("sum of sums", x => Sum(Sum(x, [1], keepDims: true), [1]), row => [Total(row)]) { Magnitudes = Terms },
        new("mean · 2", x => Mean(x, [1]) * 2, row => [Total(row) * 2 / row.Length]) { Magnitudes = Terms },
        Row("softmax", x => Softmax(x), Share),
        Row("exp / sum exp", x => Exp(x) / Sum(Exp(x), [1], keepDims: true), Share),
        Row("log(softmax)", x => Log(Softmax(x)), LogShare),
        Row("log(exp / sum exp)", x => Log(Exp(x) / Sum(Exp(x), [1], keepDims: true)), LogShare),
        new("log sum exp", x => Log(Sum(Exp(x), [1])), LogSumExp),
        new("log sum exp of columns", x => Log(Sum(Exp(x), [0])), LogSumExp) { IsOfColumns = true },
        Row("the gradient of log sum exp", x => Grad(Sum(Log(Sum(Exp(x), [1]))), x), Share),
        Row("the gradient of log sum exp of columns", x => Grad(Sum(Log(Sum(Exp(x), [0]))), x), Share) with
        {
            IsOfColumns = true,
        },
        Row("exp / sum exp of columns", x => Exp(x) / Sum(Exp(x), [0], keepDims: true), Share) with
        {
            IsOfColumns = true,
        },
        Row("the gradient of Σ t·log(softmax)", x => Grad(Sum(Log(Softmax(x)) * Wanted(x.DType)), x), AboveShare) with
        {
            Magnitudes = row => [.. row.Select((_, i) => IsLabel(i) + Share(row, i).High)],
        },
        Row(
            "the gradient of Σ t·log(t / softmax)", x => Grad(Sum(0.25 * Log(0.25 / Softmax(x))), x),
            (row, i) => (0.25 * row.Length * Share(row, i)) - 0.25) with
        {
            Magnitudes = row => [.. row.Select((_, i) => 0.25 + (0.25 * row.Length * Share(row, i).High))],
        },
        Row("cross-entropy", x => Losses(x), (row, _) => -LogShare(row, Label)) with
        {
            // For a loss near 0, its op takes the logarithm of a number near 1.
            Exact = row => [-LogShare(row, Label)],
            Magnitudes = row => [Math.Max(1, -LogShare(row, Label).High)],
        },
        Row("the gradient of cross-entropy", x => Grad(Sum(Losses(x)), x), (row, i) => -AboveShare(row, i)) with
        {
            Magnitudes = row => [.. row.Select((_, i) => IsLabel(i) + Share(row, i).High)],
        },
    ];

    public override string ToString() => Name;

    private static ExactExpression Each(
        string name, Func<Input, Variable> written, Func<double, DoubleDouble> exact, DType? dtype = null) =>
        new(name, written, row => [.. row.Select(exact)]) { DType = dtype };

    private static ExactExpression Row(
        string name, Func<Input, Variable> written, Func<double[], int, DoubleDouble> exact) =>
        new(name, written, row => [.. Enumerable.Range(0, row.Length).Select(i => exact(row, i))]);

    private static Variable Losses(Variable x) =>
        CategoricalCrossEntropy(Softmax(x), new Constant(Tensor.From(Enumerable.Repeat(Label, Rows).ToArray())));

    private static Constant Wanted(DType dtype) => new(Tensor.From(
        Enumerable.Range(0, Rows * Columns).Select(i => IsLabel(i % Columns)).ToArray(), Rows, Columns).Cast(dtype));

    private static double IsLabel(int i) => i == Label ? 1 : 0;

    private static double Power2(int exponent) => Math.ScaleB(1, exponent);

    private static DoubleDouble Scaled(double x, double twice, double once) =>
        x * (DoubleDouble)twice * (twice * (DoubleDouble)once);

    /// <summary>Quotients of a slope and its value, whose errors cancel as written.</summary>
    private static IEnumerable<ExactExpression> OfLogarithm(string name, Func<Variable, Variable> log) =>
    [
        Each($"the slope of log(-{name}(sigmoid(x)))", x => Grad(Sum(Log(-log(Symbolic.Sigmoid(x)))), x),
            x => -Engine.Ops.Sigmoid.Scalar(-x) / Softplus(-x)),
        Each($"the slope of log(-{name}(1 - sigmoid(x)))", x => Grad(Sum(Log(-log(1 - Symbolic.Sigmoid(x)))), x),
            x => Engine.Ops.Sigmoid.Scalar(x) / Softplus(x)),
    ];

    private static DoubleDouble SigmoidSlope(double x) =>
        Engine.Ops.Sigmoid.Scalar(x) * Engine.Ops.Sigmoid.Scalar(-x);

    private static DoubleDouble Softplus(double x) => Engine.Ops.Softplus.Scalar(x);

    private static DoubleDouble Total(double[] row) => row.Aggregate((DoubleDouble)0, (sum, x) => sum + x);

    private static double[] Terms(double[] row) => [row.Sum(Math.Abs)];

    private static DoubleDouble Share(double[] row, int i) => new ExactRow(row).Share(i);

    private static DoubleDouble AboveShare(double[] row, int i) => IsLabel(i) - new ExactRow(row).Share(i);

    private static DoubleDouble LogShare(double[] row, int i)
    {
        var exact = new ExactRow(row);
        return exact.Difference(i) - exact.LogSum;
    }

    private static DoubleDouble[] LogSumExp(double[] row) => [row.Max() + new ExactRow(row).LogSum];
}
