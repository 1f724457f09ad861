using Engine.Compile;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class ReductionTests
{
    [Test]
    public void Float32_sums_of_many_numbers_are_accurate()
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 1_000_000).Select(_ => random.NextSingle())];
        double exact = values.Sum(value => (double)value);
        Input x = Matrix("x");
        using var f = Function.Compile([x], [Sum(x), Sum(x, [0]), Sum(x, [1])]);

        foreach (int rows in (int[])[1, 10, 1000, 1_000_000])
        {
            Tensor[] sums = f.Call(Tensor.From(values, rows, values.Length / rows));

            foreach (Tensor sum in sums)
            {
                double total = sum.AsSpan<float>().ToArray().Sum(value => (double)value);
                Assert.That(total, Is.EqualTo(exact).Within(exact * 1e-5), $"{rows} rows, to {sum.Shape}");
            }
        }
    }

    [Test]
    public void Means_over_axes_keep_or_drop_them()
    {
        Input x = Matrix("x");
        using var f = Function.Compile([x], [Mean(x), Mean(x, [0]), Mean(x, [-1], keepDims: true)]);

        Tensor[] y = f.Call(Tensor.From([1f, 2, 3, 4, 5, 9], 2, 3));

        Assert.That(y[0].AsSpan<float>()[0], Is.EqualTo(4));
        Assert.That(y[1].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 2.5f, 3.5f, 6 }));
        Assert.That(y[2].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 2, 6 }));
        Assert.That(y[2].Shape, Is.EqualTo(Shape.Create(2, 1)));
    }

    [Test]
    public void The_mean_of_integers_is_a_fraction()
    {
        Input x = Variable("x", DType.UInt8, [Shape.Unknown]);
        using var f = Function.Compile([x], [Mean(x), Sum(x)]);

        Tensor[] y = f.Call(Tensor.From(new byte[] { 255, 254 }));

        Assert.That(y[0].AsSpan<float>()[0], Is.EqualTo(254.5f));
        Assert.That(y[1].AsSpan<int>()[0], Is.EqualTo(509));
    }

    [Test]
    public void NaN_comes_through_the_maximum_wherever_it_is([Values(0, 1, 17, 63, 64, 99)] int at, [Values] bool isMin)
    {
        Input x = Matrix("x");
        Func<Variable, Shape, bool, Variable> reduce = isMin ? Min : Max;
        using var f = Function.Compile([x], [reduce(x, [0], false), reduce(x, [1], false), ArgMax(x, 1)]);
        float[] values = [.. Enumerable.Range(0, 300).Select(i => i % 7f)];
        values[100 + at] = float.NaN;

        Tensor[] y = f.Call(Tensor.From(values, 3, 100));

        Assert.That(Floats(y[0]).Select(float.IsNaN), Is.EqualTo(Enumerable.Range(0, 100).Select(i => i == at)));
        Assert.That(Floats(y[1]).Select(float.IsNaN), Is.EqualTo(new[] { false, true, false }));
        Assert.That(y[2].AsSpan<int>().ToArray(), Is.EqualTo(new[] { 6, at, 2 }));
    }

    [Test]
    public void Every_element_that_equals_the_maximum_gets_the_gradient()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [Grad(Max(x), x)]);

        Assert.That(Floats(f.Call(Tensor.From([1f, 3, 2, 3]))[0]), Is.EqualTo(new float[] { 0, 1, 0, 1 }));
    }

    [Test]
    public void The_maximum_of_nothing_is_refused()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [Max(x)]);

        Assert.That(() => f.Call(new Tensor(DType.Float32, [0])), Throws.TypeOf<EngineException>()
            .With.Message.Contains("axis 0 has no elements"));
    }

    [Test]
    public void A_wrong_axis_is_refused_by_name([Values(2, -3)] int axis) =>
        Assert.That(() => Sum(Matrix("x"), [axis]), Throws.TypeOf<EngineException>().With.Message.Contains(
            $"'x' (float32 (?, ?)) has no axis {axis}."));

    [Test]
    public void An_axis_named_twice_is_refused() =>
        Assert.That(() => Sum(Matrix("x"), [1, -1]), Throws.TypeOf<EngineException>()
            .With.Message.Contains("name one twice"));

    private static float[] Floats(Tensor tensor) => tensor.AsSpan<float>().ToArray();
}
