using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class ConvolutionTests
{
    private static readonly int[] s_threads = [1, 2, 3];

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
        foreach (ConvShape shape in s_shapes)
        {
            float[][] results =
                [.. s_threads.Select(threads => Compute<float>(shape, threads, 3).SelectMany(x => x).ToArray())];

            Assert.That(results[1], Is.EqualTo(results[0]), $"{shape}");
            Assert.That(results[2], Is.EqualTo(results[0]), $"{shape}");
        }
    }

    private static void Check<T>(ConvShape s, int seed)
        where T : unmanaged, INumber<T>
    {
        T[][] results = Compute<T>(s, 2, seed);
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

        double unit = typeof(T) == typeof(float) ? 3e-7 : 1e-15;
        Compare(actual[4], y, (s.Taps + 1) * unit, $"y of {s}");
        Compare(actual[5], dx, ((s.O * s.KH * s.KW) + 1) * unit, $"dx of {s}");
        Compare(actual[6], dw, ((s.N * s.Pixels) + 1) * unit, $"dw of {s}");
        Compare(actual[7], db, ((s.N * s.Pixels) + 1) * unit, $"db of {s}");
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

    /// <summary>x, w, bias and dy at random, and y, dx, dw and db from them.</summary>
    private static T[][] Compute<T>(ConvShape s, int threads, int seed)
        where T : unmanaged, INumber<T>
    {
        var random = new Random(seed);
        int ySize = s.N * s.O * s.Pixels;
        using Native<T> x = new(s.N * s.ImageSize, random), w = new(s.O * s.Taps, random);
        using Native<T> bias = new(s.O, random), dy = new(ySize, random);
        using Native<T> y = new(ySize), dx = new(x.Count), dw = new(w.Count), db = new(s.O);
        using Native<T> workspace = new(Convolution.WorkspaceBytes<T>(s, threads) / sizeof(T));
        using var team = new ThreadTeam(threads);
        team.Run(Convolution.Forward<T>(s, x.Pointer, w.Pointer, bias.Pointer, y.Pointer, workspace.Bytes));
        team.Run(Convolution.GradInput<T>(s, w.Pointer, dy.Pointer, dx.Pointer, workspace.Bytes));
        team.Run(Convolution.GradWeights<T>(s, x.Pointer, dy.Pointer, dw.Pointer, db.Pointer, workspace.Bytes));
        return [.. new[] { x, w, bias, dy, y, dx, dw, db }.Select(memory => memory.Span.ToArray())];
    }
}
