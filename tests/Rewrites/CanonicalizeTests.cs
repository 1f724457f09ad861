using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;
using static Engine.Tests.Rewrites.Written;

namespace Engine.Tests.Rewrites;

public class CanonicalizeTests
{
    private static readonly Input s_x = Matrix23, s_v = Vector3;
    private static readonly Input s_mask = Variable("m", DType.UInt8, [3]), s_whole = Variable("i", DType.Int32, [3]);

    private static readonly Input s_half = Variable("h", DType.BFloat16, [2, 3]);

    private static IEnumerable<TestCaseData> Arithmetic =>
    [
        Case(s_x * 1, "x"),
        Case(1 * s_x, "x"),
        Case(s_x + 0, "x"),
        Case(0 + s_x, "x"),
        Case(s_x - 0, "x"),
        Case(s_x / 1, "x"),
        Case(s_v * Constant(Tensor.From([1f], 1, 1)), "reshape{1, 3}(v)"),
        Case(s_x * 0, "multiply(x, 0)"),
        Case(s_x - s_x, "subtract(x, x)"),
        Case(s_x * -1, "negate(x)"),
        Case(s_x * 2 * 3, "multiply(x, 6)"),
        Case(2 * (s_x * 3), "multiply(x, 6)"),
        Case(s_x * 1e30 * 1e30, "multiply(multiply(x, 1.0000000150474662E+30), 1.0000000150474662E+30)"),
        Case(s_x / 4, "multiply(x, 0.25)"),
        Case(s_x / 3, "divide(x, 3)"),
        Case(s_x / s_x, "broadcastLike{2, 3}(1)"),
        Case(s_x / s_v * s_v, "x"),
        Case(s_v / s_x * s_x, "broadcastLike{2, 3}(v)"),
        Case(s_x / s_v * Exp(s_x) * s_v, "multiply(x, exp(x))"),
        Case(-(-s_x), "x"),
        Case(-(s_x * 2), "multiply(x, -2)"),
        Case(-s_x * 2, "multiply(x, -2)"),
        Case(s_x + (-s_v), "subtract(x, v)"),
        Case(-s_x + s_v, "subtract(v, x)"),
        Case(s_x - (-s_v), "add(x, v)"),
        Case(-s_x * -s_v, "multiply(x, v)"),
        Case(-s_x * s_v, "negate(multiply(x, v))"),
        Case(s_x * -s_v, "multiply(x, negate(v))"),
        Case(s_v / -s_x, "negate(divide(v, x))"),
    ];

    private static IEnumerable<TestCaseData> Conversions =>
    [
        Case(Cast(Cast(s_mask, DType.Int32), DType.Float32), "cast{float32}(m)"),
        Case(Cast(Cast(s_whole, DType.Float64), DType.Int32), "i"),
        Case(Cast(Cast(s_x, DType.Float64), DType.Float32), "x"),
        Case(Cast(Cast(s_whole, DType.Float32), DType.Float64), "cast{float64}(cast{float32}(i))"),
        Case(Cast(Cast(s_x, DType.Int32), DType.Float32), "cast{float32}(cast{int32}(x))"),
        Case(Cast(Cast(s_whole, DType.Float64), DType.UInt8), "cast{uint8}(cast{float64}(i))"),
    ];

    private static IEnumerable<TestCaseData> Shapes =>
    [
        Case(Transpose(Transpose(s_x)), "x"),
        Case(Transpose(Transpose(Variable("t", DType.Float32, [2, 3, 4]), [1, 2, 0]), [1, 2, 0]),
            "dimShuffle{2, 0, 1}(t)"),
        Case(Reshape(Reshape(s_x, [3, 2]), [6]), "reshape{6}(x)"),
        Case(Reshape(Flatten(s_x, 1), [2, 3]), "x"),
        Case(DimShuffle(s_v, NewAxis, 0), "reshape{1, 3}(v)"),
        Case(Dot(Transpose(s_x), s_x), "dot{aT, b}(x, x)"),
        Case(Dot(Transpose(s_x), Transpose(s_x), transposeB: true), "dot{aT, b}(x, x)"),
        Case(Dot(Transpose(s_half), s_half), "dot{aT, b}(cast{float32}(h), cast{float32}(h))"),
        Case(Reshape(BroadcastLike(Constant(2, DType.Float32), s_x), [6, 1]), "broadcastLike{6, 1}(2)"),
        Case(Sum(Sum(s_x, [0]), [0]), "reshape{}(sum{0, 1}(x))"),
        Case(Sum(Sum(s_x, [1], keepDims: true)), "reshape{}(sum{0, 1}(x))"),
        Case(Sum(Reshape(s_x, [6])), "reshape{}(sum{0}(reshape{6}(x)))"),
        Case(Sum(DimShuffle(s_x, 0, NewAxis, 1), [2]), "sum{1}(x)"),
        Case(SumTo(s_x, s_v), "reshape{3}(sum{0}(x))"),
        Case(SumTo(BroadcastLike(s_v, s_x), s_v), "reshape{3}(multiply(reshape{1, 3}(v), 2))"),
        Case(Sum(BroadcastLike(s_v, s_x)), "reshape{}(multiply(reshape{1, 1}(sum{0}(v)), 2))"),
        Case(BroadcastLike(s_v, s_x) * s_x, "multiply(v, x)"),
        Case(Exp(BroadcastLike(s_v, s_x)), "broadcastLike{2, 3}(exp(v))"),
        Case(Less(BroadcastLike(s_v, s_x), BroadcastLike(s_v, s_x)),
            "less(broadcastLike{2, 3}(v), broadcastLike{2, 3}(v))"),
    ];

    [TestCaseSource(nameof(Arithmetic)), TestCaseSource(nameof(Conversions)), TestCaseSource(nameof(Shapes))]
    public void An_expression_becomes_the_one_with_less_to_do(Variable written, string expected) =>
        Assert.That(After("merge, canonicalize", written), Is.EqualTo(expected));

    [Test]
    public void What_gives_only_its_shape_is_in_the_graph_no_more()
    {
        Variable unread = Exp(s_x);

        FunctionGraph graph = Rewrite("canonicalize", BroadcastLike(s_v, unread));

        Assert.That(Traversal.Order(graph.Roots).Select(node => node.Op.Name), Has.No.Member("exp"));
    }

    [Test]
    public void Zero_over_zero_is_one_where_it_was_not_a_number()
    {
        using var f = Function.Compile([s_v], [s_v / s_v]);

        Assert.That(f.Call(Tensor.From([0f, 2, float.NaN]))[0].AsSpan<float>().ToArray(), Is.All.EqualTo(1));
    }

    [Test]
    public void An_infinite_value_times_zero_is_no_number()
    {
        using var f = Function.Compile([s_v], [s_v * 0]);

        float[] product = f.Call(Tensor.From([1f, float.PositiveInfinity, float.NaN]))[0].AsSpan<float>().ToArray();

        Assert.That(product, Is.EqualTo(new[] { 0, float.NaN, float.NaN }));
    }

    [Test]
    public void A_chain_as_long_as_this_becomes_one_op()
    {
        Variable y = s_x;
        for (int i = 0; i < 5000; i++)
        {
            y = -(y * (i % 2 == 0 ? 2 : 0.5));
        }

        Assert.That(After("canonicalize", y), Is.EqualTo("x"));
    }

    private static TestCaseData Case(Variable written, string expected) =>
        new TestCaseData(written, expected).SetArgDisplayNames(Printer.Tree(written).ReplaceLineEndings(" "));
}
