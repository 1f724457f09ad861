using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.IO;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.IO;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// The rules of docs/graphs/types.md apart from literals: conversions, bools, long integers, indices, files.
/// </summary>
[TestFixture]
public sealed class TypeTests
{
    private static readonly CpuDevice s_cpu = new(2);

    private static readonly Dictionary<DType, Tensor> s_values = new()
    {
        [DType.Bool] = Tensor.From([true, false, true]),
        [DType.UInt8] = Tensor.From<byte>([0, 1, 255]),
        [DType.Int32] = Tensor.From([0, -1, 300, int.MaxValue, int.MinValue]),
        [DType.Int64] = Tensor.From([0, -1, 300, 1L << 40, long.MaxValue, long.MinValue, (1L << 53) + 1]),
        [DType.Float16] = Tensor.From([0f, 0.5f, -2.9f, 300.7f, 65504, 6e-8f, float.NaN, float.NegativeInfinity])
            .Cast(DType.Float16),
        [DType.BFloat16] = Tensor.From(
            [0f, 0.5f, -2.9f, 300.7f, 3e9f, -1e30f, 1e-40f, float.NaN, float.PositiveInfinity]).Cast(DType.BFloat16),
        [DType.Float32] = Tensor.From([0, -0f, 0.5f, -2.9f, 300.7f, 3e9f, -1e30f, float.NaN, float.PositiveInfinity]),
        [DType.Float64] = Tensor.From([0, -0.5, 1e-300, 300.7, 3e9, 1e19, -1e300, double.NaN, double.NegativeInfinity]),
    };

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void Every_conversion_is_the_same_in_csharp_and_in_graphs(
        [Values] DType from, [Values] DType to, [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer) =>
        CheckConversion(s_cpu, from, to, optimizer);

    [Test]
    public void So_it_is_on_cuda([Values] DType from, [Values] DType to) =>
        CheckConversion(CudaTestDevice.Open(), from, to, Optimizer.FastRun);

    [TestCase(
        DType.Float64, DType.Int64, new[] { 0.0, 0, 0, 300, 3000000000, 9.223372036854775807e18,
            -9.223372036854775808e18, 0, -9.223372036854775808e18 })]
    [TestCase(DType.Float32, DType.Bool, new[] { 0.0, 0, 1, 1, 1, 1, 1, 1, 1 })]
    [TestCase(DType.Int64, DType.Int32, new[] { 0.0, -1, 300, 0, -1, 0, 1 })]
    [TestCase(DType.Int64, DType.UInt8, new[] { 0.0, 255, 44, 0, 255, 0, 1 })]
    [TestCase(DType.Bool, DType.Float64, new[] { 1.0, 0, 1 })]
    public void A_conversion_gives_what_the_page_says(DType from, DType to, double[] values) =>
        Assert.That(NdArray.From(s_values[from].Cast(to)).Data, Is.EqualTo(values));

    [Test]
    public void Rounding_leaves_integers_as_they_are(
        [Values(DType.Bool, DType.UInt8, DType.Int32, DType.Int64)] DType dtype)
    {
        Input x = Variable("x", dtype, s_values[dtype].Shape);

        foreach (Tensor rounded in Run([Floor(x), Ceiling(x), Round(x), Trunc(x)], x, s_values[dtype]))
        {
            Assert.That(rounded.DType, Is.EqualTo(dtype));
            Assert.That(NdArray.From(rounded).Data, Is.EqualTo(NdArray.From(s_values[dtype]).Data));
        }
    }

    [Test]
    public void Comparisons_give_truths_that_are_counted_and_averaged()
    {
        Input x = Vector("x");
        Variable isLess = Less(x, 2), any = Any(isLess);

        Tensor[] y = Run(
            [isLess, any, Sum(isLess), Mean(isLess), Maximum(isLess, Equal(x, 3)), isLess + isLess, ArgMax(isLess, 0),
                Not(isLess), And(isLess, any), CumSum(isLess)], x, Tensor.From([1f, 2, 3, 0]));

        Assert.That(y.Select(each => each.DType), Is.EqualTo((DType[])
            [DType.Bool, DType.Bool, DType.Int32, DType.Float32, DType.Bool, DType.Int32, DType.Int32, DType.Bool,
                DType.Bool, DType.Int32]));
        Assert.That(y.Select(each => $"{each}"), Is.EqualTo((string[])
            ["[ True False False  True]", "True", "2", "0.5", "[ True False  True  True]", "[2 0 0 2]", "0",
                "[False  True  True False]",
                "[ True False False  True]", "[1 1 1 2]"]));
    }

    /// <summary>float64, in which references compute, cannot represent any of these.</summary>
    [Test]
    public void Long_integers_are_exact(
        [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer, [Values] bool isCuda)
    {
        const long Big = (1L << 60) + 1;
        Input x = Vector("x", DType.Int64);
        Variable one = Constant(Tensor.Scalar(Big)), other = Constant(Tensor.Scalar(Big + 1));
        using var f = Function.Compile(
            [x],
            [x + one, (x + one) - other, one + other, Max(x), Sum(x), Equal(x, one), Sort(x),
                Where(Greater(x, one), x, other), -x,
                CumSum(x), Prod(x), IntDiv(x, 7), Mod(x, 7), Sum(Stack(0, x, x), [0])],
            device: isCuda ? CudaTestDevice.Open() : s_cpu, options: new CompileOptions { Optimizer = optimizer });
        long[] given = [Big, Big + 2, -Big];

        Tensor[] y = f.Call(Tensor.From(given));

        Is([.. given.Select(v => v + Big)], 0);
        Is([.. given.Select(v => v - 1)], 1);
        Is([Big + Big + 1], 2);
        Is([Big + 2], 3);
        Is([Big + 2], 4);
        Assert.That(y[5].AsSpan<bool>().ToArray(), NUnit.Framework.Is.EqualTo(new[] { true, false, false }));
        Is([-Big, Big, Big + 2], 6);
        Is([Big + 1, Big + 2, Big + 1], 7);
        Is([.. given.Select(v => -v)], 8);
        Is([Big, Big + Big + 2, Big + 2], 9);
        Is([unchecked(Big * (Big + 2) * -Big)], 10);
        Is([Big / 7, (Big + 2) / 7, (-Big / 7) - 1], 11);
        Is([Big % 7, (Big + 2) % 7, 7 - (Big % 7)], 12);
        Is([.. given.Select(v => v + v)], 13);

        void Is(long[] expected, int output) =>
            Assert.That(y[output].AsSpan<long>().ToArray(), NUnit.Framework.Is.EqualTo(expected), $"output {output}");
    }

    [Test]
    public void Indices_may_be_of_any_integer_type([Values(DType.UInt8, DType.Int32, DType.Int64)] DType dtype)
    {
        Input indices = Vector("indices", dtype);
        Variable x = Constant(Tensor.From([1f, 2, 3]));

        Tensor y = Run([Gather(x, indices)], indices, Tensor.From([2, 0]).Cast(dtype))[0];

        Assert.That(y.AsSpan<float>().ToArray(), Is.EqualTo(new[] { 3f, 1 }));
    }

    [TestCase(DType.Int32, DType.Int32, 46340, 46340)]
    [TestCase(DType.Int32, DType.Int64, 46341, 46341)]
    [TestCase(DType.Int32, DType.Int64, 100_000, 100_000)]
    [TestCase(DType.Int32, DType.Int64, 2_000_000, 2_000_000, 2_000_000)]
    [TestCase(DType.Int64, DType.Int64, 2_000_000, 2_000_000, 2_000_000)]
    public void An_index_beyond_int32_is_exact_and_comes_back(DType dtype, DType expected, params int[] shape)
    {
        Input index = Vector("index", dtype);
        Variable indices = RavelMultiIndex([.. shape.Select(dimension => dimension - 1 - index)], Shape.Create(shape));
        long last = shape.Aggregate(1L, (count, dimension) => count * dimension) - 1;

        Tensor[] y = Run([indices, .. UnravelIndex(indices, Shape.Create(shape))], index, Tensor.From([0]).Cast(dtype));

        Assert.That(indices.DType, Is.EqualTo(expected));
        Assert.That(y[0].Cast(DType.Int64).AsSpan<long>()[0], Is.EqualTo(last));
        Assert.That(y[1..].Select(one => one.Cast(DType.Int32).AsSpan<int>()[0]),
            Is.EqualTo(shape.Select(dimension => dimension - 1)));
    }

    /// <summary>Its low 32 bits are the index 1.</summary>
    [Test]
    public void An_index_beyond_all_axes_is_refused()
    {
        Input indices = Vector("indices", DType.Int64);

        Assert.That(
            () => Run([Gather(Constant(Tensor.From([1f, 2, 3])), indices)], indices, Tensor.From([(1L << 32) + 1])),
            Throws.TypeOf<EngineException>().With.Message.Contains("The index 4294967297 lies outside every axis"));
    }

    [Test]
    public void A_vector_of_truths_is_a_mask_where_it_is_constant()
    {
        Input x = Vector("x");
        Variable mask = Constant(Tensor.From([true, false, true]));

        Assert.That(
            Run([x[mask]], x, Tensor.From([1f, 2, 3]))[0].AsSpan<float>().ToArray(), Is.EqualTo(new[] { 1f, 3 }));
        Assert.That(() => x[Less(x, 1)], Throws.TypeOf<EngineException>().With.Message.Contains("NonZero"));
    }

    [Test]
    public void Files_keep_every_type([Values("a.npz", "a.safetensors")] string name)
    {
        using var folder = new TempFolder();
        KeyValuePair<string, Tensor>[] saved = [.. s_values
            .Where(each => each.Key != DType.BFloat16 || name == "a.safetensors")
            .Select(each => KeyValuePair.Create(each.Key.Name(), each.Value))];

        Parameters.Save(folder.File(name), saved);
        OrderedDictionary<string, Tensor> read = Parameters.Load(folder.File(name));

        foreach ((string key, Tensor value) in saved)
        {
            Assert.That(read[key].TypeText, Is.EqualTo(value.TypeText));
            Assert.That(read[key].Bytes.SequenceEqual(value.Bytes), key);
        }
    }

    [Test]
    public void A_counter_of_64_bits_counts_on()
    {
        SharedVariable count = Shared(Tensor.Scalar(int.MaxValue - 1L));
        using var f = Function.Compile([], [], updates: [new Update(count, count + 1)], device: s_cpu);

        f.RunMany(3);

        Assert.That(count.GetScalar<long>(), Is.EqualTo(int.MaxValue + 2L));
    }

    private static Tensor[] Run(Variable[] outputs, Input input, Tensor value)
    {
        using var f = Function.Compile([input], outputs, device: s_cpu);
        return f.Call(value);
    }

    private static void CheckConversion(Device device, DType from, DType to, Optimizer optimizer)
    {
        Tensor value = s_values[from];
        Input x = Vector("x", from);
        using var f = Function.Compile(
            [x], [Cast(x, to), Cast(Flip(x), to)], device: device,
            options: new CompileOptions { Optimizer = optimizer });

        Tensor[] y = f.Call(value);

        Assert.That(y[0].DType, Is.EqualTo(to));
        if (to.IsHalf())
        {
            // Devices may give NaNs with different bits.
            Assert.That(NdArray.From(y[0]).Data, Is.EqualTo(NdArray.From(value.Cast(to)).Data));
        }
        else
        {
            Assert.That(y[0].Bytes.ToArray(), Is.EqualTo(value.Cast(to).Bytes.ToArray()));
        }

        Assert.That(NdArray.From(y[1]).Data, Is.EqualTo(NdArray.From(y[0]).Data.Reverse()));
    }
}
