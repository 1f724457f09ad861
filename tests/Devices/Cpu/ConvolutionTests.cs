using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class ConvolutionTests
{
    private static readonly int[] s_threads = [1, 2, 3, 16];

    private static readonly ConvShape[] s_shapes =
    [
        new(5, 1, 32, 32, 16, 3, 3, 1, 1, 0, 0, true),
        new(3, 16, 15, 15, 32, 2, 2, 1, 1, 0, 0, true),
        new(40, 3, 7, 6, 5, 2, 2, 1, 1, 0, 0, true),
        new(3, 32, 7, 7, 64, 2, 2, 1, 1, 0, 0, false),
        new(2, 7, 31, 33, 5, 1, 1, 1, 1, 0, 0, false),
        new(2, 300, 5, 4, 3, 3, 2, 2, 1, 1, 1, true),
        new(2, 3, 11, 13, 7, 5, 3, 2, 3, 2, 1, true),
        new(1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 2, false),
        new(0, 2, 5, 5, 3, 3, 3, 1, 1, 0, 0, true),
        new(2, 2, 2, 2, 3, 3, 3, 1, 1, 0, 0, true),
        new(2, 0, 4, 4, 3, 3, 3, 1, 1, 0, 0, true),
        new(2, 3, 4, 4, 0, 3, 3, 1, 1, 0, 0, true),
        // Winograd's tiles: all in one block, beyond the border, cut across, with more rows than a block, none
        // complete.
        new(3, 20, 8, 8, 18, 3, 3, 1, 1, 1, 1, true),
        new(2, 5, 19, 23, 60, 3, 3, 1, 1, 1, 1, false),
        new(1, 3, 3, 1200, 5, 3, 3, 1, 1, 1, 0, true),
        new(1, 130, 21, 40, 50, 3, 3, 1, 1, 0, 2, false),
        new(4, 3, 3, 3, 2, 3, 3, 1, 1, 0, 0, true),
        // Bands of rows, pieces of a row, few bands and many filters, strides that skip pixels.
        new(1, 40, 30, 31, 9, 5, 5, 1, 1, 2, 2, true),
        new(2, 20, 1, 2000, 3, 1, 9, 1, 1, 0, 4, false),
        new(1, 70, 7, 6, 110, 4, 2, 1, 1, 1, 1, false),
        new(2, 50, 40, 34, 3, 3, 3, 1, 1, 1, 1, false),
        new(2, 30, 33, 35, 8, 3, 3, 2, 2, 1, 1, true),
        new(1, 6, 41, 70, 10, 7, 7, 2, 2, 3, 3, false),
        new(2, 9, 20, 21, 12, 1, 1, 2, 2, 0, 0, true),
        new(2, 3, 23, 30, 4, 2, 3, 4, 5, 0, 1, true),
        new(1, 2, 9, 7, 3, 5, 5, 1, 1, 6, 7, true),
        // Images side by side for the filters' gradient, with fewer in the last group.
        new(37, 20, 4, 5, 9, 3, 3, 2, 2, 1, 1, false),
        new(53, 9, 7, 7, 21, 1, 1, 1, 1, 0, 0, true),
    ];

    [TestCaseSource(nameof(s_shapes))]
    public void A_convolution_and_its_gradients_are_those_of_the_plain_loops(object shape)
    {
        Check<float>((ConvShape)shape, 1);
        Check<double>((ConvShape)shape, 2);
    }

    [Test]
    public void So_they_are_for_random_shapes()
    {
        var random = new Random(11);
        for (int i = 0; i < 60; i++)
        {
            var shape = new ConvShape(
                random.Next(4), random.Next(1, 5), random.Next(12), random.Next(12),
                random.Next(1, 6), random.Next(1, 5), random.Next(1, 5), random.Next(1, 4), random.Next(1, 4),
                random.Next(4), random.Next(4), random.Next(2) == 0);
            Check<float>(shape, i);
            Check<double>(shape, i);
        }
    }

    [Test]
    public void Its_bits_do_not_depend_on_the_number_of_threads()
    {
        foreach ((ConvShape shape, ConvolutionPath path) in
            s_shapes.SelectMany(shape => Paths(shape).Select(path => (shape, path))))
        {
            float[][] results =
            [
                .. s_threads.Select(threads => Compute<float>(shape, path, threads, 3).SelectMany(x => x).ToArray()),
            ];

            foreach (float[] result in results[1..])
            {
                Assert.That(result, Is.EqualTo(results[0]), $"{shape} by {path}");
            }
        }
    }

    /// <summary>Returns the paths that a convolution can take, even slow ones.</summary>
    internal static IEnumerable<ConvolutionPath> Paths(ConvShape s) =>
        Winograd.Takes(s) ? Enum.GetValues<ConvolutionPath>() : [ConvolutionPath.Columns];

    /// <summary>
    /// Returns the allowed error of a sum for each of its terms, all below 1: F(2×2) is as exact as the sum itself,
    /// F(4×4) loses a digit.
    /// </summary>
    internal static double Unit<T>(ConvolutionPath path) =>
        (typeof(T) == typeof(float) ? 3e-7 : 1e-15) * (path == ConvolutionPath.Winograd4 ? 10 : 1);

    private static void Check<T>(ConvShape s, int seed)
        where T : unmanaged, INumber<T>
    {
        foreach (ConvolutionPath path in Paths(s))
        {
            Check<T>(s, path, seed);
        }
    }

    private static void Check<T>(ConvShape s, ConvolutionPath path, int seed)
        where T : unmanaged, INumber<T>
    {
        T[][] results = Compute<T>(s, path, 2, seed);
        double[][] actual = [.. results.Select(x => Array.ConvertAll(x, double.CreateChecked))];
        (double[] x, double[] w, double[] bias, double[] dy) = (actual[0], actual[1], actual[2], actual[3]);
        var y = new double[dy.Length];
        var (dx, dw, db) = (new double[x.Length], new double[w.Length], new double[s.O]);
        int outIndex = 0;
        for (int n = 0; n < s.N; n++)
        {
            for (int o = 0; o < s.O; o++)
            {
                for (int oh = 0; oh < s.OH; oh++)
                {
                    for (int ow = 0; ow < s.OW; ow++, outIndex++)
                    {
                        y[outIndex] = bias[o];
                        db[o] += dy[outIndex];
                        foreach ((int pixel, int tap) in Taps(s, oh, ow))
                        {
                            int at = (n * s.ImageSize) + pixel, weight = (o * s.Taps) + tap;
                            y[outIndex] += x[at] * w[weight];
                            dx[at] += dy[outIndex] * w[weight];
                            dw[weight] += dy[outIndex] * x[at];
                        }
                    }
                }
            }
        }

        double unit = Unit<T>(path);
        Compare(actual[4], y, (s.Taps + 1) * unit, $"y of {s} by {path}");
        Compare(actual[5], dx, ((s.O * s.KH * s.KW) + 1) * unit, $"dx of {s} by {path}");
        Compare(actual[6], dw, ((s.N * s.Pixels) + 1) * unit, $"dw of {s} by {path}");
        Compare(actual[7], db, ((s.N * s.Pixels) + 1) * unit, $"db of {s} by {path}");
    }

    private static IEnumerable<(int Pixel, int Tap)> Taps(ConvShape s, int oh, int ow)
    {
        for (int tap = 0; tap < s.Taps; tap++)
        {
            (int c, int within) = Math.DivRem(tap, s.KH * s.KW);
            (int kh, int kw) = Math.DivRem(within, s.KW);
            int i = (oh * s.StrideH) - s.PadH + (s.Flip ? s.KH - 1 - kh : kh);
            int j = (ow * s.StrideW) - s.PadW + (s.Flip ? s.KW - 1 - kw : kw);
            if (i >= 0 && i < s.H && j >= 0 && j < s.W)
            {
                yield return ((((c * s.H) + i) * s.W) + j, tap);
            }
        }
    }

    private static void Compare(double[] actual, double[] expected, double tolerance, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= tolerance))
            {
                Assert.Fail($"Element {i} of {what} is {actual[i]}, not {expected[i]}.");
            }
        }
    }

    /// <summary>Draws x, w, bias and dy at random, and computes y, dx, dw and db from them.</summary>
    private static T[][] Compute<T>(ConvShape s, ConvolutionPath path, int threads, int seed)
        where T : unmanaged, INumber<T>
    {
        var random = new Random(seed);
        int ySize = s.N * s.O * s.Pixels;
        using Native<T> x = new(s.N * s.ImageSize, random), w = new(s.O * s.Taps, random);
        using Native<T> bias = new(s.O, random), dy = new(ySize, random);
        using Native<T> y = new(ySize), dx = new(x.Count), dw = new(w.Count), db = new(s.O);
        using var team = new ThreadTeam(threads);
        Run(ConvolutionPass.Forward, memory => Convolution.Forward<T>(
            s, path, x.Pointer, w.Pointer, bias.Pointer, y.Pointer, memory.Bytes, threads));
        Run(ConvolutionPass.InputGradient, memory => Convolution.GradInput<T>(
            s, path, w.Pointer, dy.Pointer, dx.Pointer, memory.Bytes, threads));
        Run(ConvolutionPass.WeightsGradient, memory => Convolution.GradWeights<T>(
            s, path, x.Pointer, dy.Pointer, dw.Pointer, db.Pointer, memory.Bytes, threads));
        return [.. new[] { x, w, bias, dy, y, dx, dw, db }.Select(memory => memory.Span.ToArray())];

        void Run(ConvolutionPass pass, Func<Native<T>, Phase[]> phases)
        {
            using Native<T> workspace = new(Convolution.WorkspaceBytes<T>(pass, s, path, threads) / sizeof(T));
            team.Run(phases(workspace));
        }
    }
}
