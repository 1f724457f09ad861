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

    [Test]
    public void A_number_multiplies_each_element()
    {
        Variable number = Constant(3, DType.Float32), whole = Constant(3, DType.Int32),
            row = Constant(Tensor.From([1, 2]));

        Assert.That(Evaluate(Dot(number, row)), Is.EqualTo(new float[] { 3, 6 }));
        Assert.That(Evaluate(Dot(row, whole)), Is.EqualTo(new float[] { 3, 6 }), "integers are multiplied as float32");
        Assert.That(Evaluate(Dot(number, number)), Is.EqualTo(new float[] { 9 }));
    }

    [Test]
    public void A_matrix_product_with_a_number_is_refused_with_what_to_write_instead()
    {
        foreach ((Shape a, Shape b) in (ReadOnlySpan<(Shape, Shape)>)[
            (Shape.Scalar, [2, 2]), ([2, 2], Shape.Scalar), ([1, 2, 2], Shape.Scalar)])
        {
            Assert.That(() => MatMul(Zeros(a), Zeros(b)), Throws.TypeOf<EngineException>()
                .With.Message.StartsWith("matMul multiplies matrices and vectors, not").And.Message
                .Contains("write a * b")
                .And.Message.Contains("DotTests.cs:"));
        }
    }

    private static Constant Zeros(Shape shape) => Constant(new Tensor(DType.Float32, shape));

    private static float[] Evaluate(Variable x)
    {
        using var f = Function.Compile([], [x]);
        return f.Call()[0].AsSpan<float>().ToArray();
    }
}
