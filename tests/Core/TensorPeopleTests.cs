using System.Numerics.Tensors;

namespace Engine.Tests.Core;

/// <summary>Convenient use of tensors: parts, numbers, C#'s arrays; values and shapes are NumPy's.</summary>
public sealed class TensorPeopleTests
{
    private static readonly Tensor s_x = Tensor.From([.. Enumerable.Range(0, 24)], 2, 3, 4);

    private static IEnumerable<TestCaseData> Parts =>
    [
        Of(t => t[1], [3, 4], 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23),
        Of(t => t[1, 2, 3], [], 23),
        Of(t => t[-1, -3, ^4], [], 12),
        Of(t => t[0, 1], [4], 4, 5, 6, 7),
        Of(t => t[.., ^1], [2, 4], 8, 9, 10, 11, 20, 21, 22, 23),
        Of(t => t[1.., 0..2, 3], [1, 2], 15, 19),
        Of(t => t[.., 1, 1..3], [2, 2], 5, 6, 17, 18),
        Of(t => t[0..0], [0, 3, 4]),
        Of(t => t[0, ..^1, ^2..], [2, 2], 2, 3, 6, 7),
        Of(t => t[..][1][2], [4], 20, 21, 22, 23),
    ];

    [TestCaseSource(nameof(Parts))]
    public void A_part_is_what_NumPy_says(Func<Tensor, Tensor> of, int[] shape, int[] values)
    {
        Tensor part = of(s_x);

        Assert.That(part.Shape.ToArray(), Is.EqualTo(shape));
        Assert.That(part.ToArray<int>(), Is.EqualTo(values));
    }

    [Test]
    public void A_part_is_a_copy()
    {
        Tensor x = Tensor.From([1f, 2, 3]);

        x[1..].AsSpan<float>()[0] = 7;
        x.ToArray<float>()[2] = 7;

        Assert.That(x.ToString(), Is.EqualTo("[1. 2. 3.]"));
    }

    [Test]
    public void A_single_number_converts()
    {
        Assert.That((double)s_x[1, 0, 2], Is.EqualTo(14));
        Assert.That((float)Tensor.From([0.5f]), Is.EqualTo(0.5f));
        Assert.That((int)Tensor.Scalar(2.9), Is.EqualTo(2));
        Assert.That((long)Tensor.Scalar(1L << 60), Is.EqualTo(1L << 60));
        Assert.That((bool)Tensor.Scalar(0.5f), Is.True);
        Assert.That(s_x[1, 0, 2].ToString(), Is.EqualTo("14"));
    }

    [Test]
    public void Arrays_of_several_axes_are_copied_in()
    {
        float[,] two = { { 1, 2, 3 }, { 4, 5, 6 } };
        Tensor x = Tensor.From(two);
        two[0, 0] = 9;

        Assert.That(x.Shape, Is.EqualTo(new Shape(2, 3)));
        Assert.That(x.ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(Tensor.From(new long[2, 0, 3]).Shape, Is.EqualTo(new Shape(2, 0, 3)));
        Assert.That((int)Tensor.From(new int[,,,] { { { { 1, 2 } }, { { 3, 4 } } } })[0, 1, 0, 1], Is.EqualTo(4));
        Assert.That(Tensor.From(new bool[,] { { true }, { false } }).ToString(), Is.EqualTo("[[ True]\n [False]]"));
    }

    [Test]
    public void The_runtimes_spans_of_tensors_see_the_same_memory()
    {
        Tensor x = Tensor.From([.. Enumerable.Range(0, 6).Select(i => (float)i)], 2, 3);
#pragma warning disable SYSLIB5001
        var span = new TensorSpan<float>(x.AsSpan<float>(), [.. x.Shape.Select(dimension => (nint)dimension)], default);
        ReadOnlyTensorSpan<float> read = span;
        span[1, 2] = 9;

        Assert.That(read[1, 2], Is.EqualTo(9));
#pragma warning restore SYSLIB5001
        Assert.That((float)x[1, 2], Is.EqualTo(9));
    }

    [Test]
    public void Rows_that_do_not_exist_are_named()
    {
        Assert.That(Message(() => s_x.Rows(1, 2)),
            Is.EqualTo("A tensor of shape (2, 3, 4) does not have 2 rows from row 1 on."));
        Assert.That(Message(() => s_x.Rows(-1, 1)), Does.EndWith("does not have 1 rows from row -1 on."));
        Assert.That(Message(() => s_x.Rows(0, -1)), Does.EndWith("does not have -1 rows from row 0 on."));
        Assert.That(Message(() => s_x.Rows(int.MaxValue, int.MaxValue)), Does.Contain("rows from row 2147483647 on."));
        Assert.That(Message(() => s_x.Rows([0, 2])), Is.EqualTo("A tensor of shape (2, 3, 4) has no row 2."));
        Assert.That(Message(() => s_x.Rows([-1])), Does.EndWith("has no row -1."));
        Assert.That(
            Message(() => Tensor.Scalar(1f).Rows(0, 1)), Does.StartWith("A tensor of shape () does not have 1 rows"));
        Assert.That(Message(() => Tensor.Scalar(1f).Rows([])), Is.EqualTo("A tensor without dimensions has no rows."));
        Assert.That(Message(() => _ = s_x[int.MinValue]), Is.EqualTo("The index -2147483648 lies outside every axis."));
        Assert.That(s_x.Rows(2, 0).Shape, Is.EqualTo(new Shape(0, 3, 4)));

        static string Message(Action act) => Assert.Throws<EngineException>(() => act())!.Message;
    }

    [Test]
    public void What_lies_outside_is_named()
    {
        Assert.That(Message(() => _ = s_x[2]),
            Is.EqualTo("The index 2 lies outside axis 0, of size 2, of a tensor of shape (2, 3, 4)."));
        Assert.That(Message(() => _ = s_x[0, -4]), Does.StartWith("The index ^4 lies outside axis 1, of size 3"));
        Assert.That(Message(() => _ = s_x[.., 1..4]), Does.StartWith("The range 1..4 lies outside axis 1, of size 3"));
        Assert.That(Message(() => _ = s_x[0, 0, 0, 0]), Is.EqualTo("A tensor of shape (2, 3, 4) has 3 axes, not 4."));
        Assert.That(Message(() => _ = (float)s_x[0, 0]),
            Is.EqualTo("A tensor of shape (4) is no single number: it has 4 elements."));
        Assert.That(Message(() => s_x.ToArray<float>()), Is.EqualTo("The tensor holds int32, not float32."));

        static string Message(Action act) => Assert.Throws<EngineException>(() => act())!.Message;
    }

    private static TestCaseData Of(Func<Tensor, Tensor> of, int[] shape, params int[] values) =>
        new TestCaseData(of, shape, values).SetArgDisplayNames(
            $"({string.Join(", ", shape)})", string.Join(' ', values));
}
