using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class ObjectiveTests
{
    [Test]
    public void The_cross_entropy_of_a_softmax_is_computed_from_what_goes_into_it()
    {
        Input x = Matrix("x");
        Input y = IntVector("y");
        using var f = Function.Compile([x, y], [CategoricalCrossEntropy(Softmax(x), y)]);

        float[] loss = Floats(f.Call(Tensor.From([1000f, 0, 0, 0, -1000, 0], 2, 3), Tensor.From([1, 2]))[0]);

        Assert.That(loss[0], Is.EqualTo(1000));
        Assert.That(loss[1], Is.EqualTo(Math.Log(2)).Within(1e-6));
        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(new[] { "softmaxCrossEntropy" }));
    }

    [Test]
    public void Its_mean_has_the_gradient_softmax_minus_one_hot_over_the_rows()
    {
        Input x = Matrix("x");
        Input y = IntVector("y");
        using var f = Function.Compile([x, y], [Grad(Mean(CategoricalCrossEntropy(Softmax(x), y)), x)]);

        float[] grad = f.Call(Tensor.From([0f, 0, 0, 0], 2, 2), Tensor.From([0, 1]))[0].AsSpan<float>().ToArray();

        Assert.That(grad, Is.EqualTo(new float[] { -0.25f, 0.25f, 0.25f, -0.25f }).Within(1e-6));
    }

    [Test]
    public void All_forms_of_the_cross_entropy_agree()
    {
        Input x = Matrix("x"), t = Matrix("t");
        Input y = IntVector("y");
        Variable p = Softmax(x), other = p * 1;
        Variable[] losses =
        [
            CategoricalCrossEntropy(p, y), CategoricalCrossEntropy(other, y),
            CategoricalCrossEntropy(p, t), CategoricalCrossEntropy(other, t),
        ];
        using var f = Function.Compile([x, y, t], [.. losses, .. losses.Select(loss => Grad(Sum(loss), x))]);

        Tensor[] all = f.Call(
            Tensor.From([1f, 2, 3, -1, 0.5f, 0], 2, 3), Tensor.From([2, 0]), Tensor.From([0f, 0, 1, 1, 0, 0], 2, 3));

        for (int i = 1; i < 4; i++)
        {
            Assert.That(Floats(all[i]), Is.EqualTo(Floats(all[0])).Within(1e-5));
            Assert.That(Floats(all[4 + i]), Is.EqualTo(Floats(all[4])).Within(1e-5));
        }
    }

    [Test]
    public void A_label_that_is_no_class_is_refused_and_the_function_goes_on(
        [Values] bool isFused, [Values(-1, 10)] int label)
    {
        Input x = Matrix("x");
        Input y = IntVector("y");
        using var f = Function.Compile(
            [x, y], [CategoricalCrossEntropy(isFused ? Softmax(x) : Sigmoid(x), y)]);
        int[] labels = new int[2000];
        var good = Tensor.From((int[])labels.Clone());
        labels[1234] = label;

        Assert.That(() => f.Call(new Tensor(DType.Float32, [2000, 10]), Tensor.From(labels)),
            Throws.TypeOf<EngineException>().With.Message.Contains($"label {label} at row 1234 is outside 0…9")
                .And.Message.Matches(@"Built at .*ObjectiveTests\.cs:\d+\.$"));
        Assert.That(f.Call(new Tensor(DType.Float32, [2000, 10]), good)[0].Shape, Is.EqualTo(Shape.Create(2000)));
    }

    [Test]
    public void NaN_spoils_its_own_row_of_a_softmax_only([Values(3, 16, 40)] int classes)
    {
        Input x = Matrix("x");
        using var f = Function.Compile([x], [Softmax(x), LogSoftmax(x)]);
        float[] values = new float[3 * classes];
        values[(2 * classes) - 1] = float.NaN;

        foreach (Tensor y in f.Call(Tensor.From(values, 3, classes)))
        {
            Assert.That(y.Rows(1, 1).AsSpan<float>().ToArray(), Has.All.NaN);
            Assert.That(y.Rows([0, 2]).AsSpan<float>().ToArray(), Has.None.NaN);
        }
    }

    [Test]
    public void The_binary_cross_entropy_of_a_sigmoid_is_stable_and_agrees_with_the_plain_one()
    {
        Input x = Vector("x"), y = Vector("y");
        Variable p = Sigmoid(x);
        using var f = Function.Compile([x, y], [BinaryCrossEntropy(p, y), BinaryCrossEntropy(p * 1, y)]);

        Tensor[] moderate = f.Call(Tensor.From([-2f, 0.5f, 3]), Tensor.From([0f, 1, 0.25f]));
        Tensor[] extreme = f.Call(Tensor.From([-500f, 500]), Tensor.From([1f, 1]));

        Assert.That(Floats(moderate[0]), Is.EqualTo(Floats(moderate[1])).Within(1e-5));
        Assert.That(extreme[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 500, 0 }));
    }

    [Test]
    public void The_squared_error_broadcasts()
    {
        Input a = Matrix("a");
        Input b = Vector("b");
        using var f = Function.Compile([a, b], [SquaredError(a, b)]);

        float[] error = f.Call(Tensor.From([1f, 2, 3, 4], 2, 2), Tensor.From([1f, 5]))[0].AsSpan<float>().ToArray();

        Assert.That(error, Is.EqualTo(new float[] { 0, 9, 4, 1 }));
    }

    private static float[] Floats(Tensor tensor) => tensor.AsSpan<float>().ToArray();
}
