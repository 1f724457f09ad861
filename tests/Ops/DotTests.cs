using Engine.Compile;
using Engine.Graph;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class DotTests
{
    [Test]
    public void Vectors_are_rows_on_the_left_and_columns_on_the_right()
    {
        Variable row = Constant(Tensor.From([1f, 2, 3])), matrix = Constant(Tensor.From([1f, 2, 3, 4, 5, 6], 3, 2));

        Assert.That(Dot(row, matrix).Shape == Shape.Create(2));
        Assert.That(Evaluate(Dot(row, matrix)), Is.EqualTo(new float[] { 22, 28 }));
        Assert.That(Dot(matrix, row, transposeA: true).Shape == Shape.Create(2));
        Assert.That(Evaluate(Dot(matrix, row, transposeA: true)), Is.EqualTo(new float[] { 22, 28 }));
        Assert.That(Dot(row, row).Shape == Shape.Scalar);
        Assert.That(Evaluate(Dot(row, row)), Is.EqualTo(new float[] { 14 }));
    }

    private static IEnumerable<TestCaseData> Misfits()
    {
        yield return new TestCaseData(Shape.Create(2, 2, 2), Shape.Create(2, 2), "Reshape the first to one matrix");
        yield return new TestCaseData(Shape.Create(2, 3, 4), Shape.Create(2, 4, 3), "as in attention, are Sum(DimShuffle(a, 0, 1, 2, NewAxis)");
        yield return new TestCaseData(Shape.Scalar, Shape.Create(2, 2), "write a * b");
        yield return new TestCaseData(Shape.Create(2), Shape.Create(2, 2, 2, 2), "write the sum of products");
    }

    [TestCaseSource(nameof(Misfits))]
    public void A_product_of_more_than_matrices_is_refused_with_what_to_write_instead(Shape a, Shape b, string hint) =>
        Assert.That(() => Dot(Zeros(a), Zeros(b)), Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("dot multiplies matrices and vectors, not").And.Message.Contains(hint)
            .And.Message.Contains("DotTests.cs:"));

    [Test]
    public void What_the_message_says_of_stacks_of_matrices_is_right()
    {
        float[] values = [.. Enumerable.Range(0, 24).Select(i => i - 7f)];
        Variable a = Constant(Tensor.From(values, 2, 3, 4)), b = Constant(Tensor.From(values, 2, 4, 3));
        Variable stacked = Sum(DimShuffle(a, 0, 1, 2, NewAxis) * DimShuffle(b, 0, NewAxis, 1, 2), [2]);

        for (int i = 0; i < 2; i++)
        {
            Variable left = Constant(Tensor.From(values[(12 * i)..(12 * (i + 1))], 3, 4));
            Variable right = Constant(Tensor.From(values[(12 * i)..(12 * (i + 1))], 4, 3));
            Assert.That(Evaluate(Gather(stacked, Constant(i, DType.Int32))), Is.EqualTo(Evaluate(Dot(left, right))));
        }
    }

    private static Constant Zeros(Shape shape) => Constant(new Tensor(DType.Float32, shape));

    private static float[] Evaluate(Variable x)
    {
        using var f = Function.Compile([], [x]);
        return f.Call()[0].AsSpan<float>().ToArray();
    }
}
