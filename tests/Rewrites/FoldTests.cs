using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;
using static Engine.Tests.Rewrites.Written;

namespace Engine.Tests.Rewrites;

public class FoldTests
{
    [Test]
    public void What_depends_on_constants_alone_is_a_constant()
    {
        Variable y = Matrix23 + Exp(Constant(Tensor.From([0f, 1, 2])) * 2);

        var sum = (Result)Rewrite("fold", y).Outputs[0];

        Assert.That(((Constant)sum.Owner.Inputs[1]).Value.AsSpan<float>().ToArray(),
            Is.EqualTo(new float[] { 1, MathF.Exp(2), MathF.Exp(4) }).Within(1e-4));
    }

    [Test]
    public void What_depends_on_a_shape_alone_is_a_constant() =>
        Assert.That(After("fold", Sum(Matrix23, [1]) / Count(Matrix23)), Does.EndWith(", 6)"));

    [Test]
    public void The_value_of_a_size_is_a_constant()
    {
        SharedVariable data = Shared(Tensor.From([1f, 2, 3, 4]), "data");
        Input size = Size("size");
        using var f = Function.Compile([size], [TakeRows(data, Constant(1), size) * Cast(size, DType.Float32)]);

        Assert.That(f.Call(Tensor.Scalar(2))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 4, 6 }));
        Assert.That(f.Call(Tensor.Scalar(3))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 6, 9, 12 }));
        Assert.That(f.Nodes.Select(node => node.Op.Name), Does.Not.Contain("cast{float32}"));
    }

    [Test]
    public void A_large_constant_is_not_made()
    {
        Variable x = Variable("x", DType.Float32, [100, 100]);
        var row = Constant(new Tensor(DType.Float32, [1, 100]));
        var column = Constant(new Tensor(DType.Float32, [100, 1]));

        Assert.That(After("fold", x + (row + column)), Does.Contain("add(float32 (1, 100), float32 (100, 1))"));
    }

    [Test]
    public void A_number_is_not_repeated_to_a_constant() => Assert.That(
        After("fold", BroadcastLike(Constant(2, DType.Float32), Vector3)), Is.EqualTo("broadcastLike{3}(2)"));

    [Test]
    public void A_whole_number_that_does_not_fit_wraps_round_as_on_the_device() => Assert.That(
        After("fold", Variable("i", DType.Int32, [3]) + (Constant(int.MaxValue, DType.Int32) + 1)),
        Is.EqualTo("add(i, -2147483648)"));

    [Test]
    public void A_whole_number_that_has_wrapped_is_refused_as_a_dimension() => Assert.That(
        () => Zeros((Constant(int.MaxValue, DType.Int32) + 3) * 2 + 5),
        Throws.TypeOf<EngineException>().With.Message
            .Contains("of the sizes 2147483647 and 3 comes 2,147,483,650, and a size is below 2³¹"));

    [Test]
    public void A_label_that_is_no_class_is_still_refused_by_the_call()
    {
        var p = Constant(Tensor.From([0.5f, 0.5f], 1, 2));
        using var f = Function.Compile([], [CategoricalCrossEntropy(p, Constant(Tensor.From([2])))]);

        Assert.That(() => f.Call(), Throws.TypeOf<EngineException>().With.Message.Contains("label 2 at row 0"));
    }

    [Test]
    public void Random_numbers_of_a_constant_state_are_drawn_by_the_device()
    {
        var state = Constant(Tensor.From([1, 2, 3]));
        Variable drawn = new DropoutMask(0, 0.5).Call(Constant(Tensor.From([1f, 1, 1, 1])), state);

        Assert.That(After("fold", drawn), Does.StartWith("dropout"));
    }
}
