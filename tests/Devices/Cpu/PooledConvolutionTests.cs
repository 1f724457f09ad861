using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class PooledConvolutionTests
{
    private static readonly int[] s_threads = [1, 2, 3, 16];

    private static readonly ConvShape[] s_shapes =
    [
        new(5, 1, 32, 32, 16, 3, 3, 1, 1, 0, 0, true),
        new(3, 16, 15, 15, 32, 2, 2, 1, 1, 0, 0, true),
        new(3, 32, 7, 7, 64, 2, 2, 1, 1, 0, 0, false),
        new(40, 3, 7, 6, 5, 2, 2, 1, 1, 0, 0, true),
        new(2, 5, 9, 11, 7, 5, 3, 1, 1, 2, 1, true),
        new(2, 17, 6, 5, 33, 3, 3, 1, 1, 1, 1, false),
        new(1, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0, true),
        new(0, 2, 5, 5, 3, 3, 3, 1, 1, 0, 0, true),
        new(2, 50, 7, 9, 60, 3, 3, 1, 1, 1, 1, true),
    ];

    [TestCaseSource(nameof(s_shapes))]
    public void It_is_the_convolution_then_the_pooling_and_so_are_its_gradients(object shape)
    {
        Check<float>((ConvShape)shape, 1);
        Check<double>((ConvShape)shape, 2);
    }

    [Test]
    public void So_they_are_for_random_shapes()
    {
        var random = new Random(12);
        for (int i = 0; i < 60; i++)
        {
            var shape = new ConvShape(
                random.Next(4), random.Next(1, 7), random.Next(4, 12), random.Next(4, 12), random.Next(1, 40),
                random.Next(1, 4), random.Next(1, 4), 1, 1, random.Next(3), random.Next(3), random.Next(2) == 0);
            Check<float>(shape, i);
            Check<double>(shape, i);
        }
    }

    [Test]
    public void Its_bits_do_not_depend_on_the_number_of_threads()
    {
        foreach ((ConvShape shape, ConvolutionPath path) in
            s_shapes.SelectMany(shape => ConvolutionTests.Paths(shape).Select(path => (shape, path))))
        {
            Results<float>[] results =
                [.. s_threads.Select(threads => new Results<float>(shape, path, threads, 3, true))];
            for (int i = 1; i < results.Length; i++)
            {
                Assert.That(results[i].Y, Is.EqualTo(results[0].Y), $"{shape}");
                Assert.That(results[i].Argmax, Is.EqualTo(results[0].Argmax), $"{shape}");
                Assert.That(results[i].Dw, Is.EqualTo(results[0].Dw), $"{shape}");
                Assert.That(results[i].Db, Is.EqualTo(results[0].Db), $"{shape}");
                Assert.That(results[i].Dx, Is.EqualTo(results[0].Dx), $"{shape}");
            }
        }
    }

    [TestCase(2, 6)]
    [TestCase(3)]
    [TestCase(6, 7)]
    [TestCase(7)]
    public void The_first_of_several_maxima_is_taken_and_NaN_is_larger_than_all(params int[] indices)
    {
        var shape = new ConvShape(1, 1, 2, 4, 1, 1, 1, 1, 1, 0, 0, false);
        float[] image = [1, 1, 5, float.PositiveInfinity, 1, 1, 4, 5];
        Array.ForEach(indices, index => image[index] = float.NaN);

        (float[] y, int[] argmax) = Forward(shape, image, [2f]);

        Assert.That(y, Is.EqualTo(new[] { 2, float.NaN }));
        Assert.That(argmax, Is.EqualTo(new[] { 0, indices[0] }));
    }

    [Test]
    public void An_infinite_gradient_reaches_its_own_patch_alone()
    {
        var shape = new ConvShape(1, 1, 4, 4, 1, 1, 1, 1, 1, 0, 0, false);
        using Native<float> x = new(16, new Random(1)), w = new(1, new Random(2)), dy = new(4), dx = new(16),
            dw = new(1);
        using Native<int> argmax = new(4);
        using Native<byte> workspace = new(PooledConvolution.GradientBytes<float>(shape, ConvolutionPath.Columns, 1));
        new[] { float.PositiveInfinity, 1, 2, 3 }.CopyTo(dy.Span);
        new[] { 0, 2, 8, 10 }.CopyTo(argmax.Span);
        using var team = new ThreadTeam(1);
        team.Run(PooledConvolution.Gradients<float>(
            shape, ConvolutionPath.Columns, x.Pointer, w.Pointer, dy.Pointer, argmax.Pointer, dw.Pointer, null,
            dx.Pointer, workspace.Bytes,
            1));

        Assert.That(float.IsInfinity(dx[0]));
        Assert.That(dx.Span[1..].ToArray(), Has.All.Matches<float>(float.IsFinite));
    }

    private static (float[] Y, int[] Argmax) Forward(ConvShape s, float[] image, float[] filters)
    {
        using Native<float> x = new(image.Length), w = new(filters.Length), y = new(2);
        using Native<int> argmax = new(2);
        using Native<byte> workspace = new(PooledConvolution.ForwardBytes<float>(s, ConvolutionPath.Columns, 1));
        image.CopyTo(x.Span);
        filters.CopyTo(w.Span);
        using var team = new ThreadTeam(1);
        team.Run(PooledConvolution.Forward<float>(
            s, ConvolutionPath.Columns, x.Pointer, w.Pointer, null, y.Pointer, argmax.Pointer, workspace.Bytes, 1));
        return (y.Span.ToArray(), argmax.Span.ToArray());
    }

    private static void Check<T>(ConvShape s, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!PooledConvolution.Takes(s))
        {
            return;
        }

        foreach (ConvolutionPath path in ConvolutionTests.Paths(s))
        {
            Results<T> fused = new(s, path, 2, seed, true), apart = new(s, path, 2, seed, false);
            double unit = ConvolutionTests.Unit<T>(path);
            Assert.That(fused.Argmax, Is.EqualTo(apart.Argmax), $"argmax of {s}");
            Compare(fused.Y, apart.Y, (s.Taps + 1) * unit, $"y of {s}");
            Compare(fused.Dx, apart.Dx, ((s.O * s.KH * s.KW) + 1) * unit, $"dx of {s}");
            Compare(fused.Dw, apart.Dw, ((s.N * s.Pixels) + 1) * unit, $"dw of {s}");
            Compare(fused.Db, apart.Db, ((s.N * s.Pixels) + 1) * unit, $"db of {s}");
        }
    }

    private static void Compare<T>(T[] actual, T[] expected, double tolerance, string what)
        where T : INumber<T>
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(double.CreateChecked(T.Abs(actual[i] - expected[i])) <= tolerance))
            {
                Assert.Fail($"Element {i} of {what} is {actual[i]}, not {expected[i]}.");
            }
        }
    }

    /// <summary>The results for random images, in one pass or as two ops.</summary>
    private sealed class Results<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public Results(ConvShape s, ConvolutionPath path, int threads, int seed, bool fused)
        {
            var random = new Random(seed);
            int pooled = s.N * s.O * (s.OH / 2) * (s.OW / 2), plain = s.N * s.O * s.Pixels;
            var pool = new PoolShape(s.N * s.O, s.OH, s.OW, 2, 2, 2, 2);
            using Native<T> x = new(s.N * s.ImageSize, random), w = new(s.O * s.Taps, random);
            using Native<T> bias = new(s.O, random), dy = new(pooled, random);
            using Native<T> y = new(pooled), dx = new(x.Count), dw = new(w.Count), db = new(s.O);
            using Native<T> full = new(plain), dfull = new(plain);
            using Native<int> argmax = new(pooled);
            using Native<byte> workspace = new(Enum.GetValues<ConvolutionPass>()
                .Select(pass => Convolution.WorkspaceBytes<T>(pass, s, path, threads))
                .Append(PooledConvolution.ForwardBytes<T>(s, path, threads))
                .Append(PooledConvolution.GradientBytes<T>(s, path, threads))
                .Max());
            using var team = new ThreadTeam(threads);
            if (fused)
            {
                team.Run(PooledConvolution.Forward<T>(
                    s, path, x.Pointer, w.Pointer, bias.Pointer, y.Pointer, argmax.Pointer, workspace.Bytes, threads));
                team.Run(PooledConvolution.Gradients<T>(
                    s, path, x.Pointer, w.Pointer, dy.Pointer, argmax.Pointer, dw.Pointer, db.Pointer, dx.Pointer,
                    workspace.Bytes, threads));
            }
            else
            {
                team.Run(Convolution.Forward<T>(
                    s, path, x.Pointer, w.Pointer, bias.Pointer, full.Pointer, workspace.Bytes, threads));
                using Native<byte> scratch = new(Pooling.WorkspaceBytes<T>(pool, threads));
                team.Run(Pooling.Max<T>(pool, full.Pointer, y.Pointer, argmax.Pointer, scratch.Bytes));
                team.Run(Pooling.MaxGrad<T>(pool, dy.Pointer, argmax.Pointer, dfull.Pointer));
                team.Run(Convolution.GradInput<T>(
                    s, path, w.Pointer, dfull.Pointer, dx.Pointer, workspace.Bytes, threads));
                team.Run(Convolution.GradWeights<T>(
                    s, path, x.Pointer, dfull.Pointer, dw.Pointer, db.Pointer, workspace.Bytes, threads));
            }

            (Y, Argmax) = (y.Span.ToArray(), argmax.Span.ToArray());
            (Dw, Db, Dx) = (dw.Span.ToArray(), db.Span.ToArray(), dx.Span.ToArray());
        }

        public T[] Y { get; }

        public int[] Argmax { get; }

        public T[] Dw { get; }

        public T[] Db { get; }

        public T[] Dx { get; }
    }
}
