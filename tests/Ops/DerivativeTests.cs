using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Jacobians and second derivatives, compared with formulas.</summary>
[TestFixture]
public sealed class DerivativeTests
{
    private static readonly Tensor s_x = Tensor.From([0.3, -0.7, 1.1]), s_v = Tensor.From([0.5, 2, -1.5]);
    private static readonly Tensor s_a = Tensor.From([1.0, 2, 0.5, -1, 0.25, 3]).Reshape(2, 3);

    /// <summary>f = tanh(A·x): row i of the Jacobian is (1 − fᵢ²)·Aᵢ.</summary>
    private static readonly double[] s_jacobian =
        [.. Enumerable.Range(0, 6).Select(i => Slope(i / 3) * A(i / 3, i % 3))];

    [Test]
    public void A_Jacobian_has_the_gradient_of_each_element()
    {
        Input x = Vector("x", DType.Float64);
        Variable jacobian = Jacobian(Tanh(Dot(Constant(s_a), x)), x);
        Tensor value = jacobian.Eval((x, s_x));
        Assert.That(value.Shape, Is.EqualTo(new Shape(2, 3)));
        Assert.That(value.AsSpan<double>().ToArray(), Is.EqualTo(s_jacobian).Within(1e-12));
    }

    [Test]
    public void A_Jacobian_of_matrices_has_the_axes_of_both()
    {
        Input x = Matrix("x", DType.Float64);
        Tensor value = Jacobian(x * x, x).Eval((x, s_a));
        Assert.That(value.Shape, Is.EqualTo(new Shape(2, 3, 2, 3)));
        Assert.That(value.AsSpan<double>()[(4 * 6) + 4], Is.EqualTo(0.5));
        Assert.That(value.AsSpan<double>().ToArray().Count(element => element != 0), Is.EqualTo(6));
    }

    [Test]
    public void Products_with_a_Jacobian_need_not_compute_it()
    {
        Input x = Vector("x", DType.Float64), v = Vector("v", DType.Float64), u = Vector("u", DType.Float64);
        Variable f = Tanh(Dot(Constant(s_a), x));
        double[] right = Rop(f, x, v).Eval((x, s_x), (v, s_v)).AsSpan<double>().ToArray();
        double[] left = Lop(f, x, u).Eval((x, s_x), (u, Tensor.From([2.0, -1]))).AsSpan<double>().ToArray();
        double[] vs = s_v.AsSpan<double>().ToArray();
        for (int row = 0; row < 2; row++)
        {
            double expected = Enumerable.Range(0, 3).Sum(i => s_jacobian[(row * 3) + i] * vs[i]);
            Assert.That(right[row], Is.EqualTo(expected).Within(1e-12));
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.That(left[i], Is.EqualTo((2 * s_jacobian[i]) - s_jacobian[3 + i]).Within(1e-12));
        }
    }

    [Test]
    public void What_does_not_depend_on_a_variable_does_not_move_with_it()
    {
        Input x = Vector("x"), y = Vector("y"), v = Vector("v");
        IReadOnlyList<Variable> moved = Rop([y * 2, x * y], [x], [v]);
        using var f = Function.Compile([x, y, v], moved, givens: null);
        Tensor[] values = f.Call(Tensor.From([1f, 2]), Tensor.From([3f, 4]), Tensor.From([1f, 10]));
        Assert.That(values[0].AsSpan<float>().ToArray(), Is.EqualTo([0f, 0]));
        Assert.That(values[1].AsSpan<float>().ToArray(), Is.EqualTo([3f, 40]));
    }

    /// <summary>The Hessian of Σ x²·y + x³ over the elements has 2·y + 6·x on its diagonal.</summary>
    [Test]
    public void A_Hessian_is_the_Jacobian_of_the_gradient()
    {
        Input x = Vector("x", DType.Float64), y = Vector("y", DType.Float64);
        Tensor hessian = Hessian(Sum((x * x * y) + Power(x, 3)), x).Eval((x, s_x), (y, s_v));
        double[] expected = [.. Enumerable.Range(0, 9).Select(i => i / 3 != i % 3
            ? 0
            : (2 * s_v.AsSpan<double>()[i / 3]) + (6 * s_x.AsSpan<double>()[i / 3]))];
        Assert.That(hessian.AsSpan<double>().ToArray(), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void A_classifier_with_max_pooling_has_a_Hessian()
    {
        var random = new Random(3);
        Tensor images = Draw(random, 2, 1, 6, 6), filters = Draw(random, 3, 1, 3, 3), w = Draw(random, 12, 4);
        VerifyGrad(
            at =>
            {
                Variable pooled = MaxPool2D(Conv2D(Constant(images), at[0]), (2, 2));
                Variable loss = Mean(CategoricalCrossEntropy(
                    Softmax(Dot(Flatten(pooled), at[1])), Constant(Tensor.From([1, 3]))));
                IReadOnlyList<Variable> first = Grad(loss, at);
                return Sum(Square(first[0])) + Sum(Square(first[1]));
            },
            [filters, w]);
    }

    [Test]
    public void A_gradient_can_be_scaled()
    {
        Input x = Vector("x");
        Tensor grad = Grad(Sum(GradScale(x * x, -2)), x).Eval((x, Tensor.From([1f, 3])));
        Assert.That(grad.AsSpan<float>().ToArray(), Is.EqualTo([-4f, -12]));
    }

    [Test]
    public void A_vector_of_another_type_is_refused()
    {
        Input x = Vector("x", DType.Float64), v = Vector("v");
        Assert.That(() => Rop(x * x, x, v), Throws.TypeOf<EngineException>().With.Message.Contains("of its own type"));
        Assert.That(() => Lop([x], [x], []), Throws.TypeOf<EngineException>().With.Message.Contains("one for each"));
    }

    private static double A(int row, int column) => s_a.AsSpan<double>()[(row * 3) + column];

    private static double Slope(int row)
    {
        double y = Math.Tanh(Enumerable.Range(0, 3).Sum(i => A(row, i) * s_x.AsSpan<double>()[i]));
        return 1 - (y * y);
    }

    private static Tensor Draw(Random random, params int[] dimensions) => Tensor.From(
        [.. Enumerable.Range(0, dimensions.Aggregate(1, (a, b) => a * b)).Select(_ => random.NextDouble() - 0.5)])
            .Reshape(dimensions);
}
