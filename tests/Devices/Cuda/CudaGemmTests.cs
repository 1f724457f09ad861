using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Ops;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Matrix products in every tile, of which the ops' examples select only some.</summary>
[TestFixture]
public sealed class CudaGemmTests
{
    private static readonly bool[] s_both = [false, true];

    private static IEnumerable<TestCaseData> Variants =>
        from i in Enumerable.Range(0, CudaTile.All.Count)
        from a in s_both
        from b in s_both
        select new TestCaseData(i, a, b).SetArgDisplayNames(
            $"{CudaTile.All[i].M}x{CudaTile.All[i].N}x{CudaTile.All[i].K}", a ? "aT" : "a", b ? "bT" : "b");

    [TestCaseSource(nameof(Variants))]
    public void A_tile_gives_the_product_of_any_dimensions(int index, bool transposeA, bool transposeB)
    {
        CudaTile tile = CudaTile.All[index];
        var random = new Random(tile.M + tile.N);

        // One tile and several, with dimensions that are multiples of a vector's, of a tile's, and of neither.
        Check(random, tile, new GemmShape(tile.M + 4, tile.N + 8, (2 * tile.K) + 4, transposeA, transposeB), parts: 1);
        Check(random, tile, new GemmShape(tile.M + 3, tile.N + 1, tile.K + 1, transposeA, transposeB), parts: 1);
        Check(random, tile, new GemmShape(1, 3, 5, transposeA, transposeB), parts: 1);
    }

    [TestCase(2, 20, TestName = "Parts_are_joined(2 in one round)")]
    [TestCase(16, 16 * 32, TestName = "Parts_are_joined(16 in one round)")]
    [TestCase(19, 20 * 32, TestName = "Parts_are_joined(19 in two rounds, the last of three)")]
    [TestCase(8, 33, TestName = "Parts_are_joined(of which some are empty)")]
    public void Parts_are_joined(int parts, int k)
    {
        var shape = new GemmShape(33, 34, k);
        double[] first = Check(new Random(1), CudaTile.All[^1], shape, parts);
        double[] again = Check(new Random(1), CudaTile.All[^1], shape, parts);

        Assert.That(again, Is.EqualTo(first), "the order of blocks changes the sum");
    }

    [Test]
    public void Joining_leaves_the_counters_as_it_found_them()
    {
        using var scratch = new CudaScratch();
        var shape = new GemmShape(40, 40, 300);
        float[] a = Numbers(new Random(2), 40 * 300), b = Numbers(new Random(3), 300 * 40);
        CudaTiling tiling = Tiling(CudaTile.All[^1], shape, 9);
        ulong left = scratch.Put(a), right = scratch.Put(b),
            workspace = scratch.Reserve(tiling.Workspace(DType.Float32));
        ulong[] results = [.. Enumerable.Range(0, 3).Select(_ => scratch.Reserve(40 * 40 * 4))];

        // One kernel, launched three times: unless the counters are reset to 0, no block sees itself as the last.
        scratch.Run([.. results.Select(c => CudaGemm.Launch(
            tiling, shape, DType.Float32, new GemmAddresses(left, right, c, Workspace: workspace)))]);

        foreach (ulong c in results)
        {
            RequireClose(scratch.Get(c), Expected(shape, a, b));
        }
    }

    [Test]
    public void Parts_are_joined_in_double_too()
    {
        using var scratch = new CudaScratch();
        var shape = new GemmShape(17, 66, 200, TransposeB: true);
        double[] a = [.. Numbers(new Random(4), 17 * 200)], b = [.. Numbers(new Random(5), 200 * 66)];
        foreach (CudaTile tile in CudaTile.All.Where(tile => tile.Takes(DType.Float64)))
        {
            CudaTiling tiling = Tiling(tile, shape, 3);
            ulong c = scratch.Reserve(17 * 66 * 8), workspace = scratch.Reserve(tiling.Workspace(DType.Float64));
            var at = new GemmAddresses(scratch.Put(a), scratch.Put(b), c, Workspace: workspace);

            scratch.Run(CudaGemm.Launch(tiling, shape, DType.Float64, at));

            RequireClose(scratch.Get(c, DType.Float64), Expected(shape, a, b), 1e-12);
        }
    }

