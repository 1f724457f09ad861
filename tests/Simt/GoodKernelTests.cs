namespace Engine.Tests.Simt;

/// <summary>Kernels without a fault give correct results without a report, in any order of their threads.</summary>
[TestFixture(1, FrontEnd.Cpp)]
[TestFixture(2, FrontEnd.Cpp)]
[TestFixture(77, FrontEnd.Cpp)]
[TestFixture(1, FrontEnd.Ptx)]
[TestFixture(2, FrontEnd.Ptx)]
[TestFixture(77, FrontEnd.Ptx)]
public unsafe class GoodKernelTests : SimtTests
{
    private readonly int _seed;

    public GoodKernelTests(int seed, FrontEnd maker) => (_seed, Maker) = (seed, maker);

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (float)(i * 37 % 11 - 5))];

    [SetUp]
    public void Seed() => SimtDouble.Set("SIMT_SEED", $"{_seed}");

    [Test]
    public void Vectors_add_up()
    {
        float[] a = Numbers(1000), b = Numbers(1000);
        ulong sum = Allocate(4000);

        Good(Launch("add", new((4, 1), 256), sum, Upload(a), Upload(b), 1000));

        Good(Synchronize());
        Assert.That(Download<float>(sum, 1000), Is.EqualTo(a.Zip(b, (x, y) => x + y)));
    }

    [TestCase(64, 64, 16)]
    [TestCase(65, 33, 17)]
    [TestCase(1, 70, 1)]
    public void A_tiled_matrix_product_is_that_of_the_definition(int m, int n, int k)
    {
        float[] a = Numbers(m * k), b = Numbers(k * n);
        ulong c = Allocate(4 * m * n);

        Good(Launch("gemm", new(((uint)(n + 63) / 64, (uint)(m + 63) / 64), 256), c, Upload(a), Upload(b), m, n, k));

        Good(Synchronize());
        float[] expected = new float[m * n];
        for (int i = 0; i < m * n; i++)
        {
            expected[i] = Enumerable.Range(0, k).Sum(d => a[i / n * k + d] * b[d * n + i % n]);
        }

        Assert.That(Download<float>(c, m * n), Is.EqualTo(expected));
    }

    [Test]
    public void A_scan_that_only_the_warp_synchronizes_raises_no_alarm()
    {
        int[] values = [.. Enumerable.Range(1, 64)];
        ulong sums = Allocate(256);

        Good(Launch("warp_scan", new((1, 1), 64), sums, Upload(values)));

        Good(Synchronize());
        int[] scan = Download<int>(sums, 64);
        Assert.That(scan[31], Is.EqualTo(32 * 33 / 2));
        Assert.That(scan[63], Is.EqualTo(64 * 65 / 2 - 32 * 33 / 2));
    }

    [Test]
    public void Shuffles_and_shared_memory_reduce_a_block()
    {
        float[] x = Numbers(5 * 70);
        ulong y = Allocate(4 * x.Length);

        Good(Launch("softmax", new((5, 1), 96), y, Upload(x), 70));

        Good(Synchronize());
        float[] rows = Download<float>(y, x.Length);
        for (int row = 0; row < 5; row++)
        {
            Assert.That(rows.AsSpan(row * 70, 70).ToArray().Sum(), Is.EqualTo(1).Within(1e-5));
        }
    }

    [Test]
    public void Dynamic_shared_memory_is_as_large_as_the_launch_says()
    {
        float[] x = Numbers(100);
        ulong data = Upload(x);

        Good(Launch("reverse", new((1, 1), 128) { Shared = 400 }, data, 100));

        Good(Synchronize());
        Assert.That(Download<float>(data, 100), Is.EqualTo(x.Reverse()));
    }

    [Test]
    public void Atomics_of_many_blocks_do_not_race()
    {
        byte[] values = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i % 7))];
        ulong bins = Upload(new int[7]);

        Good(Launch("histogram", new((4, 1), 256), bins, Upload(values), 1000));

        Good(Synchronize());
        Assert.That(Download<int>(bins, 7), Is.EqualTo(Enumerable.Range(0, 7).Select(i => (1006 - i) / 7)));
    }

    [Test]
    public void Neighboring_bytes_belong_to_different_threads()
    {
        float[] x = Numbers(301);
        ulong mask = Allocate(301);

        Good(Launch("above", new((2, 1), 160), mask, Upload(x), 0.5f, 301));

        Good(Synchronize());
        Assert.That(Download<byte>(mask, 301), Is.EqualTo(x.Select(v => v > 0.5f ? 1 : 0)));
    }

    [Test]
    public void What_is_written_before_a_fence_and_an_atomic_the_last_block_may_read()
    {
        float[] x = Numbers(3000);
        ulong sum = Allocate(4);

        Good(Launch("sum_by_last_block", new((6, 1), 128), sum, Allocate(24), Upload(new int[1]), Upload(x), 3000));

        Good(Synchronize());
        Assert.That(Download<float>(sum, 1)[0], Is.EqualTo(x.Sum()));
    }

    [Test]
    public void A_barrier_across_the_grid_puts_blocks_in_step()
    {
        float[] x = Numbers(5 * 64);
        ulong data = Upload(x);

        Good(Launch("rotate", new((5, 1), 64) { Cooperative = true }, data, Upload(new int[1]), 7));

        Good(Synchronize());
        Assert.That(
            Download<float>(data, x.Length), Is.EqualTo(x.Select((_, i) => x[(i + 7 * 64) % x.Length])));
    }

    [Test]
    public void Asynchronous_copies_arrive_at_their_wait()
    {
        float[] x = Numbers(128 * 5);
        ulong sum = Allocate(4);

        Good(Launch("sum_ahead", new((1, 1), 32), sum, Upload(x), 5));

        Good(Synchronize());
        Assert.That(Download<float>(sum, 1)[0], Is.EqualTo(x.Sum()));
    }

    [Test]
    public void Garbage_collections_meanwhile_do_no_harm()
    {
        float[] x = Numbers(256);
        ulong y = Allocate(1024), data = Upload(x);
        var collector = new Thread(() =>
        {
            // A fixed number, not until the kernels are done: a thread that collects endlessly may block all others.
            for (int i = 0; i < 60; i++)
            {
                _ = new byte[1000];
                GC.Collect();
            }
        });
        collector.Start();

        do
        {
            Good(Launch("softmax", new((4, 1), 128), y, data, 64));
            Good(Synchronize());
        }
        while (collector.IsAlive);

        collector.Join();
        Assert.That(Download<float>(y, 256).Sum(), Is.EqualTo(4).Within(1e-4));
    }

    [Test]
    public void A_module_has_variables_of_its_own()
    {
        ulong result = Allocate(64), calls = 0;
        nuint bytes = 0;

        Good(Launch("weigh", new((1, 1), 4), result, Upload(Enumerable.Repeat(1f, 16).ToArray()), 0.5f));

        Good(Synchronize());
        Assert.That(Download<float>(result, 4), Is.EqualTo(new[] { 1f, 2f, 3f, 2f }));
        using var name = new SimtDouble.CStrings("calls");
        var global = (delegate* unmanaged<ulong*, nuint*, nint, byte*, int>)SimtDouble.Cuda("cuModuleGetGlobal_v2");
        Good(global(&calls, &bytes, Module, name[0]));
        Assert.That(bytes, Is.EqualTo((nuint)4));
        Assert.That(Download<int>(calls, 1)[0], Is.EqualTo(1));
    }
}
