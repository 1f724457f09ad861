using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Choices, graphs as ops, and ops that print or check a value.</summary>
[TestFixture]
public sealed class GraphOpTests
{
    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void Only_the_chosen_branch_is_computed()
    {
        List<string> computed = [];
        Input c = IntScalar("c"), x = Vector("x");
        Variable both = Print(x + 1, _ => computed.Add("both"));
        Variable a = Print(both * 2, _ => computed.Add("a")), b = Print(Exp(x), _ => computed.Add("b"));
        Variable inner = IfElse(Greater(c, 1), Print(a + 1, _ => computed.Add("inner")), a);
        using var f = Function.Compile([c, x], [IfElse(c, inner, b), both], device: s_cpu);
        Assert.That(Call(2), Is.EqualTo([5f, 7]));
        Assert.That(computed, Is.EquivalentTo(["both", "a", "inner"]));
        Assert.That(Call(1), Is.EqualTo([4f, 6]));
        Assert.That(computed, Is.EquivalentTo(["both", "a"]));
        Assert.That(Call(0), Is.EqualTo([MathF.Exp(1), MathF.Exp(2)]).Within(1e-5f));
        Assert.That(computed, Is.EquivalentTo(["both", "b"]));

        float[] Call(int chosen)
        {
            computed.Clear();
            return f.Call(Tensor.Scalar(chosen), Tensor.From([1f, 2]))[0].AsSpan<float>().ToArray();
        }
    }

    [TestCase(0, -1)]
    [TestCase(1, 6)]
    public void The_gradient_flows_back_to_the_chosen_branch(int chosen, double expected)
    {
        Input c = IntScalar("c"), x = Scalar("x", DType.Float64);
        Tensor grad = Grad(IfElse(c, x * x, -x), x).Eval((c, Tensor.Scalar(chosen)), (x, Tensor.Scalar(3.0)));
        Assert.That(grad.AsSpan<double>()[0], Is.EqualTo(expected));
    }

    [Test]
    public void A_loop_may_choose_at_each_step()
    {
        Input x = Vector("x");
        Variable y = Map(row => IfElse(Greater(row, 0), Sqrt(row), row * 10), x);
        Tensor value = y.Eval((x, Tensor.From([4f, -1, 9, 0])));
        Assert.That(value.AsSpan<float>().ToArray(), Is.EqualTo([2f, -10, 3, 0]));
    }

    [Test]
    public void A_loop_may_be_within_a_choice()
    {
        Input c = IntScalar("c"), x = Vector("x");
        Variable y = IfElse(c, FoldL((row, sum) => (sum * 2) + row, x, Constant(0, DType.Float32)), Sum(x));
        using var f = Function.Compile([c, x], [y, Grad(y, x)], device: s_cpu);
        Tensor[] folded = f.Call(Tensor.Scalar(1), Tensor.From([1f, 2, 3]));
        Assert.That(folded[0].AsSpan<float>()[0], Is.EqualTo(11));
        Assert.That(folded[1].AsSpan<float>().ToArray(), Is.EqualTo([4f, 2, 1]));
        Assert.That(
            f.Call(Tensor.Scalar(0), Tensor.From([1f, 2, 3]))[1].AsSpan<float>().ToArray(), Is.EqualTo([1f, 1, 1]));
    }

    [Test]
    public void Folds_go_from_one_end_to_the_other()
    {
        Input x = Vector("x");
        Variable zero = Constant(0, DType.Float32);
        Assert.That(FoldL((row, sum) => (sum * 10) + row, x, zero).Eval((x, Tensor.From([1f, 2, 3])))
            .AsSpan<float>()[0], Is.EqualTo(123));
        Assert.That(FoldR((row, sum) => (sum * 10) + row, x, zero).Eval((x, Tensor.From([1f, 2, 3])))
            .AsSpan<float>()[0], Is.EqualTo(321));
    }

    [Test]
    public void A_graph_as_an_op_is_what_it_is_made_of()
    {
        Input a = Vector("a", DType.Float64), b = Vector("b", DType.Float64);
        SharedVariable scale = Shared(Tensor.Scalar(3.0), "scale");
        var op = new OpFromGraph([a, b], [a * b * scale, a + b], "twoOf");
        VerifyGrad(
            at =>
            {
                IReadOnlyList<Variable> both = op.Apply(Sin(at[0]), at[0] + at[1]);
                return both[0] * both[1];
            },
            [Tensor.From([0.3, 0.9]), Tensor.From([-0.4, 0.2])]);
        Input x = Vector("x", DType.Float64);
        Variable y = op.Call(x, x);
        Assert.That(((Result)y).Owner.Op.Name, Is.EqualTo("twoOf"));
        Assert.That(y.Eval((x, Tensor.From([2.0, 3]))).AsSpan<double>().ToArray(), Is.EqualTo([12.0, 27]));
        Assert.That(Grad(Sum(y), scale).Eval((x, Tensor.From([2.0, 3]))).AsSpan<double>()[0], Is.EqualTo(13));
    }

