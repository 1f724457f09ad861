using System.Diagnostics;
using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Compile;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class GradientTests
{
    private static readonly Input s_x = Variable("x", DType.Float32, [3]), s_w = Variable("w", DType.Float32, [3]);

    [Test]
    public void No_gradient_flows_through_what_is_considered_constant()
    {
        Variable square = s_x * s_x;

        Assert.That(
            Value(Grad(Sum(square * s_x), [s_x], considerConstant: [square])[0]), Is.EqualTo(new float[] { 1, 4, 9 }));
        Assert.That(() => Grad(Sum(square), [s_x], considerConstant: [square]), Throws.TypeOf<EngineException>());
        Assert.That(() => Grad(Sum(square), [s_x], considerConstant: [s_x]), Throws.TypeOf<EngineException>());
    }

    [Test]
    public void A_known_gradient_stands_for_a_cost()
    {
        Variable y = s_x * s_x;
        var known = new Dictionary<Variable, Variable> { [y] = Constant(Tensor.From([10f, 20, 30])) };

        Assert.That(Value(Grad(null, [s_x], knownGrads: known)[0]), Is.EqualTo(new float[] { 20, 80, 180 }));
    }

    [Test]
    public void A_known_gradient_takes_the_place_of_what_the_cost_would_make_it()
    {
        Variable y = s_x * s_x;
        var known = new Dictionary<Variable, Variable> { [y] = Constant(Tensor.From([1f, 0, 0])) };

        Assert.That(
            Value(Grad(Sum(y * 100) + Sum(s_x), [s_x], knownGrads: known)[0]), Is.EqualTo(new float[] { 3, 1, 1 }));
    }

    [Test]
    public void A_known_gradient_of_another_type_is_refused()
    {
        var known = new Dictionary<Variable, Variable> { [s_x] = Constant(Tensor.From([1f, 2])) };

        Assert.That(() => Grad(null, [s_x], knownGrads: known), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The known gradient of 'x' (float32 (3)) cannot be a float32 (2)."));
        Assert.That(() => Grad(null, [s_x]), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "Without a cost there must be known gradients to begin with."));
    }

    [Test]
    public void A_variable_that_the_cost_does_not_depend_on_is_refused_with_the_line_of_the_cost() => Assert.That(
        () => Grad(Sum(s_x), [s_x, s_w]), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^'dimShuffle\{\}\.0' does not depend on 'w' \(float32 \(3\)\) in a way that has a gradient\. "
            + @"Built at .*GradientTests\.cs:\d+\.$"));

    [TestCase(DType.Int32, "whole numbers and truths have no slope")]
    [TestCase(DType.Bool, "whole numbers and truths have no slope")]
    [TestCase(DType.Float32, "take its mean or its sum")]
    public void A_cost_that_has_no_gradient_is_refused_with_what_to_do(DType dtype, string what)
    {
        Variable cost = dtype == DType.Float32 ? s_x * 2 : Cast(Sum(s_x), dtype);

        Assert.That(() => Grad(cost, s_x),
            Throws.TypeOf<EngineException>().With.Message.Contains($"is {cost.Type}: {what}. Built at "));
    }

    [Test]
    public void It_may_be_ignored() => Assert.That(
        Value(Grad(Sum(s_x), [s_w], disconnectedInputs: DisconnectedInputs.Ignore)[0] + (s_x * 0)),
        Is.EqualTo(new float[] { 0, 0, 0 }));

    [Test]
    public void Or_warned_of()
    {
        var text = new StringWriter();
        using var listener = new TextWriterTraceListener(text);
        Trace.Listeners.Add(listener);
        try
        {
            Grad(Sum(s_x), [s_w], disconnectedInputs: DisconnectedInputs.Warn);
        }
        finally
        {
            Trace.Listeners.Remove(listener);
        }

        Assert.That(text.ToString(), Does.Contain(
            "'dimShuffle{}.0' does not depend on 'w' (float32 (3)) in a way that has a gradient. "
            + "Its gradient is taken as 0."));
    }

    [Test]
    public void A_gradient_that_is_not_known_is_refused_with_the_op_the_shapes_and_the_line()
    {
        Input x = Variable("x", DType.Float32, [2, 3]);
        Variable wrong = new WrongOp(Fault.None).Call(x);

        Assert.That(() => Grad(Sum(wrong), x), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^wrong of float32 \(2, 3\) has no gradient: take it of something else, or go round it "
            + @"with considerConstant or knownGrads\. Built at .*GradientTests\.cs:\d+\.$"));
    }

    [Test]
    public void Single_precision_does_not_become_double_by_itself()
    {
        Input wide = Variable("wide", DType.Float64, [2, 3]);

        Assert.That(() => s_x * wide, Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^multiply of 'x' \(float32 \(3\)\) and 'wide' \(float64 \(2, 3\)\) would widen to float64: cast one of them, with "
            + @"Symbolic\.Cast\. Built at .*GradientTests\.cs:\d+\.$"));
        Assert.That((Cast(s_x, DType.Float64) * wide).DType, Is.EqualTo(DType.Float64));
        Assert.That((s_x * 2.5 * Constant(2, DType.Int32)).DType, Is.EqualTo(DType.Float32));
    }

    [Test]
    public void A_disconnected_gradient_does_not_flow()
    {
        Assert.That(Value(Grad(Sum(s_x * DisconnectedGrad(s_x)), s_x)), Is.EqualTo(new float[] { 1, 2, 3 }));
        Assert.That(() => Grad(Sum(DisconnectedGrad(s_x)), s_x), Throws.TypeOf<EngineException>().With.Message.Contains(
            "does not depend on 'x'"));
    }

    [Test]
    public void A_zero_gradient_is_zero() =>
        Assert.That(Value(Grad(Sum(ZeroGrad(s_x * s_x)), s_x) + (s_x * 0)), Is.EqualTo(new float[] { 0, 0, 0 }));

    [Test]
    public void A_clipped_gradient_stays_between_two_numbers()
    {
        Assert.That(Value(Grad(Sum(GradClip(s_x, -2, 3) * s_x * s_x), s_x)), Is.EqualTo(new float[] { 3, 11, 21 }));
        Assert.That(() => GradClip(s_x, 1, -1), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The gradient of 'x' (float32 (3)) cannot be kept between 1 and -1: the first is the greater."));
    }

    [Test]
    public void What_only_steers_gradients_is_not_computed()
    {
        using var f = Function.Compile([s_x], [Exp(GradClip(ZeroGrad(DisconnectedGrad(s_x)), 0, 1))]);

        f.Run(Tensor.From([1f, 2, 3]));

        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(new[] { "exp" }));
    }

    [Test]
    public void A_right_gradient_is_verified() => VerifyGrad(
        x => Tanh(Dot(x[0], x[1])) * Cast(x[2], DType.Float64),
        [Tensor.From([0.1f, 0.2f, 0.3f, 0.4f], 2, 2), Tensor.From([0.5, 0.6, 0.7, 0.8], 2, 2), Tensor.From([1, 2])]);

    [Test]
    public void A_wrong_gradient_is_found() => Assert.That(
        () => VerifyGrad(x => GradClip(x[0], 0, 0.1) * 2, [Tensor.From([1f])]),
        Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^The gradient of 'multiply\.0' \(float64 \(1\)\) with respect to 'input 0' \(float64 \(1\)\) is 0\.1 at element 0, "
            + @"and differences give .* Built at .*GradientTests\.cs:\d+\.$"));

    private static float[] Value(Variable variable)
    {
        using var f = Function.Compile([s_x], [variable]);
        return f.Call(Tensor.From([1f, 2, 3]))[0].AsSpan<float>().ToArray();
    }
}
