using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products of float32 on tensor cores: products of numbers rounded to TF32, with sums in float32.</summary>
[TestFixture]
public sealed class TensorCoreTests
{
    private static IEnumerable<TestCaseData> Variants =>
        from i in Enumerable.Range(0, CudaTile.OfTensorCores.Count)
        from a in (bool[])[false, true]
        from b in (bool[])[false, true]
        select new TestCaseData(i, a, b);

    [TestCaseSource(nameof(Variants))]
    public void A_tile_gives_the_product_of_rounded_numbers(int tile, bool transposeA, bool transposeB) =>
        TensorCoreChecks.TileMultiplies(CudaTestDevice.Open(), CudaTile.OfTensorCores[tile], transposeA, transposeB);

    [TestCaseSource(nameof(Variants))]
    public void A_tile_gives_the_product_of_numbers_of_16_bits(int tile, bool transposeA, bool transposeB)
    {
        DType dtype = transposeA ? DType.Float16 : DType.BFloat16;
        TensorCoreChecks.TileMultiplies(CudaTestDevice.Open(), CudaTile.OfHalves[tile], transposeA, transposeB, dtype);
    }

    [Test]
    public void Products_read_numbers_of_16_bits_as_they_are_stored(
        [Values(DType.Float16, DType.BFloat16)] DType stored) =>
        TensorCoreChecks.GraphReadsHalves(CudaTestDevice.Open(), stored);

    [Test]
    public void Loops_read_numbers_of_16_bits_as_they_are_stored(
        [Values(DType.Float16, DType.BFloat16)] DType stored) =>
        TensorCoreChecks.LoopReadsHalves(CudaTestDevice.Open(), stored);

    [Test]
    public void Batches_and_convolutions_read_numbers_of_16_bits_as_they_are_stored(
        [Values(DType.Float16, DType.BFloat16)] DType stored) =>
        TensorCoreChecks.ImagesAreReadAsHalves(CudaTestDevice.Open(), stored);

    [Test]
    public void Dense_layers_and_batches_of_products_are_rounded_where_it_is_asked_for()
    {
        // If no device can be opened, the test is skipped.
        _ = CudaTestDevice.Open();
        TensorCoreChecks.GraphRounds(CudaTestDevice.Options);
    }

    [TestCase(1f, 1f)]
    [TestCase(1.00048828125f, 1.0009765625f, Description = "half way: away from zero")]
    [TestCase(-1.00048828125f, -1.0009765625f)]
    [TestCase(1.0004882f, 1f)]
    [TestCase(3.4028235e38f, float.PositiveInfinity)]
    public void Numbers_are_rounded_to_ten_bits(float number, float rounded) =>
        Assert.That(TensorCoreChecks.Rounded(number), Is.EqualTo(rounded));

    [TestCase(75, false)]
    [TestCase(80, true)]
    [TestCase(90, true)]
    public void Only_a_gpu_that_has_them_uses_them(int architecture, bool uses)
    {
        using var device = new AbsentCudaDevice(architecture, new CudaOptions { TensorFloat32 = true });
        Input x = Variable("x", DType.Float32, [256, 256]);
        using var f = Function.Compile([x], [Dot(x, x)], device: device);
        f.Prepare(new Tensor(DType.Float32, [256, 256]));

        CudaTiling tiling = CudaTiling.Choose(256, 256, 256, DType.Float32, uses);
        Assert.That(tiling.Tile.IsTensor, Is.EqualTo(uses));
        Assert.That(
            (f.Launches.Single().Grid, f.Launches.Single().Block),
            Is.EqualTo(($"{tiling.Grid}", $"{(Dim3)tiling.Tile.Threads}")));
    }

    [Test]
    public void Nothing_else_is_rounded() =>
        Assert.That(CudaTiling.Choose(256, 256, 256, DType.Float64, tensorFloat32: true).Tile.IsTensor, Is.False);
}

