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

    private static readonly (string Name, Func<Variable, Variable, Variable> Loss)[] s_aligned =
    [
        ("squared error", SquaredError), ("absolute error", AbsoluteError), ("Huber", (a, b) => Huber(a, b)),
        ("binary cross-entropy", BinaryCrossEntropy), ("binary hinge", (a, b) => BinaryHinge(a, b)),
        ("binary accuracy", (a, b) => Cast(BinaryAccuracy(a, b), DType.Float32)),
    ];

    private static IEnumerable<TestCaseData> Aligned =>
        from each in s_aligned
        from isKnown in (bool[])[false, true]
        from rank in (int[])[1, 2]
        select new TestCaseData(each.Loss, isKnown, rank).SetArgDisplayNames(
            each.Name, isKnown ? "known" : "unknown", $"{rank}");

    /// <summary>Each loss of (n, 1) and (n), in both orders, is that of (n, 1) and (n, 1).</summary>
    [TestCaseSource(nameof(Aligned))]
    public void A_column_and_a_vector_are_aligned_and_never_broadcast(
        Func<Variable, Variable, Variable> loss, bool isKnown, int rank)
    {
        foreach (int n in (int[])[1, 2, 3])
        {
            int[] dimensions = [.. Enumerable.Repeat(n, rank)];
            Tensor p =
                Tensor.From([.. Enumerable.Range(0, (int)Math.Pow(n, rank)).Select(i => 0.9f / (i + 1))], dimensions);
            Tensor y =
                Tensor.From([.. Enumerable.Range(0, (int)Math.Pow(n, rank)).Select(i => (float)(i % 2))], dimensions);
            Input flat = Of("flat", dimensions), tall = Of("tall", [.. dimensions, 1]);
            using var f = Function.Compile(
                [flat, tall], [loss(flat, tall), loss(ExpandDims(flat, -1), tall), loss(tall, flat),
                    loss(tall, ExpandDims(flat, -1))]);
            Tensor[] all = f.Call(p, y.Reshape([.. dimensions, 1]));
            for (int i = 0; i < 4; i += 2)
            {
                Assert.That(all[i].Shape, Is.EqualTo(Shape.Create([.. dimensions, 1])));
                Assert.That(Floats(all[i]), Is.EqualTo(Floats(all[i + 1])));
            }
        }

        Input Of(string name, int[] dimensions) =>
            Variable(name, DType.Float32, isKnown ? Shape.Create(dimensions) : Shape.OfRank(dimensions.Length));
    }

    /// <summary>A label a row as a column, (n, 1), would broadcast to all classes.</summary>
    [Test]
    public void Labels_in_a_column_are_refused([Values] bool isKnown)
    {
        Func<Variable, Variable, Variable>[] losses =
            [CategoricalCrossEntropy, (p, y) => MulticlassHinge(p, y),
                (p, y) => Cast(CategoricalAccuracy(p, y), DType.Float32)];
        foreach (Func<Variable, Variable, Variable> loss in losses)
        {
            Input p = Variable("p", DType.Float32, [2, isKnown ? 3 : Shape.Unknown]);
            Input y = Variable("y", DType.Int32, [2, isKnown ? 1 : Shape.Unknown]);
            Assert.That(Call, Throws.TypeOf<EngineException>().With.Message.Contains(
                isKnown ? "'y' (int32 (2, 1))" : "its 2 elements do not fill the shape (2, 3)"));

            void Call() =>
                loss(p, y).Eval((p, new Tensor(DType.Float32, [2, 3])), (y, new Tensor(DType.Int32, [2, 1])));
        }
    }

    private static float[] Floats(Tensor tensor) => tensor.AsSpan<float>().ToArray();
}
