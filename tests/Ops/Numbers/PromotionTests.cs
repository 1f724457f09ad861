using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>The dtypes of results: NumPy's where docs/graphs/types.md names no exception.</summary>
[TestFixture]
public sealed class PromotionTests
{
    private static readonly DType[] s_all = Enum.GetValues<DType>();

    /// <summary>The dtypes that NumPy has, and the result_type of NumPy 1.24 for each with each.</summary>
    private static readonly DType[] s_numpys =
        [DType.Bool, DType.UInt8, DType.Int32, DType.Int64, DType.Float16, DType.Float32, DType.Float64];

    private const string NumPys = """
        bool    uint8   int32   int64   float16 float32 float64
        uint8   uint8   int32   int64   float16 float32 float64
        int32   int32   int32   int64   float64 float64 float64
        int64   int64   int64   int64   float64 float64 float64
        float16 float16 float64 float64 float16 float32 float64
        float32 float32 float64 float64 float32 float32 float64
        float64 float64 float64 float64 float64 float64 float64
        """;

    private static readonly CpuDevice s_cpu = new(2);

    private static readonly (string Name, Func<Variable, Variable> Of)[] s_movers =
    [
        Of(x => Pad(x, [(1, 2), (0, 1)])), Of(x => Pad(x, [(1, 2), (2, 1)], value: 1)), Of(
            x => Pad(x, [(1, 2)], PadMode.Edge)),
        Of(x => Pad(x, [(1, 2)], PadMode.Reflect)), Of(x => Pad(x, [(1, 2)], PadMode.Symmetric)), Of(
            x => Pad(x, [(1, 2)], PadMode.Wrap)),
        Of(x => Tril(x)), Of(x => Tril(x, -1)), Of(x => Triu(x)), Of(x => Triu(x, 1)), Of(x => Roll(x, 1, 1)), Of(
            x => Roll(x, 2)),
        Of(x => Flip(x)), Of(x => Tile(x, 2, 2)), Of(x => Repeat(x, 2, 1)), Of(x => Repeat(x, new[] { 2, 0, 1 }, 0)),
        Of(x => Stack(1, x, x)),
        Of(x => Split(x, 0, 1, 2)[1]), Of(x => Concat(0, x, x)), Of(x => Transpose(x)), Of(x => Diag(x)), Of(
            x => Diag(x[0], 1)),
        Of(x => FillDiagonal(x, 1)), Of(x => SetSubtensor(x[0], x[1])), Of(x => SetSubtensor(x[.., 1], 1)),
        Of(x => SetSubtensor(x[(.., 2)], Constant(Tensor.From([true, false, true])))), Of(
            x => SetSubtensor(x[new[] { 2, 0 }, 1..], 0)),
        Of(x => Scatter(x, Constant(Tensor.From([2, 0, 1], 3, 1)), x[.., 0..1])),
        Of(x => TakeAlongAxis(x, Constant(Tensor.From([2, 0, 1], 3, 1)))), Of(
            x => Gather(x, Constant(Tensor.From([2, 0])), 1)),
        Of(x => x[1]), Of(x => x[.., ^1]), Of(x => x[(.., -1), new[] { 0, 2, 2 }]), Of(x => Reshape(x, 9)), Of(
            x => Flatten(x, 1)),
        Of(x => ExpandDims(x, 1)), Of(x => BroadcastTo(x, 2, -1, -1)), Of(x => SwapAxes(x, 0, 1)), Of(
            x => ZerosLike(x)), Of(x => OnesLike(x)),
        Of(x => FullLike(x, 1)), Of(x => Sort(x)),
    ];

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void An_op_that_moves_elements_keeps_their_dtype([ValueSource(nameof(s_all))] DType dtype) =>
        CheckMovers(s_cpu, dtype);

    [Test]
    public void So_it_does_on_cuda([ValueSource(nameof(s_all))] DType dtype) =>
        CheckMovers(CudaTestDevice.Open(), dtype);

    [Test]
    public void Two_dtypes_give_NumPys_except_where_the_page_says(
        [ValueSource(nameof(s_all))] DType a, [ValueSource(nameof(s_all))] DType b)
    {
        bool areFloats = a.IsFloat() && b.IsFloat();
        DType moved = a == b ? a
            : NumPyOf(a, b) is { } numpys && (numpys != DType.Float64 || a == DType.Float64 || b == DType.Float64)
            ? numpys
            : a == DType.Float64 || b == DType.Float64 ? DType.Float64
            : (a == DType.BFloat16 ? b : a) is DType.Bool or DType.UInt8 ? DType.BFloat16
            : DType.Float32;
        DType computed = moved switch
        {
            DType.Bool or DType.UInt8 => DType.Int32,
            DType.Float16 or DType.BFloat16 => DType.Float32,
            _ => moved,
        };
        Input x = Vector("x", a), y = Vector("y", b);

        Assert.That(DTypes.Promote(a, b), Is.EqualTo(moved));
        if (areFloats && a != b && moved == DType.Float64)
        {
            Assert.That(() => x + y, Throws.TypeOf<EngineException>().With.Message.Contains("would widen to float64"));
            Assert.That(() => Concat(0, x, y),
                Throws.TypeOf<EngineException>().With.Message.Contains("would widen to float64"));
            return;
        }

        Assert.That((x + y).DType, Is.EqualTo(computed));
        Assert.That((x * y).DType, Is.EqualTo(computed));
        Assert.That(Maximum(x, y).DType, Is.EqualTo(a == DType.Bool && b == DType.Bool ? DType.Bool : computed));
        Assert.That(Concat(0, x, y).DType, Is.EqualTo(moved.IsHalf() ? DType.Float32 : moved));
        Assert.That(Less(x, y).DType, Is.EqualTo(DType.Bool));
    }

