using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class ImageOpTests
{
    private static readonly Tensor s_image = Tensor.From([1f, 2, 3, 4, 5, 6, 7, 8, 9], 1, 1, 3, 3);
    private static readonly Tensor s_filter = Tensor.From([1f, 10, 100, 1000], 1, 1, 2, 2);

    [TestCase(true, new float[] { 1245, 2356, 4578, 5689 })]
    [TestCase(false, new float[] { 5421, 6532, 8754, 9865 })]
    public void A_true_convolution_turns_the_filters(bool flipFilters, float[] expected)
    {
        Variable y = Conv2D(Constant(s_image), Constant(s_filter), flipFilters: flipFilters);

        Assert.That(Evaluate(y), Is.EqualTo(expected));
    }

    [TestCase(Border.Valid, 5, 7, ExpectedResult = "(1, 2, 5, 5)")]
    [TestCase(Border.Same, 5, 7, ExpectedResult = "(1, 2, 9, 11)")]
    [TestCase(Border.Same, 2, 4, ExpectedResult = "(1, 2, 9, 11)")]
    [TestCase(Border.Full, 5, 7, ExpectedResult = "(1, 2, 13, 17)")]
    [TestCase(Border.Full, 2, 2, ExpectedResult = "(1, 2, 10, 12)")]
    public string A_border_is_a_padding(Border border, int height, int width) =>
        Conv2D(Zeros([1, 3, 9, 11]), Zeros([2, 3, height, width]), border).Shape.ToString();

    [Test]
    public void A_border_needs_filters_whose_dimensions_are_known() => Assert.That(
        () => Conv2D(Zeros([1, 3, 9, 11]), Tensor4("w"), Border.Full),
        Throws.TypeOf<EngineException>().With.Message.Contains("known dimensions, not 'w' (float32 (?, ?, ?, ?))"));

    /// <summary>
    /// An option gives the gradient of a window to the first of equal maxima, as in PyTorch, or to each, as in Theano.
    /// </summary>
    [TestCase(2, 2, 0, true)]
    [TestCase(3, 1, 1, true)]
    [TestCase(3, 2, 1, true)]
    [TestCase(2, 3, 0, true)]
    [TestCase(3, 2, 0, false)]
    [TestCase(2, 2, 0, false)]
    [TestCase(2, 3, 0, false)]
    public void Ties_of_a_pool_go_where_they_are_asked_to(int size, int stride, int pad, bool ignoreBorder)
    {
        const int Dimension = 7;
        Tensor image =
            Tensor.From([.. Enumerable.Range(0, 2 * Dimension * Dimension).Select(i => (float)(i * 7919 % 11 % 4) - 2)],
                1, 2, Dimension, Dimension);
        foreach (PoolMode mode in (PoolMode[])[PoolMode.Max, PoolMode.MaxToAll])
        {
            Input x = Variable("x", DType.Float32, [1, 2, Dimension, Dimension]);
            Variable y = Pool(x, [size], mode, [stride], [pad], ignoreBorder),
                g = Reshape(CumSum(OnesLike(y)), ShapeDimensions(y));
            using var f = Function.Compile([x], [y, Grad(Sum(y * g), x)]);

            Tensor[] results = f.Call(image);

            float[] pooled = results[0].ToArray<float>(), gradient = new float[image.Shape.Count];
            int over = results[0].Shape[2];
            for (int window = 0; window < pooled.Length; window++)
            {
                int plane = window / (over * over), top = (window / over % over * stride) - pad,
                    left = (window % over * stride) - pad;
                int[] inside =
                    [.. Enumerable.Range(0, size * size).Select(k => (Row: top + (k / size), Column: left + (k % size)))
                        .Where(at => at.Row is >= 0 and < Dimension && at.Column is >= 0 and < Dimension)
                        .Select(at => (((plane * Dimension) + at.Row) * Dimension) + at.Column)];
                float max = inside.Max(i => image.AsSpan<float>()[i]);
                int[] equal = [.. inside.Where(i => image.AsSpan<float>()[i] == max)];
                Array.ForEach(mode == PoolMode.Max ? equal[..1] : equal, i => gradient[i] += window + 1);
                Assert.That(pooled[window], Is.EqualTo(max));
            }

            Assert.That(results[1].ToArray<float>(), Is.EqualTo(gradient), $"{mode}");
        }

        static Dimension[] ShapeDimensions(Variable y) =>
            [.. Enumerable.Range(0, y.Rank).Select(axis => (Dimension)DimensionOf(y, axis))];
    }

    [Test]
    public void The_gradient_of_a_pool_has_a_gradient_itself(
        [Values] PoolMode mode, [Values(2, 3)] int size, [Values] bool ignoreBorder)
    {
        (int stride, int pad) = ignoreBorder ? (size - 1, size - 2) : (2, 0);
        var random = new Random(5);
        Tensor image = Tensor.From([.. Enumerable.Range(0, 2 * 49).Select(_ => random.NextDouble() - 0.5)], 1, 2, 7, 7);

        VerifyGrad(x => Grad(Sum(Cubed(Pool(x[0], [size], mode, [stride], [pad], ignoreBorder))), x[0]), [image]);

        static Variable Cubed(Variable y) => y * y * y;
    }

    /// <summary>A sum has the windows that the other modes have, also those that the border cuts off.</summary>
    [Test]
    public void A_sum_pools_the_windows_of_every_other_mode(
        [Values(1, 2, 3)] int size, [Values(1, 2, 4)] int stride, [Values] bool isPadded, [Values] bool ignoreBorder,
        [Values(2, 7)] int dimension, [Values] bool knows)
    {
        int pad = isPadded ? size - 1 : 0;
        dimension = Math.Max(dimension, size - (2 * pad));
        Tensor image = Tensor.From([.. Enumerable.Range(1, dimension).Select(i => (float)(i * i))], 1, 1, dimension);
        Input x = Variable("x", DType.Float32, knows ? image.Shape : Shape.OfRank(3));
        Variable sums = Pool(x, [size], PoolMode.Sum, [stride], [pad], ignoreBorder);
        using var f = Function.Compile(
            [x], [sums, Pool(x, [size], PoolMode.Max, [stride], [pad], ignoreBorder), Grad(Sum(sums), x)]);

        Tensor[] results = f.Call(image);

        int windows = results[1].Shape[2];
        int[][] inside =
            [.. Enumerable.Range(0, windows).Select(window => Enumerable.Range((window * stride) - pad, size)
                .Where(at => at >= 0 && at < dimension).ToArray())];
        Assert.That(results[0].Shape, Is.EqualTo(results[1].Shape));
        Assert.That(results[0].ToArray<float>(),
            Is.EqualTo(inside.Select(window => window.Sum(at => (float)((at + 1) * (at + 1))))));
        Assert.That(results[2].ToArray<float>(), Is.EqualTo(
            Enumerable.Range(0, dimension).Select(at => (float)inside.Count(window => window.Contains(at)))));
    }

    [Test]
    public void Images_that_turn_out_too_small_are_refused_with_their_sizes()
    {
        Input x = Tensor4("x");
        using var f = Function.Compile([x], [MaxPool2D(x, (2, 2))]);

        var images = new Tensor(DType.Float32, [5, 1, 1, 4]);
        Assert.That(() => f.Call(images), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"maxPool2D cannot take float32 \(5, 1, 1, 4\): "
            + @"images of 1 by 4 are smaller than the pool \(2, 2\)\. Built at .*ImageOpTests"));
    }

    [Test]
    public void The_first_of_equal_maxima_takes_the_gradient()
    {
        Input x = Tensor4("x");
        using var f = Function.Compile([x], [Grad(Sum(MaxPool2D(x, (2, 2))), x)]);

        Tensor[] y = f.Call(Tensor.From([1f, 7, 3, 3, 7, 7, 3, 3], 1, 1, 2, 4));

        Assert.That(y[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 0, 1, 1, 0, 0, 0, 0, 0 }));
    }

    [TestCase(false, new float[] { 1, 2.5f, 5.5f, 7 })]
    [TestCase(true, new float[] { 0.25f, 1.25f, 2.75f, 7 })]
    public void A_mean_counts_the_padding_if_told_so(bool countPadding, float[] expected)
    {
        Variable x = Constant(Tensor.From([1f, 2, 3, 4, 5, 6, 7, 8, 9], 1, 1, 3, 3));

        float[] y = Evaluate(AveragePool2D(x, (2, 2), padding: (1, 1), countPadding: countPadding));

        Assert.That(y, Is.EqualTo(expected));
    }

    private static Constant Zeros(Shape shape) => Constant(new Tensor(DType.Float32, shape));

    private static float[] Evaluate(Variable x)
    {
        using var f = Function.Compile([], [x]);
        return f.Call()[0].AsSpan<float>().ToArray();
    }
}
