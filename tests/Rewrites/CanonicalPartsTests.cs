using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class CanonicalPartsTests
{
    [Test]
    public void The_gradient_of_what_was_cut_is_its_parts_one_after_the_other()
    {
        Input x = Matrix("x", DType.Float64);
        IReadOnlyList<Variable> parts = Split(x, 1, 1, 2, 1);
        using var f =
            Function.Compile([x], [Grad(Sum(Exp(parts[2])) + (3 * Sum(parts[0])) + Sum(Square(parts[1])), x)]);

        double[] result = f.Call(Tensor.From([1.0, 2, 3, 0, 5, 6, 7, 1], 2, 4))[0].AsSpan<double>().ToArray();

        Assert.That(result, Is.EqualTo(new[] { 3, 4, 6, 1, 3, 12, 14, Math.E }).Within(1e-12));
        Assert.That(f.Nodes.Count(node => node.Op is Concat), Is.EqualTo(1));
        Assert.That(f.Nodes.Count(node => node.Op is SubtensorUpdate), Is.Zero);
    }

    [Test]
    public void Parts_that_overlap_or_leave_something_out_are_added_up()
    {
        Input x = Matrix("x", DType.Float64);
        Variable overlapping = Sum(Square(x[.., ..3])) + Sum(x[.., 1..]),
            less = Sum(Square(x[.., ..1])) + Sum(x[.., 2..]);
        using var f = Function.Compile([x], [Grad(overlapping, x), Grad(less, x)]);

        Tensor[] results = f.Call(Tensor.From([1.0, 2, 3, 4], 1, 4));

        Assert.That(results[0].AsSpan<double>().ToArray(), Is.EqualTo(new[] { 2.0, 5, 7, 1 }));
        Assert.That(results[1].AsSpan<double>().ToArray(), Is.EqualTo(new[] { 2.0, 0, 1, 1 }));
    }
}
