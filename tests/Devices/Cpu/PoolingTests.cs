using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class PoolingTests
{
    private static readonly PoolShape[] s_shapes =
    [
        new(20, 30, 30, 2, 2, 2, 2),
        new(20, 15, 15, 2, 2, 2, 2),
        new(20, 6, 6, 2, 2, 2, 2),
        new(3, 14, 9, 2, 2, 2, 2),
        new(3, 15, 15, 2, 2, 2, 2, IgnoreBorder: false),
        new(3, 31, 33, 3, 3, 2, 2, 1, 1),
        new(3, 7, 7, 3, 2, 3, 1, IgnoreBorder: false),
        new(2, 5, 5, 2, 2, 5, 4, IgnoreBorder: false),
        new(2, 1, 1, 2, 2, 2, 2),
        new(2, 0, 4, 2, 2, 2, 2),
        new(0, 4, 4, 2, 2, 2, 2),
        new(3, 16, 16, 16, 16, 16, 16),
        new(3, 7, 7, 7, 7, 1, 1),
        new(2, 9, 80, 3, 33, 4, 35, 1, 5, IgnoreBorder: false),
        new(2, 20, 70, 3, 3, 1, 1, 1, 1),
        new(2, 20, 100, 3, 3, 3, 3, 0, 2, IgnoreBorder: false),
        new(2, 9, 67, 5, 2, 1, 6),
    ];

    public static IEnumerable<object> Shapes()
    {
        foreach (PoolShape shape in s_shapes)
        {
            yield return shape;
        }

        var random = new Random(4);
        for (int i = 0; i < 40; i++)
        {
            int k = random.Next(1, 5), l = random.Next(1, 5);
            yield return new PoolShape(
                random.Next(1, 4), random.Next(14), random.Next(14), k, l, random.Next(1, 5), random.Next(1, 5),
                random.Next(k), random.Next(l), random.Next(2) == 0);
            yield return new PoolShape(
                2, random.Next(14), random.Next(60), k, 4 * l, random.Next(1, 5), random.Next(1, 7),
                random.Next(k), random.Next(l), random.Next(2) == 0);
        }
    }

    [TestCaseSource(nameof(Shapes))]
    public void Max_takes_the_first_maximum_and_its_gradient_goes_there(object shape)
    {
        CheckMax<float>((PoolShape)shape);
        CheckMax<double>((PoolShape)shape);
    }

    [TestCaseSource(nameof(Shapes))]
    public void Average_is_the_mean_of_a_window_and_its_gradient_is_shared_evenly(object shape)
    {
        foreach (bool countPadding in new[] { false, true })
        {
            CheckAverage<float>((PoolShape)shape, countPadding);
            CheckAverage<double>((PoolShape)shape, countPadding);
        }
    }

    [TestCase(4, 2, 2)]
    [TestCase(8, 2, 2)]
    [TestCase(80, 2, 2)]
    [TestCase(80, 40, 40)]
    public void A_window_with_a_NaN_has_the_first_NaN_as_its_maximum(int w, int size, int stride)
    {
        var shape = new PoolShape(1, 2, w, 2, size, 2, stride);
        using Native<float> x = new(2 * w);
        x.Span.Fill(float.NegativeInfinity);
        (x[1], x[w + 1], x[w + size], x[size + 1]) = (float.NaN, float.NaN, float.NaN, 5);

        (float[] y, int[] argmax) = Max(shape, x);

        Assert.That(argmax[..2], Is.EqualTo(new[] { 1, w + size }));
        Assert.That(y[..2], Is.All.NaN);
    }

    [TestCaseSource(nameof(Shapes))]
    public void A_window_of_negative_infinities_has_its_first_element_as_its_maximum_and_padding_has_none(object shape)
    {
        var s = (PoolShape)shape;
        using var x = new Native<float>(s.Planes * s.H * s.W);
        x.Span.Fill(float.NegativeInfinity);

        (float[] y, int[] argmax) = Max(s, x);

        Assert.That(y, Is.All.EqualTo(float.NegativeInfinity));
        Assert.That(argmax, Is.EqualTo(Windows(s).Select(at => Window(s, at.Row, at.Column).Append(-1).First())));
    }

    [Test]
    public void It_is_the_same_at_every_width([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        foreach (PoolShape shape in s_shapes)
        {
            CheckWidth<float>(shape, width);
            CheckWidth<double>(shape, width);
        }
    }

    [Test]
    public void The_number_of_windows_is_Theanos()
    {
        Assert.That(new PoolShape(1, 15, 15, 2, 2, 2, 2).OH, Is.EqualTo(7));
        Assert.That(new PoolShape(1, 15, 15, 2, 2, 2, 2, IgnoreBorder: false).OH, Is.EqualTo(8));
        Assert.That(new PoolShape(1, 6, 6, 3, 3, 2, 2, IgnoreBorder: false).OH, Is.EqualTo(3));
        Assert.That(new PoolShape(1, 5, 5, 3, 3, 2, 2, IgnoreBorder: false).OH, Is.EqualTo(2));
        Assert.That(new PoolShape(1, 5, 5, 3, 3, 2, 2, 1, 1).OH, Is.EqualTo(3));
    }

    /// <summary>Returns the positions in a plane that a window covers.</summary>
    private static int[] Window(PoolShape s, int oh, int ow) =>
    [
        .. from kh in Enumerable.Range((oh * s.StrideH) - s.PadH, s.KH)
           from kw in Enumerable.Range((ow * s.StrideW) - s.PadW, s.KW)
           where kh >= 0 && kh < s.H && kw >= 0 && kw < s.W
           select (kh * s.W) + kw,
    ];

    private static (float[] Y, int[] Argmax) Max(PoolShape s, Native<float> x)
    {
        using var y = new Native<float>(s.Planes * s.Pixels);
        using var argmax = new Native<int>(y.Count);
        using var workspace = new Native<byte>(Pooling.WorkspaceBytes<float>(s, 1));
        using var team = new ThreadTeam(1);
        team.Run(Pooling.Max(s, x.Pointer, y.Pointer, argmax.Pointer, workspace.Bytes));
        return (y.Span.ToArray(), argmax.Span.ToArray());
    }

    private static void CheckWidth<T>(PoolShape s, int width)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Random(11);
        using Native<T> x = new(s.Planes * s.H * s.W, random), y = new(s.Planes * s.Pixels), values = new(y.Count);
        using Native<T> dy = new(y.Count, random), dx = new(x.Count);
        using Native<T> y2 = new(y.Count), values2 = new(y.Count), dx2 = new(x.Count);
        using Native<int> argmax = new(y.Count), argmax2 = new(y.Count);
        using var workspace = new Native<byte>(Pooling.WorkspaceBytes<T>(s, 1));
        using var team = new ThreadTeam(1);
        team.Run(
        [
            .. Pooling.Average(s, true, x.Pointer, y.Pointer, workspace.Bytes),
            .. Pooling.AverageGrad(s, true, dy.Pointer, dx.Pointer, workspace.Bytes),
            .. Pooling.Max(s, x.Pointer, values.Pointer, argmax.Pointer, workspace.Bytes),
        ]);

        PoolMemory<T> memory = PoolMemory<T>.Of(s, workspace.Bytes, 0);
        var average = new Pooling.AverageJob<T> { Shape = s, Memory = memory, CountPadding = true, End = s.Planes };
        average.Images = x.Pointer;
        average.Pooled = y2.Pointer;
        Widths.Run<T, Pooling.AverageJob<T>>(width, average);
        average.Images = dx2.Pointer;
        average.Pooled = dy.Pointer;
        average.IsGradient = true;
        Widths.Run<T, Pooling.AverageJob<T>>(width, average);
        var max = new Pooling.MaxJob<T> { Shape = s, Memory = memory, End = s.Planes };
        max.X = x.Pointer;
        max.Y = values2.Pointer;
        max.Argmax = argmax2.Pointer;
        Widths.Run<T, Pooling.MaxJob<T>>(width, max);

        Assert.That(values2.Span.SequenceEqual(values.Span) && argmax2.Span.SequenceEqual(argmax.Span), $"max of {s}");
        for (int i = 0; i < y.Count; i++)
        {
            // Long rows are summed in the lanes of a vector.
            Assert.That(double.CreateChecked(T.Abs(y2[i] - y[i])), Is.LessThan(1e-6), $"mean {i} of {s}");
        }

        Assert.That(dx2.Span.SequenceEqual(dx.Span), $"dx of {s}");
    }

    private static void CheckMax<T>(PoolShape s)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Random(9);
        int size = s.H * s.W;
        using Native<T> x = new(s.Planes * size), dy = new(s.Planes * s.Pixels, random);
        using Native<T> y = new(dy.Count), dx = new(x.Count);
        using var argmax = new Native<int>(dy.Count);
        using var workspace = new Native<byte>(Pooling.WorkspaceBytes<T>(s, 2));
        // Only a few different values, so that there are many ties.
        x.Span.Clear();
        foreach (ref T value in x.Span)
        {
            value = T.CreateChecked(random.Next(-2, 3));
        }

        using var team = new ThreadTeam(2);
        team.Run(
        [
            .. Pooling.Max(s, x.Pointer, y.Pointer, argmax.Pointer, workspace.Bytes),
            .. Pooling.MaxGrad(s, dy.Pointer, argmax.Pointer, dx.Pointer),
        ]);

        var gradient = new T[x.Count];
        int i = 0;
        foreach ((int plane, int oh, int ow) in Windows(s))
        {
            int[] window = Window(s, oh, ow);
            T best = window.Length == 0 ? T.NegativeInfinity : window.Max(at => x[(plane * size) + at]);
            int first = window.Length == 0 ? -1 : window.First(at => x[(plane * size) + at] == best);
            if (y[i] != best || argmax[i] != first)
            {
                Assert.Fail($"Window ({oh}, {ow}) of {s}: {y[i]} at {argmax[i]}, not {best} at {first}.");
            }

            if (first >= 0)
            {
                gradient[(plane * size) + first] += dy[i];
            }

            i++;
        }

        Assert.That(dx.Span.SequenceEqual(gradient), $"dx of {s}");
    }

    private static void CheckAverage<T>(PoolShape s, bool countPadding)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Random(10);
        int size = s.H * s.W;
        using Native<T> x = new(s.Planes * size, random), dy = new(s.Planes * s.Pixels, random);
        using Native<T> y = new(dy.Count), dx = new(x.Count);
        using var workspace = new Native<byte>(Pooling.WorkspaceBytes<T>(s, 2));
        using var team = new ThreadTeam(2);
        team.Run(
        [
            .. Pooling.Average(s, countPadding, x.Pointer, y.Pointer, workspace.Bytes),
            .. Pooling.AverageGrad(s, countPadding, dy.Pointer, dx.Pointer, workspace.Bytes),
        ]);

        var gradient = new double[x.Count];
        int i = 0;
        foreach ((int plane, int oh, int ow) in Windows(s))
        {
            int[] window = Window(s, oh, ow);
            int rows = Math.Min(s.KH, s.H + (2 * s.PadH) - (oh * s.StrideH));
            int columns = Math.Min(s.KW, s.W + (2 * s.PadW) - (ow * s.StrideW));
            int count = countPadding ? rows * columns : Math.Max(window.Length, 1);
            double mean = window.Sum(at => double.CreateChecked(x[(plane * size) + at])) / count;
            if (!(Math.Abs(double.CreateChecked(y[i]) - mean) < 1e-6))
            {
                Assert.Fail($"Window ({oh}, {ow}) of {s}: {y[i]}, not {mean}.");
            }

            foreach (int at in window)
            {
                gradient[(plane * size) + at] += double.CreateChecked(dy[i]) / count;
            }

            i++;
        }

        for (int at = 0; at < gradient.Length; at++)
        {
            Assert.That(double.CreateChecked(dx[at]), Is.EqualTo(gradient[at]).Within(1e-5), $"dx[{at}] of {s}");
        }
    }

    private static IEnumerable<(int Plane, int Row, int Column)> Windows(PoolShape s) =>
        from plane in Enumerable.Range(0, s.Planes)
        from oh in Enumerable.Range(0, s.OH)
        from ow in Enumerable.Range(0, s.OW)
        select (plane, oh, ow);
}