    [TestCase(DType.UInt8, 7.0, DType.UInt8)]
    [TestCase(DType.UInt8, 300.0, DType.Int32)]
    [TestCase(DType.UInt8, 0.5, DType.Float32)]
    [TestCase(DType.Bool, 1.0, DType.Bool)]
    [TestCase(DType.Bool, 2.0, DType.Int32)]
    [TestCase(DType.Int64, 2.0, DType.Int64)]
    [TestCase(DType.Float16, 0.1, DType.Float32)]
    [TestCase(DType.BFloat16, 1e6, DType.Float32)]
    [TestCase(DType.Float64, 1e300, DType.Float64)]
    public void A_number_that_is_set_takes_the_dtype_of_the_array_if_that_holds_it(
        DType array, double number, DType result)
    {
        Variable set = SetSubtensor(Constant(Tensor.From([1, 0, 1]).Cast(array))[1], number);
        using var f = Function.Compile([], [set], device: s_cpu);

        Tensor y = f.Call()[0];

        Assert.That(y.DType, Is.EqualTo(result));
        Assert.That(
            NdArray.From(y).Data, Is.EqualTo(new[] { 1, NdArray.From(Tensor.From([number]).Cast(result)).Data[0], 1 }));
    }

    [TestCase(0, 2.5, 1, DType.Float32, new double[] { 0, 1, 2 })]
    [TestCase(0, 3, 1, DType.Int32, new double[] { 0, 1, 2 })]
    [TestCase(0.5, 3, 1, DType.Float32, new[] { 0.5, 1.5, 2.5 })]
    [TestCase(0, 1, 0.25, DType.Float32, new[] { 0, 0.25, 0.5, 0.75 })]
    [TestCase(5, 0, -2, DType.Int32, new double[] { 5, 3, 1 })]
    [TestCase(3, 0, 1, DType.Int32, new double[] { })]
    [TestCase(0, 6e9, 2e9, DType.Int64, new[] { 0, 2e9, 4e9 })]
    [TestCase(0, 1e30, 4e29, DType.Float32, new double[] { 0, 4e29f, 8e29f })]
    public void A_range_is_of_integers_if_all_three_numbers_are(
        double start, double stop, double step, DType dtype, double[] values)
    {
        using var f = Function.Compile([], [ARange(start, stop, step)], device: s_cpu);

        Tensor y = f.Call()[0];

        Assert.That(y.DType, Is.EqualTo(dtype));
        Assert.That(NdArray.From(y).Data, Is.EqualTo(values));
    }

    private static void CheckMovers(Device device, DType dtype)
    {
        double[] values = [1, 0, 2, 5, 0, 7, 0, 3, 1];
        Tensor given = Tensor.From(values).Reshape(3, 3).Cast(dtype);
        Input x = Matrix("x", dtype), exact = Matrix("x", DType.Float64);
        using var f = Function.Compile([x], [.. s_movers.Select(mover => mover.Of(x))], device: device);
        using var g = Function.Compile([exact], [.. s_movers.Select(mover => mover.Of(exact))], device: s_cpu);

        Tensor[] y = f.Call(given), expected = g.Call(given.Cast(DType.Float64));

        Assert.Multiple(() =>
        {
            for (int i = 0; i < y.Length; i++)
            {
                Assert.That(
                    y[i].DType, dtype.IsHalf() ? Is.EqualTo(dtype).Or.EqualTo(DType.Float32) : Is.EqualTo(dtype),
                    s_movers[i].Name);
                Assert.That(y[i].Shape, Is.EqualTo(expected[i].Shape), s_movers[i].Name);
                Assert.That(NdArray.From(y[i]).Data, Is.EqualTo(NdArray.From(expected[i]).Data), s_movers[i].Name);
            }
        });
    }

    private static DType? NumPyOf(DType a, DType b)
    {
        (int row, int column) = (Array.IndexOf(s_numpys, a), Array.IndexOf(s_numpys, b));
        return row < 0 || column < 0 ? null
            : s_all.Single(
                dtype => dtype.Name()
                    == NumPys.Split('\n')[row].Split(' ', StringSplitOptions.RemoveEmptyEntries)[column].Trim());
    }

    private static (string, Func<Variable, Variable>) Of(
        Func<Variable, Variable> of,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(of))] string name = "") => (name, of);
}
