using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class DropIdentitiesTests
{
    [Test]
    public void A_sum_to_the_shape_that_is_there_already_is_left_out()
    {
        Input x = Matrix("x"), y = Matrix("y");
        Variable z = SumTo(x * y, y) + 1;
        using var f = Function.Compile([x, y], [z]);

        Tensor same = f.Call(Tensor.From([1f, 2], 1, 2), Tensor.From([3f, 4], 1, 2))[0];

        Assert.That(same.AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 4, 9 }));
        Assert.That(f.Nodes.Select(node => node.Op.Name), Has.None.EqualTo("sumTo"));
    }

    [Test]
    public void One_that_adds_up_stays()
    {
        Input x = Matrix("x"), y = Matrix("y");
        using var f = Function.Compile([x, y], [SumTo(x * y, y)]);

        Tensor sum = f.Call(Tensor.From([1f, 2, 3, 4], 2, 2), Tensor.From([3f, 4], 1, 2))[0];

        Assert.That(sum.AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 12, 24 }));
    }
}
