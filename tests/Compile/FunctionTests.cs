using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

public class FunctionTests
{
    [Test]
    public void A_function_computes_its_outputs()
    {
        Input x = Matrix("x");
        Input b = Vector("b");
        using var f = Function.Compile([x, b], [(x * 2) + b, Sum(x)]);

        Tensor[] y = f.Call(Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3), Tensor.From([10f, 20, 30]));

        Assert.That(y[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 12, 24, 36, 18, 30, 42 }));
        Assert.That(y[1].AsSpan<float>()[0], Is.EqualTo(21));
    }

    [Test]
    public void Updates_see_the_values_before_the_run()
    {
        SharedVariable a = Shared(Tensor.From([1f, 2]), "a"), b = Shared(Tensor.From([3f, 5]), "b");
        using var swap = Function.Compile([], [a], [new(a, b), new(b, a + b)]);

        Tensor old = swap.Call()[0];

        Assert.That(old.AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 2 }));
        Assert.That(a.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 3, 5 }));
        Assert.That(b.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 4, 7 }));
    }

    [Test]
    public void A_function_runs_many_times_with_no_host_between()
    {
        SharedVariable counter = Shared(Tensor.Scalar(0), "counter"), sum = Shared(Tensor.Scalar(0f), "sum");
        using var step = Function.Compile([], [], [new(counter, counter + 1), new(sum, sum + counter)]);

        step.RunMany(10);

        Assert.That(counter.GetScalar<int>(), Is.EqualTo(10));
        Assert.That(sum.GetScalar<float>(), Is.EqualTo(45));
    }

    [Test]
    public void The_gradient_of_a_broadcast_operand_is_summed_to_its_shape()
    {
        Input x = Matrix("x");
        Input b = Vector("b");
        using var f = Function.Compile([x, b], Grad(Sum(x * b * b), [x, b]));

        Tensor[] y = f.Call(Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3), Tensor.From([1f, 2, 3]));

        Assert.That(y[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 4, 9, 1, 4, 9 }));
        Assert.That(y[1].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 10, 28, 54 }));
    }

    [Test]
    public void A_shape_error_names_the_op_the_shapes_and_the_line()
    {
        Variable x = Variable("x", DType.Float32, [2, 3]), y = Variable("y", DType.Float32, [2, 4]);

        Assert.That(() => x + y, Throws.TypeOf<EngineException>().With.Message.Matches(
            @"add cannot take float32 \(2, 3\) and float32 \(2, 4\): "
            + @"the dimensions 3 and 4 of axis 1 do not broadcast\. Built at .*FunctionTests\.cs:\d+\."));
    }
}