    [Test]
    public void An_epilogue_adds_a_bias_and_rectifies([Values(1, 3)] int parts)
    {
        using var scratch = new CudaScratch();
        var shape = new GemmShape(35, 20, 70);
        var random = new Random(6);
        float[] a = Numbers(random, 35 * 70), b = Numbers(random, 70 * 20), bias = Numbers(random, 20);
        CudaTiling tiling = Tiling(CudaTile.All[^1], shape, parts);
        ulong c = scratch.Reserve(35 * 20 * 4);
        var at = new GemmAddresses(
            scratch.Put(a), scratch.Put(b), c, Workspace: scratch.Reserve(tiling.Workspace(DType.Float32)));
        var epilogue = new CudaEpilogue("x = maximum(x + bias[j], T(0));", ("const T* bias", scratch.Put(bias)));

        scratch.Run(CudaGemm.Launch(tiling, shape, DType.Float32, at, epilogue));

        RequireClose(scratch.Get(c), [.. Expected(shape, a, b).Select((x, i) => Math.Max(0, x + bias[i % 20]))]);
    }

    [Test]
    public void An_epilogue_updates_weights_by_their_gradient_and_the_bias_by_the_sums([Values] bool transposeA)
    {
        const int M = 36, N = 10, K = 64;
        using var scratch = new CudaScratch();
        var shape = new GemmShape(M, N, K, TransposeA: transposeA);
        var random = new Random(7);
        float[] a = Numbers(random, M * K), b = Numbers(random, K * N);
        float[] w = Numbers(random, M * N), v = Numbers(random, M * N), bias = Numbers(random, N);
        CudaTiling tiling = CudaGemm.Tiling(shape, DType.Float32, withSums: true);
        ulong weights = scratch.Put(w), velocity = scratch.Put(v), biases = scratch.Put(bias);
        var at = new GemmAddresses(
            scratch.Put(a), scratch.Put(b), weights, biases, scratch.Reserve(tiling.Workspace(DType.Float32)));
        var update = new CudaEpilogue(
            $"{{ int at = i * {N} + j; T v = momentum * velocity[at] - rate * x; velocity[at] = v; x = c[at] + v; }}",
            ("T* velocity", velocity), ("T momentum", 0.5f), ("T rate", 0.25f));

        scratch.Run(CudaGemm.Launch(
            tiling, shape, DType.Float32, at, update, sumsText: "x = sums[j] - rate * x;"));

        double[] gradient = Expected(shape, a, b);
        double[] moved = [.. gradient.Select((g, i) => (0.5 * v[i]) - (0.25 * g))];
        double[] sums =
            [.. Enumerable.Range(0, N).Select(j => Enumerable.Range(0, K).Sum(k => (double)b[(k * N) + j]))];
        RequireClose(scratch.Get(velocity), moved);
        RequireClose(scratch.Get(weights), [.. moved.Select((d, i) => w[i] + d)]);
        RequireClose(scratch.Get(biases), [.. sums.Select((sum, j) => bias[j] - (0.25 * sum))]);
    }

    [Test]
    public void Copies_through_registers_give_what_asynchronous_ones_do()
    {
        var shape = new GemmShape(70, 68, 52);
        foreach (CudaTile tile in CudaTile.All)
        {
            double[] asynchronous = Check(new Random(8), tile, shape, 2);
            double[] staged = Check(new Random(8), tile, shape, 2, ["ASYNC_COPIES 0"]);

            Assert.That(staged, Is.EqualTo(asynchronous));
        }
    }

    [Test]
    public void Matrices_that_are_not_aligned_are_copied_by_single_elements()
    {
        using var scratch = new CudaScratch();
        var shape = new GemmShape(40, 40, 40);
        float[] a = Numbers(new Random(9), 1600), b = Numbers(new Random(10), 1600);
        ulong c = scratch.Reserve(6400, offset: 4);
        var at = new GemmAddresses(scratch.Put(a, offset: 4), scratch.Put(b, offset: 8), c);

        scratch.Run(CudaGemm.Launch(Tiling(CudaTile.All[^1], shape, 1), shape, DType.Float32, at));

        RequireClose(scratch.Get(c), Expected(shape, a, b));
    }