    [Test]
    public void A_graph_as_an_op_may_have_a_gradient_of_its_own()
    {
        Input a = Vector("a");
        var round = new OpFromGraph([a], [Round(a)], "straightThrough", (_, _, grads) => [grads[0]]);
        Input x = Vector("x");
        Variable y = round.Call(x * 2);
        using var f = Function.Compile([x], [y, Grad(Sum(y), x)], device: s_cpu);
        Tensor[] values = f.Call(Tensor.From([0.4f, 1.9f]));
        Assert.That(values[0].AsSpan<float>().ToArray(), Is.EqualTo([1f, 4]));
        Assert.That(values[1].AsSpan<float>().ToArray(), Is.EqualTo([2f, 2]));
        Assert.That(() => round.Call(x, x), Throws.TypeOf<EngineException>().With.Message.Contains("1 inputs"));
    }

    [Test]
    public void What_is_required_is_checked_when_it_is_computed()
    {
        Input x = Vector("x");
        Variable y = Log(Require(x, "x must be positive", Greater(x, 0)));
        using var f = Function.Compile([x], [y, Grad(Sum(y), x)], device: s_cpu);
        Assert.That(f.Call(Tensor.From([1f, 2]))[1].AsSpan<float>().ToArray(), Is.EqualTo([1f, 0.5f]));
        Assert.That(
            () => f.Call(Tensor.From([1f, 0])),
            Throws.TypeOf<EngineException>().With.Message.Contains("x must be positive.").And.Message
                .Contains("GraphOpTests.cs"));
    }

    [Test]
    public void Variables_can_be_replaced_in_a_copy_of_an_expression()
    {
        Input x = Vector("x"), y = Vector("y");
        Variable z = Clone(Exp(x) + x, new Given(x, y * 0));
        Assert.That(z.Eval((y, Tensor.From([5f]))).AsSpan<float>()[0], Is.EqualTo(1));
        Assert.That(() => Clone(x, new Given(x, Scalar())),
            Throws.TypeOf<EngineException>().With.Message.Contains("cannot be replaced"));
    }

    [Test]
    public void An_input_may_have_a_value_for_calls_that_give_none()
    {
        Input x = Vector("x"), factor = Scalar("factor");
        factor.Default = Tensor.Scalar(2f);
        using var f = Function.Compile([x, factor], [x * factor], device: s_cpu);
        Assert.That(f.Call(Tensor.From([3f]))[0].AsSpan<float>()[0], Is.EqualTo(6));
        Assert.That(f.Call(Tensor.From([3f]), Tensor.Scalar(5f))[0].AsSpan<float>()[0], Is.EqualTo(15));
        Assert.That(() => f.Call(), Throws.TypeOf<EngineException>());
        Assert.That((float)(x * factor).Eval((x, Tensor.From([3f]))), Is.EqualTo(6));
        Assert.That((float)(factor + 1).Eval(), Is.EqualTo(3));
        Assert.That((float)(x * factor).Eval((factor, Tensor.Scalar(5f)), (x, Tensor.From([3f]))), Is.EqualTo(15));
        Assert.That(() => (x * factor).Eval(), Throws.TypeOf<EngineException>().With.Message.Contains("'x'"));
    }

    [Test]
    public void A_copy_of_a_function_may_update_another_variable()
    {
        SharedVariable one = Shared(Tensor.Scalar(1f), "one"), ten = Shared(Tensor.Scalar(10f), "ten");
        Input x = Scalar("x");
        using var f = Function.Compile([x], [one + x], [new Update(one, one + x)], device: s_cpu);
        using Function copy = f.Copy(new Dictionary<SharedVariable, SharedVariable> { [one] = ten });
        using Function reading = f.Copy(withUpdates: false);
        Assert.That(copy.Call(Tensor.Scalar(5f))[0].AsSpan<float>()[0], Is.EqualTo(15));
        Assert.That(ten.GetScalar<float>(), Is.EqualTo(15));
        Assert.That(reading.Call(Tensor.Scalar(1f))[0].AsSpan<float>()[0], Is.EqualTo(2));
        Assert.That(one.GetScalar<float>(), Is.EqualTo(1));
    }
}