/// <summary>Checks for both front ends of the double.</summary>
internal static class TensorCoreChecks
{
    /// <summary>
    /// Rounds as cvt.rna.tf32.f32 does: to the nearest number with 10 bits of mantissa, ties away from zero.
    /// </summary>
    public static float Rounded(float x) => float.IsFinite(x)
        ? BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000u) & 0xFFFFE000u)
        : x;

    public static void TileMultiplies(
        CudaDevice device, CudaTile tile, bool transposeA, bool transposeB, DType dtype = DType.Float32)
    {
        // A tile and several; many slices, few, and fewer than shared memory holds at once; complete and incomplete
        // dimensions.
        (int M, int N, int K, int Parts)[] shapes =
        [
            (tile.M + 4, tile.N + 8, (5 * tile.K) + 4, 1), (tile.M + 3, tile.N + 1, tile.K + 1, 1), (1, 3, 5, 1),
            (tile.M, 33, 6 * tile.K, 3),
        ];
        if (dtype.IsHalf())
        {
            // Rows of 16 bits need an even length.
            shapes = [.. shapes.Select(
                each => ((each.M + 1) / 2 * 2, (each.N + 1) / 2 * 2, (each.K + 1) / 2 * 2, each.Parts))];
        }

        foreach ((int m, int n, int k, int parts) in shapes)
        {
            var random = new Random(m + n);
            var shape = new GemmShape(m, n, k, transposeA, transposeB);
            (int down, int across) = tile.Cover(m, n);
            var tiling = new CudaTiling(tile, down, across, parts);
            using var scratch = new CudaScratch(device);
            float[] a = Numbers(random, m * k), b = Numbers(random, k * n);
            ulong c = scratch.Reserve(m * n * 4);
            var at = new GemmAddresses(Put(a), Put(b), c, Workspace: scratch.Reserve(tiling.Workspace(dtype)));

            scratch.Run(CudaGemm.Launch(tiling, shape, dtype, at));

            double[] product = scratch.Get(c);
            for (int i = 0; i < product.Length; i++)
            {
                double expected = 0;
                for (int d = 0; d < k; d++)
                {
                    (int row, int column) = (i / n, i % n);
                    expected += Read(a[transposeA ? (d * m) + row : (row * k) + d])
                        * Read(b[transposeB ? (column * k) + d : (d * n) + column]);
                }

                Assert.That(
                    Math.Abs(product[i] - expected) <= 1e-5, $"{shape}, element {i}: {product[i]}, not {expected}");
            }

            ulong Put(float[] values) => dtype switch
            {
                DType.Float16 => scratch.Put([.. values.Select(value => (Half)value)]),
                DType.BFloat16 => scratch.Put([.. values.Select(value => (BFloat16)value)]),
                _ => scratch.Put(values),
            };
        }

        double Read(float value) => dtype.IsHalf() ? ElementType.Of(dtype).Round(value) : Rounded(value);
    }

    public static void GraphReadsHalves(CudaDevice device, DType stored)
    {
        using var cpu = new CpuDevice(1);
        var random = new Random(4);
        Input a = Variable("a", DType.Float32, [40, 64]), b = Variable("b", stored, [64, 48]),
            odd = Variable("odd", stored, [48, 5]);
        Input bias = Variable("bias", DType.Float32, [48]);
        Variable hidden = Cast(Rectify(Dot(Cast(a, stored), b) + bias), stored);
        Variable[] outputs = [hidden, Dot(hidden, odd), Dot(hidden, a, transposeA: true)];
        Tensor[] given =
        [
            Random(40, 64), Random(64, 48).Cast(stored), Random(48, 5).Cast(stored), Random(48),
        ];
        using var there = Function.Compile([a, b, odd, bias], outputs, device: device);
        using var here = Function.Compile([a, b, odd, bias], outputs, device: cpu);

        Tensor[] actual = there.Call(given), expected = here.Call(given);

        Assert.That(actual.Select(tensor => tensor.DType), Is.EqualTo((DType[])[stored, DType.Float32, DType.Float32]));
        for (int i = 0; i < actual.Length; i++)
        {
            // Sums in another order may round a stored number in the other direction.
            double ulp = ElementType.Of(stored).Epsilon * 8;
            double[] differences =
                [.. NdArray.From(actual[i]).Data.Zip(NdArray.From(expected[i]).Data, (p, q) => Math.Abs(p - q))];
            Assert.That(differences.Max(), Is.LessThanOrEqualTo(ulp), $"output {i}");
            Assert.That(differences.Count(difference => difference <= 1e-5), Is.GreaterThan(differences.Length * 0.9),
                $"output {i}");
        }

        Tensor Random(params int[] dimensions) =>
            Tensor.From(Numbers(random, dimensions.Aggregate(1, (product, dimension) => product * dimension)))
                .Reshape(dimensions);
    }

    /// <summary>A product in a loop, of the state and of what is the same at every step.</summary>
    public static void LoopReadsHalves(CudaDevice device, DType stored)
    {
        using var cpu = new CpuDevice(1);
        Input h = Variable("h", stored, [6, 10]), w = Variable("w", stored, [10, 10]);
        Variable states = Scan(
            at => StepOutputs.Create([Clip(Round(Dot(at[0], w)), -8, 8)]), outputsInfo: [h], nSteps: 5)[0];
        var random = new Random(6);
        Tensor[] given = [Whole(6, 10), Whole(10, 10)];
        using var there = Function.Compile([h, w], [states], device: device);
        using var here = Function.Compile([h, w], [states], device: cpu);

        Tensor actual = there.Call(given)[0], expected = here.Call(given)[0];

        // All numbers are whole, so that sums are exact.
        Assert.That(NdArray.From(actual).Data, Is.EqualTo(NdArray.From(expected).Data));
        Scan loop = there.Nodes.Select(node => node.Op).OfType<Scan>().Single();
        Apply product = Traversal.Order(loop.Body.Outputs).Single(
            node => (node.Op is WithEpilogues joined ? joined.Anchor : node.Op) is IProduct);
        Assert.That(product.Inputs.Take(2).Select(input => input.DType), Is.All.EqualTo(stored));

        Tensor Whole(params int[] dimensions) =>
            Tensor.From([.. Numbers(random, dimensions[0] * dimensions[1]).Select(number => MathF.Round(6 * number))])
                .Reshape(dimensions).Cast(stored);
    }

    /// <summary>
    /// A batched product, a convolution, a pooled one and all their gradients are those of the CPU, and read numbers of
    /// 16 bits.
    /// </summary>
    public static void ImagesAreReadAsHalves(CudaDevice device, DType stored)
    {
        using var cpu = new CpuDevice(1);
        var random = new Random(5);
        Input x = Variable("x", stored, [3, 4, 9, 11]), w = Variable("w", stored, [6, 4, 3, 2]),
            v = Variable("v", stored, [6, 4, 2, 3]), s = Variable("s", stored, [3, 7, 5]),
            t = Variable("t", stored, [3, 5, 9]);
        Input bias = Variable("bias", DType.Float32, [6]);
        Variable plain = Conv2D(x, w, stride: (2, 1), padding: (1, 0), bias: bias);
        Variable pooled = MaxPool2D(Rectify(Conv2D(x, v, bias: bias)), (2, 2));
        Variable batched = BatchedDot(s, t);
        Variable loss = Sum(plain * plain) + Sum(pooled * pooled) + Sum(batched * batched);
        Input[] inputs = [x, w, v, s, t, bias];
        Variable[] outputs = [.. MixedPrecision.Apply([plain, pooled, batched, .. Grad(loss, inputs)], stored)];
        Tensor[] given = [.. inputs.Select(input =>
            Tensor.From([.. Numbers(random, (int)input.Shape.Count).Select(number => MathF.Round(6 * number))])
                .Reshape(input.Shape.Dimensions).Cast(input.DType))];
        using var there = Function.Compile(inputs, outputs, device: device);
        using var here = Function.Compile(inputs, outputs, device: cpu);

        Tensor[] actual = there.Call(given), expected = here.Call(given);

        for (int i = 0; i < actual.Length; i++)
        {
            // All numbers are whole, so that sums are exact.
            Assert.That(NdArray.From(actual[i]).Data, Is.EqualTo(NdArray.From(expected[i]).Data), $"output {i}");
        }

        foreach (Apply node in there.Nodes.Where(node => node.Op is IProduct or Conv2DMaxPool))
        {
            Assert.That(node.Inputs[1].DType, Is.EqualTo(stored), node.Op.Name);
        }
    }

    public static void GraphRounds(CudaOptions options)
    {
        using var device = new CudaDevice(options with { TensorFloat32 = true });
        using var cpu = new CpuDevice(1);
        var random = new Random(3);
        Tensor x = Random(60, 70), w = Random(70, 50), bias = Random(50), stack = Random(3, 20, 30),
            other = Random(3, 30, 10);
        Input a = Matrix("a"), b = Matrix("b"), c = Vector("c");
        Input s = Variable("s", DType.Float32, [3, 20, 30]), t = Variable("t", DType.Float32, [3, 30, 10]);
        Variable images = Reshape(a, 3, 4, 35, 10), filters = Reshape(s, 10, 4, 9, 5);
        Variable planes = Conv2D(images, filters);
        Variable[] outputs =
        [
            Rectify(Dot(a, b) + c), Dot(a, a, transposeA: true), BatchedDot(s, t), planes,
            MaxPool2D(Rectify(Conv2D(images, filters, padding: (1, 1))), (2, 2)),
        ];
        using var there = Function.Compile([a, b, c, s, t], outputs, device: device);
        using var here = Function.Compile([a, b, c, s, t], outputs, device: cpu);

        Tensor[] actual = there.Call(x, w, bias, stack, other);
        Tensor[] rounded = here.Call(Of(x), Of(w), bias, Of(stack), Of(other)),
            exact = here.Call(x, w, bias, stack, other);

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.That(Distance(actual[i], rounded[i]) <= 1e-5, $"output {i}");
            Assert.That(Distance(actual[i], exact[i]) > 1e-4, $"output {i} is not rounded");
        }

        Tensor Random(params int[] dimensions) =>
            Tensor.From(Numbers(random, dimensions.Aggregate(1, (product, dimension) => product * dimension)))
                .Reshape(dimensions);

        static Tensor Of(Tensor tensor) =>
            Tensor.From([.. tensor.AsSpan<float>().ToArray().Select(Rounded)]).Reshape(tensor.Shape.Dimensions);

        static double Distance(Tensor a, Tensor b) =>
            a.AsSpan<float>().ToArray().Zip(b.AsSpan<float>().ToArray(), (p, q) => Math.Abs((double)p - q)).Max();
    }

    private static float[] Numbers(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