    [TestCase(128, 100, 1024, Description = "the perceptron's first layer")]
    [TestCase(1024, 100, 128, Description = "its gradient")]
    [TestCase(128, 200, 576, Description = "the convolutional network's dense layer")]
    [TestCase(2048, 2048, 2048, Description = "a large product")]
    public void Products_of_the_networks_keep_most_of_a_gpu_busy(int m, int n, int k)
    {
        CudaTiling tiling = CudaTiling.Choose(m, n, k, DType.Float32);

        Assert.That(tiling.Down * tiling.Across * tiling.Splits, Is.GreaterThanOrEqualTo(64), $"{tiling}");
    }

    /// <summary>A grid has at most 65,535 blocks along z, and the block of a product is one of them.</summary>
    [Test]
    public void More_products_than_a_grid_has_blocks_along_z_are_all_computed()
    {
        const int Count = 65_540;
        using var scratch = new CudaScratch();
        var shape = new GemmShape(1, 2, 3);
        float[] a = Numbers(new Random(11), Count * 3), b = Numbers(new Random(12), Count * 6);
        ulong c = scratch.Reserve(Count * 2 * sizeof(float));
        var at = new GemmAddresses(scratch.Put(a), scratch.Put(b), c);

        scratch.Run(CudaGemm.Batched(shape, Count, DType.Float32, at, 3, 6));

        RequireClose(scratch.Get(c), [.. Enumerable.Range(0, Count).SelectMany(i =>
            Expected(shape, a[(3 * i)..(3 * (i + 1))], b[(6 * i)..(6 * (i + 1))]))]);
    }

    private static double[] Check(Random random, CudaTile tile, GemmShape shape, int parts, string[]? more = null)
    {
        using var scratch = new CudaScratch();
        float[] a = Numbers(random, shape.M * shape.K), b = Numbers(random, shape.K * shape.N);
        CudaTiling tiling = Tiling(tile, shape, parts);
        ulong c = scratch.Reserve(shape.M * shape.N * 4);
        var at = new GemmAddresses(
            scratch.Put(a), scratch.Put(b), c, Workspace: scratch.Reserve(tiling.Workspace(DType.Float32)));
        KernelLaunch launch = CudaGemm.Launch(tiling, shape, DType.Float32, at);
        if (more is not null)
        {
            var kernel = (CudaKernel)launch.Function;
            launch = (kernel with { Defines = [.. more, .. kernel.Defines] }).Launch(
                tiling.Grid, tile.Threads, at.A, at.B, at.C, at.Sums, at.Workspace, shape.M, shape.N, shape.K);
        }

        scratch.Run(launch);

        double[] product = scratch.Get(c);
        RequireClose(product, Expected(shape, a, b));
        return product;
    }

    private static CudaTiling Tiling(CudaTile tile, GemmShape shape, int parts)
    {
        (int down, int across) = tile.Cover(shape.M, shape.N);
        return new CudaTiling(tile, down, across, parts);
    }

    private static float[] Numbers(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];

    private static double[] Expected(GemmShape shape, float[] a, float[] b) =>
        Expected(shape, [.. a.Select(x => (double)x)], [.. b.Select(x => (double)x)]);

    private static double[] Expected(GemmShape shape, double[] a, double[] b)
    {
        (int m, int n, int k) = (shape.M, shape.N, shape.K);
        var c = new double[m * n];
        for (int at = 0; at < c.Length; at++)
        {
            (int i, int j) = (at / n, at % n);
            for (int d = 0; d < k; d++)
            {
                double left = a[shape.TransposeA ? (d * m) + i : (i * k) + d];
                c[at] += left * b[shape.TransposeB ? (j * k) + d : (d * n) + j];
            }
        }

        return c;
    }

    private static void RequireClose(double[] actual, double[] expected, double tolerance = 1e-4)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(Math.Abs(actual[i] - expected[i]) <= tolerance, $"element {i}: {actual[i]}, not {expected[i]}");
        }
    }
}
