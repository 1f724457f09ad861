using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Dimensions, numbers of steps and shapes that are computed: from sizes and shapes by any ops, in bodies too; from
/// values, with a sentence.
/// </summary>
public sealed class ShapeValueTests
{
    private static readonly (string Name, Func<Variable, Variable, Variable> Make, int[] Shape)[] s_known =
    [
        ("reshape by a part of a shape", (x, _) => Reshape(x, ShapeOf(x)[1], -1), [3, 2]),
        ("reshape like a shape", (x, _) => Reshape(x, ShapeOf(x)[(.., -1)]), [3, 2]),
        ("zeros of a shape", (x, n) => Zeros(ShapeOf(x), n), [2, 3, 4]),
        ("a shape that is joined", (x, n) => Ones(Concat(0, ShapeOf(x), ExpandDims(n, 0))), [2, 3, 4]),
        ("a shape of 64 bits", (x, _) => Zeros(Cast(ShapeOf(x), DType.Int64)), [2, 3]),
        ("a dimension of 64 bits", (x, n) => Zeros(Cast(n, DType.Int64) * Cast(DimensionOf(x, 0), DType.Int64)), [8]),
        ("a dimension of a quotient",
            (x, n) => Zeros(Cast(Ceiling(Cast(n + DimensionOf(x, 0), DType.Float64) / 4), DType.Int32)), [2]),
        ("a dimension of a condition", (x, n) => Zeros(Where(Greater(n, DimensionOf(x, 1)), n, 1)), [4]),
        ("numbers up to a sum", (x, _) => ARange(Sum(ShapeOf(x))), [5]),
        ("one hot", (x, n) => OneHot(ARange(ShapeOf(x)[0]), n), [2, 4]),
        ("repeated", (x, _) => Repeat(x, Prod(ShapeOf(x)), 1), [2, 18]),
        ("a loop of a dimension", (x, _) => Scan(_ => Sum(x), nSteps: ShapeOf(x)[1])[0], [3]),
        ("a loop of 64 bits", (x, n) => Scan(_ => Sum(x), nSteps: Cast(n, DType.Int64))[0], [4]),
        ("in a loop", (x, _) => Scan(row => row[0] + Zeros(ShapeOf(x)[1]), [x])[0], [2, 3]),
        ("in a loop, of a row", (x, _) => Scan(row => Reshape(row[0], ShapeOf(row[0])[0], 1), [x])[0], [2, 3, 1]),
        ("in one dimension",
            (x, n) => IfElse(Greater(Sum(x), 0), Reshape(x, ShapeOf(x)[1], -1), Zeros(ShapeOf(x)[(.., -1)])), [3, 2]),
        ("in one dimension in a loop", (x, _) => Scan(
            row => IfElse(Greater(Sum(row[0]), 0), Zeros(ShapeOf(x)[1]), row[0] * Ones(ShapeOf(x)[1])),
            [x])[0], [2, 3]),
        ("in a graph as an op", (x, _) => Halved().Call(x, ShapeOf(x)), [3, 2]),
    ];

    private static readonly (string Name, Func<Input, Input, Variable> Make, string Message)[] s_unknown =
    [
        ("reshape", (x, n) => Reshape(x, n, -1), "depends on the value of 'n' (int32 ()), which only a run has"),
        ("zeros", (x, n) => Sum(x) + Zeros(n + 1), "depends on the value of 'n'"),
        ("numbers", (x, n) => Sum(x) + ARange(n), "iota gives int32 (?): a dimension of it"),
        ("a loop", (x, n) => Scan(_ => Sum(x), nSteps: n)[0], "or its number of steps, depends on the value of 'n'"),
        ("in a loop", (x, n) => Scan(row => row[0] + Zeros(n), [x])[0], "depends on the value of "),
        ("a size of values", (x, n) => Zeros(Cast(Sum(x), DType.Int32)) + n,
            "depends on the value of 'x' (float32 (2, 3))"),
        ("a size that is printed", (x, n) => Zeros(Print(DimensionOf(x, 0), _ => { })) + n,
            "depends on the value of 'print.0'"),
        ("one hot", (x, n) => OneHot(Cast(x, DType.Int32), n), "depends on the value of 'n'"),
        ("a size that is chosen", (x, n) => Zeros(IfElse(Greater(n, 0), DimensionOf(x, 0), n)),
            "depends on the value of "),
    ];

