using Engine.Compile;
using Engine.Graph;
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

    [Test]
    public void A_product_of_more_than_matrices_is_refused() => Assert.That(
        () => Dot(Zeros([2, 2, 2]), Zeros([2, 2])),
        Throws.TypeOf<EngineException>().With.Message.Contains("dot multiplies matrices and vectors, not"));

    private static Constant Zeros(Shape shape) => Constant(new Tensor(DType.Float32, shape));

    private static float[] Evaluate(Variable x)
    {
        using var f = Function.Compile([], [x]);
        return f.Call()[0].AsSpan<float>().ToArray();
    }
}
