using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

/// <summary>
/// Properties that not every path has (see <see cref="ConvolutionTests"/>): widths, exactness, where it is used.
/// </summary>
public unsafe class WinogradTests
{
    private static readonly ConvShape[] s_shapes =
    [
        new(2, 5, 19, 23, 13, 3, 3, 1, 1, 1, 1, false),
        new(3, 3, 8, 8, 50, 3, 3, 1, 1, 0, 2, true),
    ];

    [Test]
    public void It_is_the_same_at_every_width([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        foreach (ConvShape shape in s_shapes)
        {
            CheckWidth<Winograd2, float>(shape, ConvolutionPath.Winograd2, width);
            CheckWidth<Winograd4, float>(shape, ConvolutionPath.Winograd4, width);
            CheckWidth<Winograd2, double>(shape, ConvolutionPath.Winograd2, width);
        }
    }

    /// <summary>
    /// The root mean square error relative to the results, for numbers of variance 1: F(2×2) is as exact as a sum of
    /// 576 products in order, F(4×4) ten times less.
    /// </summary>
    [TestCase("Columns", 5e-7)]
    [TestCase("Winograd2", 5e-7)]
    [TestCase("Winograd4", 5e-6)]
    public void Its_error_is_the_products_own_with_tiles_of_2_and_ten_times_that_with_tiles_of_4(
        string path, double bound)
    {
        var s = new ConvShape(2, 64, 20, 20, 32, 3, 3, 1, 1, 1, 1, false);
        var random = new Random(3);
        using Native<float> x = Normal(s.N * s.ImageSize, random), w = Normal(s.O * s.Taps, random);
        using Native<double> wideX = Wide(x), wideW = Wide(w);

        float[] y = Forward(s, Enum.Parse<ConvolutionPath>(path), x, w);
        double[] exact = Forward(s, ConvolutionPath.Columns, wideX, wideW);

        Assert.That(Error(y, exact), Is.LessThan(bound));
    }

    /// <summary>The same for the gradients; the filters' gradient is a sum of 800 products.</summary>
    [TestCase("Columns", 5e-7, 1e-6)]
    [TestCase("Winograd2", 5e-7, 1e-6)]
    [TestCase("Winograd4", 5e-6, 5e-6)]
    public void So_are_the_errors_of_its_gradients(string name, double imagesBound, double filtersBound)
    {
        var s = new ConvShape(2, 64, 20, 20, 32, 3, 3, 1, 1, 1, 1, false);
        ConvolutionPath path = Enum.Parse<ConvolutionPath>(name);
        var random = new Random(4);
        using Native<float> x = Normal(s.N * s.ImageSize, random), w = Normal(s.O * s.Taps, random);
        using Native<float> dy = Normal(s.N * s.O * s.Pixels, random);
        using Native<double> wideX = Wide(x), wideW = Wide(w), wideDy = Wide(dy);

        double images = Error(GradInput(s, path, w, dy), GradInput(s, ConvolutionPath.Columns, wideW, wideDy));
        double filters = Error(GradWeights(s, path, x, dy), GradWeights(s, ConvolutionPath.Columns, wideX, wideDy));

        Assert.That(images, Is.LessThan(imagesBound), "the images'");
        Assert.That(filters, Is.LessThan(filtersBound), "the filters'");
    }

    [TestCase(null, 8, 64, 56, 64, 3, 1)]
    [TestCase(null, 1, 64, 56, 64, 3, 1)]
    [TestCase("the stride is 2 × 2", 8, 64, 56, 64, 3, 2)]
    [TestCase("the filters are 5 × 5", 8, 64, 56, 64, 5, 1)]
    [TestCase("3 channels and 64 filters, less than 16, are too few for Winograd's transforms", 8, 3, 56, 64, 3, 1)]
    [TestCase("49 tiles, less than 64, are too few for transforming the filters", 1, 512, 14, 512, 3, 1)]
    [TestCase("planes of 1 × 1 leave too much of Winograd's tiles empty", 100, 64, 1, 64, 3, 1)]
    public void Where_another_path_is_faster_it_says_why(
        string? why, int images, int channels, int dimension, int filters, int filterDimension, int stride)
    {
        var shape = new ConvShape(
            images, channels, dimension, dimension, filters, filterDimension, filterDimension, stride, stride, 1, 1,
            false);

        Assert.That(Winograd.WhyNot(shape), Is.EqualTo(why));
    }

    /// <summary>Threads that take turns would hide a place that they share.</summary>
    [Test]
    public void Workers_share_no_memory([Values(2, 4)] int tile, [Values] bool isSums)
    {
        const int Workers = 3;
        foreach (ConvShape conv in s_shapes)
        {
            WinogradShape shape = isSums ? WinogradShape.OfSums(conv, tile) : WinogradShape.Of(conv, tile, Workers, 16);
            var memory = new WinogradMemory<float>(shape, null, isSums);
            List<(long From, long Count)> places = isSums
                ? [.. Enumerable.Range(0, memory.Chunks).Select(chunk => ((long)memory.Sums(chunk), memory.SumsSize))]
                : [((long)memory.FilterPlanes, shape.Products * memory.FilterPlane)];
            for (int worker = 0; worker < Workers; worker++)
            {
                places.Add(((long)memory.Patches(worker), shape.Products * memory.PatchPlane));
                places.Add(((long)memory.ProductPlanes(worker), shape.Products * memory.ProductPlane));
                places.Add(((long)memory.GradientPlanes(worker), shape.Products * memory.GradientPlane));
                places.Add(((long)memory.Scratch(worker), memory.HalfPlane));
            }

            long end = 0;
            foreach ((long from, long count) in places.Order())
            {
                Assert.That(from, Is.GreaterThanOrEqualTo(end), $"{conv}");
                end = from + (count * sizeof(float));
            }

            Assert.That(end, Is.LessThanOrEqualTo(memory.Bytes(Workers)), $"{conv}");
        }
    }

    private static void CheckWidth<F, T>(ConvShape s, ConvolutionPath path, int width)
        where F : struct, IWinograd
        where T : unmanaged, INumber<T>
    {
        var random = new Random(5);
        using Native<T> x = new(s.N * s.ImageSize, random), w = new(s.O * s.Taps, random);
        using Native<T> dy = new((long)s.N * s.O * s.Pixels, random), y = new(dy.Count), dw = new(w.Count);
        double unit = ConvolutionTests.Unit<T>(path);

        ForwardAt<F, T>(width, s, x, w, y);

        Compare(y, Forward(s, ConvolutionPath.Columns, x, w), (s.Taps + 1) * unit, $"y of {s} by {path}");

        GradWeightsAt<F, T>(width, s, x, dy, dw);

        T[] expected = GradWeights(s, ConvolutionPath.Columns, x, dy);
        Compare(dw, expected, ((s.N * s.Pixels) + 1) * unit, $"dw of {s} by {path}");
    }

    private static void ForwardAt<F, T>(int width, ConvShape s, Native<T> x, Native<T> w, Native<T> y)
        where F : struct, IWinograd
        where T : unmanaged, INumber<T>
    {
        var shape = WinogradShape.Of(s, F.Tile, 1, 16);
        using Native<byte> workspace = new(new WinogradMemory<T>(shape, null, false).Bytes(1));
        var memory = new WinogradMemory<T>(shape, workspace.Bytes, false);
        var filters = new Winograd.FiltersJob<F, T> { Conv = s, Memory = memory, End = s.O, ChannelStep = 9 };
        filters.W = w.Pointer;
        filters.FilterStep = s.Taps;
        Widths.Run<T, Winograd.FiltersJob<F, T>>(width, filters);
        for (int block = 0; block < shape.Blocks; block++)
        {
            var job = new Winograd.BlockJob<F, T> { Shape = shape, Memory = memory, Block = shape.Block(block) };
            job.X = x.Pointer;
            job.Target = new Winograd.Target<T> { Y = y.Pointer };
            Widths.Run<T, Winograd.BlockJob<F, T>>(width, job);
        }
    }

    private static void GradWeightsAt<F, T>(int width, ConvShape s, Native<T> x, Native<T> dy, Native<T> dw)
        where F : struct, IWinograd
        where T : unmanaged, INumber<T>
    {
        var shape = WinogradShape.OfSums(s, F.Tile);
        using Native<byte> workspace = new(new WinogradMemory<T>(shape, null, true).Bytes(1));
        var memory = new WinogradMemory<T>(shape, workspace.Bytes, true);
        var job = new Winograd.SumsJob<F, T> { Shape = shape, Memory = memory, Last = shape.Blocks };
        job.X = x.Pointer;
        job.Dy = dy.Pointer;
        job.Sums = memory.Sums(0);
        Widths.Run<T, Winograd.SumsJob<F, T>>(width, job);
        using var team = new ThreadTeam(1);
        team.Run(WeightSums.Add(s, memory.Sums(0), memory.Filters, 1, dw.Pointer, null));
    }

    private static T[] Forward<T>(ConvShape s, ConvolutionPath path, Native<T> x, Native<T> w)
        where T : unmanaged, INumber<T>
    {
        using Native<T> y = new((long)s.N * s.O * s.Pixels);
        using Native<byte> memory = new(Convolution.WorkspaceBytes<T>(ConvolutionPass.Forward, s, path, 1));
        using var team = new ThreadTeam(1);
        team.Run(Convolution.Forward<T>(s, path, x.Pointer, w.Pointer, null, y.Pointer, memory.Bytes, 1));
        return y.Span.ToArray();
    }

    private static T[] GradInput<T>(ConvShape s, ConvolutionPath path, Native<T> w, Native<T> dy)
        where T : unmanaged, INumber<T>
    {
        using Native<T> dx = new(s.N * s.ImageSize);
        using Native<byte> memory = new(Convolution.WorkspaceBytes<T>(ConvolutionPass.InputGradient, s, path, 1));
        using var team = new ThreadTeam(1);
        team.Run(Convolution.GradInput<T>(s, path, w.Pointer, dy.Pointer, dx.Pointer, memory.Bytes, 1));
        return dx.Span.ToArray();
    }

    private static T[] GradWeights<T>(ConvShape s, ConvolutionPath path, Native<T> x, Native<T> dy)
        where T : unmanaged, INumber<T>
    {
        using Native<T> dw = new(s.O * s.Taps);
        using Native<byte> memory = new(Convolution.WorkspaceBytes<T>(ConvolutionPass.WeightsGradient, s, path, 1));
        using var team = new ThreadTeam(1);
        team.Run(Convolution.GradWeights<T>(s, path, x.Pointer, dy.Pointer, dw.Pointer, null, memory.Bytes, 1));
        return dw.Span.ToArray();
    }

    /// <summary>Returns the root mean square of the errors, relative to the numbers.</summary>
    private static double Error(float[] actual, double[] exact) => Math.Sqrt(
        actual.Zip(exact, (one, other) => (one - other) * (one - other)).Sum() / exact.Sum(value => value * value));

    private static Native<float> Normal(long count, Random random)
    {
        var numbers = new Native<float>(count);
        foreach (ref float number in numbers.Span)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            number = (float)(radius * Math.Cos(Math.Tau * random.NextDouble()));
        }

        return numbers;
    }

    private static Native<double> Wide(Native<float> numbers)
    {
        var wide = new Native<double>(numbers.Count);
        Array.ConvertAll(numbers.Span.ToArray(), number => (double)number).CopyTo(wide.Span);
        return wide;
    }

    private static void Compare<T>(Native<T> actual, T[] expected, double tolerance, string what)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(double.CreateChecked(T.Abs(actual[i] - expected[i])) <= tolerance))
            {
                Assert.Fail($"Element {i} of {what} is {actual[i]}, not {expected[i]}.");
            }
        }
    }
}