    private static readonly (string Name, Func<Input, Input, Variable> Make, string Message)[] s_refused =
    [
        ("a dimension with a fraction", (x, _) => Zeros(Sum(x)),
            "A dimension is a scalar of int32 or int64, or a vector of a known number"),
        ("a matrix of dimensions", (x, _) => Zeros(Cast(x, DType.Int32)), "not 'cast{int32}.0' (int32 (?, ?))"),
        ("dimensions of unknown number", (x, _) => Zeros(IntVector("dimensions")), "not 'dimensions' (int32 (?))"),
        ("steps of a vector", (x, _) => Scan(_ => Sum(x), nSteps: ShapeOf(x))[0], "A number of steps is one number"),
        ("steps with a fraction", (x, _) => Scan(_ => Sum(x), nSteps: Sum(x))[0],
            "A dimension is a scalar of int32 or int64"),
        ("counts for each", (x, _) => Repeat(x, ShapeOf(x), 0), "is repeated as often: by one number"),
        ("numbers up to a vector", (x, _) => ARange(ShapeOf(x)),
            "iota cannot take int32 (2): a dimension must be an int32 scalar"),
    ];

    private static IEnumerable<TestCaseData> Known =>
        s_known.Select(each => new TestCaseData(each.Make, each.Shape).SetArgDisplayNames(each.Name));

    private static IEnumerable<TestCaseData> Unknown =>
        s_unknown.Select(each => new TestCaseData(each.Make, each.Message).SetArgDisplayNames(each.Name));

    private static IEnumerable<TestCaseData> Refused =>
        s_refused.Select(each => new TestCaseData(each.Make, each.Message).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Known))]
    public void A_shape_is_computed_from_shapes_and_sizes(Func<Variable, Variable, Variable> make, int[] shape)
    {
        Input x = Matrix("x"), n = Size("n");
        Variable y = make(x, n);
        using var f = Function.Compile([x, n], [y, n + 0]);
        Assert.That(
            f.Call(Tensor.From(new float[6], 2, 3), Tensor.Scalar(4))[0].Shape, Is.EqualTo(Engine.Shape.Create(shape)));
    }

    [TestCaseSource(nameof(Unknown))]
    public void A_shape_that_depends_on_values_is_refused_in_a_sentence(
        Func<Input, Input, Variable> make, string message)
    {
        Input x = Matrix("x"), n = IntScalar("n");
        using var f = Function.Compile([x, n], [make(x, n), n + 0]);
        Assert.That(
            () => f.Call(Tensor.From(new float[6], 2, 3), Tensor.Scalar(4)),
            Throws.TypeOf<EngineException>().With.Message.Contains(message).And.Message.Contains("ShapeValueTests.cs"));
    }

    [TestCaseSource(nameof(Refused))]
    public void What_is_no_dimension_is_refused_where_it_is_written(
        Func<Input, Input, Variable> make, string message) => Assert.That(
        () => make(Matrix("x"), IntScalar("n")), Throws.TypeOf<EngineException>().With.Message.Contains(message));

    [Test]
    public void A_product_of_dimensions_that_no_size_holds_is_refused()
    {
        Input n = Size("n");
        using var f = Function.Compile([n], [Sum(Zeros(Prod(Stack(0, n, n, n))))]);
        Assert.That(f.Call(Tensor.Scalar(2))[0].AsSpan<float>()[0], Is.Zero);
        Assert.That(
            () => f.Call(Tensor.Scalar(2_000)),
            Throws.TypeOf<EngineException>().With.Message.Contains("comes 8,000,000,000, and a size is below 2³¹"));
    }

    private static OpFromGraph Halved()
    {
        Input x = Matrix("given"), shape = IntVector("shape");
        return new OpFromGraph([x, shape], [Reshape(x, shape[1], shape[0])]);
    }
}
