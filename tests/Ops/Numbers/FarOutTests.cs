using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Functions and their slopes keep their digits if they are very small, or if their squares overflow; on both devices.
/// The exact values are those of mpmath 1.2, to 17 digits.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class FarOutTests(bool isGpu)
{
    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    private static IEnumerable<TestCaseData> Functions =>
    [
        Of(Erfc, (3, 2.2090496998585441e-5), (5, 1.5374597944280349e-12), (6.5, 3.8421483271206475e-20),
            (8, 1.1224297172982927e-29), (9, 4.1370317465138102e-37), (-3, 1.9999779095030015), (0, 1)),
        Of(Gelu, (-3, -0.0040496940948902836), (-5, -1.4332578593959696e-6), (-7, -8.958687807200845e-12),
            (-9, -1.0157295653584566e-18), (-12, -2.1317785344932148e-32), (20, 20)),
        OfSlope(Gelu, (-3, -0.011945647204183927), (-5, -7.1469460017922946e-6), (-7, -6.2663230314666318e-11),
            (-9, -9.1389373739066393e-18), (-12, -2.5578956616748956e-31), (20, 1)),
        OfSlope(Expm1, (-20, 2.0611536224385578e-9), (-60, 8.7565107626965203e-27), (-80, 1.8048513878454152e-35)),
        OfSlope(Elu, (-20, 2.0611536224385578e-9), (-60, 8.7565107626965203e-27), (-80, 1.8048513878454152e-35)),
        OfSlope(Selu, (-20, 3.6237128249944112e-9), (-60, 1.5394815800019712e-26), (-80, 3.1731080352984974e-35)),
        OfSlope(Softsign, (1e3, 9.9800299600499401e-7), (-1e10, 9.999999998e-21), (1e15, 9.99999999999998e-31)),
        OfSlope(ArcSinh, (0, 1), (1e4, 9.9999999499999993e-5), (-1e20, 1e-20), (1e30, 1e-30)),
        OfSlope(x => ArcTan2(x, DisconnectedGrad(2 * x)), (1e-25, 4e24), (3, 0.4 / 3), (1e25, 4e-26)),
        OfSlope(x => ArcTan2(DisconnectedGrad(2 * x), x), (1e-25, -4e24), (3, -0.4 / 3), (1e25, -4e-26)),
        Of(x => Norm(Stack(1, 3 * x, 4 * x), 2, [1]), (1e-30, 5e-30), (-7, 35), (1e30, 5e30), (0, 0)),
        OfSlope(x => Norm(Stack(1, 3 * x, 4 * x), 2, [1]), (1e-30, 5), (-7, -5), (1e30, 5)),
        Of(x => Norm(Stack(1, x, x), 3, [1]), (1e-30, 1.2599210498948732e-30), (-7, 8.8194473492641121),
            (1e30, 1.2599210498948732e30)),
        Of(x => Norm(Stack(1, x, x), 2, [1]), (2e38, 2.8284271247461901e38), (-2e38, 2.8284271247461901e38),
            (1e-38, 1.4142135623730951e-38)),
        Of(x => Norm(x, 2, []), (-2e38, 2e38), (1e-38, 1e-38)),
        Of(x => Norm(Stack(1, x, x), -2, [1]), (1e-30, 7.0710678118654752e-31), (-7, 4.9497474683058327),
            (1e30, 7.0710678118654752e29)),
        Of(x => Norm(BroadcastTo(ExpandDims(x, 1), -1, 1_000_000), 10, [1]), (1, 3.9810717055349725),
            (1e30, 3.9810717055349725e30)),
        Of(x => Std(Stack(1, x, -x), [1]), (1e-30, 1e-30), (7, 7), (1e30, 1e30), (0, 0)),
        Of(x => Std(Stack(1, x, -x), [1], ddof: 1), (1e-30, 1.4142135623730951e-30), (1e30, 1.4142135623730951e30)),
        OfSlope(x => Std(Stack(1, x, -x), [1]), (1e-30, 1), (-7, -1), (1e30, 1), (0, 0)),
        Of(x => LogSumExp(Stack(1, x, x), [1]), (3e38, 3e38), (-3e38, -3e38), (1000, 1000.6931471805599),
            (0, 0.69314718055994531)),
        Of(Softplus, (3e38, 3e38), (-80, 1.8048513878454152e-35), (0, 0.69314718055994531)),
        Of(x => Log2(Softmax(Stack(1, 0 * x, x)))[.., 0], (1000, -1442.6950408889634), (1e38, -1.4426950408889634e38),
            (0, -1)),
        Of(x => Log10(1 + Exp(x)), (1000, 434.29448190325183), (-60, 3.8029043049657421e-27), (0, 0.3010299956639812)),
        OfSlope(Log2, (1e-30, 1.4426950408889634e30), (8, 0.18033688011112042), (1e30, 1.4426950408889634e-30)),
        OfSlope(ErfInv, (0, 0.88622692545275801), (0.5, 1.1125848189719498), (0.75, 1.7174997693674523)),
    ];

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [TestCaseSource(nameof(Functions))]
    public void Digits_are_those_of_the_exact_value(Func<Variable, Variable> of, (double At, double Value)[] points)
    {
        foreach ((DType dtype, double tolerance) in ((DType, double)[])[(DType.Float32, 3e-5), (DType.Float64, 1e-11)])
        {
            Input x = Vector("x", dtype);
            using var f = Function.Compile([x], [of(x)], device: Device);

            double[] y = NdArray.From(f.Call(Tensor.From([.. points.Select(point => point.At)]).Cast(dtype))[0]).Data;

            for (int i = 0; i < y.Length; i++)
            {
                double off = points[i].Value == 0 ? Math.Abs(y[i]) : Math.Abs((y[i] / points[i].Value) - 1);
                Assert.That(off, Is.LessThan(tolerance), $"{dtype} at {points[i].At:R}: {y[i]:R}, not {points[i].Value:R}");
            }
        }
    }

    [Test]
    public void A_logarithm_of_a_power_of_its_base_is_whole_and_a_whole_power_of_two_exact(
        [Values(DType.Float32, DType.Float64)] DType dtype)
    {
        (int min, int max, int tens) = dtype == DType.Float32 ? (-149, 127, 10) : (-1074, 1023, 22);
        double[] exponents = [.. Enumerable.Range(min, max - min + 1)],
            twos = [.. exponents.Select(n => Math.ScaleB(1, (int)n))];
        double[] ten =
            [.. Enumerable.Range(0, tens + 1).Select(n => double.Parse($"1e{n}", CultureInfo.InvariantCulture))];
        Input x = Vector("x", dtype), y = Vector("y", dtype), n = Vector("n", dtype);
        using var f = Function.Compile([x, y, n], [Log2(x), Log10(y), Exp2(n), Power(Constant(2), n)], device: Device);

        double[][] results =
            [.. f.Call(Given(twos), Given(ten), Given(exponents)).Select(result => NdArray.From(result).Data)];

        Assert.That(results[0], Is.EqualTo(exponents));
        Assert.That(results[1], Is.EqualTo(Enumerable.Range(0, tens + 1)));
        Assert.That(results[2], Is.EqualTo(twos));
        Assert.That(results[3], Is.EqualTo(twos));

        Tensor Given(double[] values) => Tensor.From(values).Cast(dtype);
    }

    [TestCase(1e-10, 8.8622692545275805e-11, 0.88622692545275801)]
    [TestCase(0.5, 0.47693627620446987, 1.1125848189719498)]
    [TestCase(0.999, 2.3267537655135245, 198.93951776442476)]
    [TestCase(1 - 1e-9, 4.320005388105362, 112860637.10991128)]
    [TestCase(1 - (1.0 / (1L << 40)), 5.05125408524939, 106817285124.65914)]
    [TestCase(1 - (1.0 / (1L << 53)), 5.8635847487551679, 757347920544973.98)]
    [TestCase(-1 + (1.0 / (1L << 52)), -5.8050186831934533, 382389054906526.09)]
    [TestCase(1, double.PositiveInfinity, double.PositiveInfinity)]
    [TestCase(-1, double.NegativeInfinity, double.PositiveInfinity)]
    public void The_inverse_of_the_error_function_has_all_digits_up_to_the_ends(double at, double value, double slope)
    {
        Input x = Scalar("x", DType.Float64);
        Variable y = ErfInv(x);
        using var f = Function.Compile([x], [y, Grad(y, x)], device: Device);

        Tensor[] results = f.Call(Tensor.Scalar(at));

        Assert.That(results[0].AsSpan<double>()[0], Is.EqualTo(value).Within(1e-14 * Math.Min(Math.Abs(value), 10)));
        Assert.That(results[1].AsSpan<double>()[0] / slope, Is.EqualTo(1).Within(1e-13).Or.NaN);
        Assert.That(double.IsFinite(slope) || double.IsPositiveInfinity(results[1].AsSpan<double>()[0]));
    }

    [TestCase(1, 0.1, 9)]
    [TestCase(-1, 0.1, -10)]
    [TestCase(6, 0.1, 59)]
    [TestCase(3, 0.1, 29)]
    [TestCase(7, 7, 1)]
    [TestCase(-7, 7, -1)]
    [TestCase(0, -7, 0)]
    [TestCase(-1e-30, 1e30, -1)]
    [TestCase(1e-30, 1e30, 0)]
    [TestCase(5, double.NegativeInfinity, -1)]
    [TestCase(-5, double.PositiveInfinity, -1)]
    [TestCase(5, double.PositiveInfinity, 0)]
    [TestCase(5, 0, double.PositiveInfinity)]
    [TestCase(double.PositiveInfinity, 2, double.NaN)]
    [TestCase(double.NegativeInfinity, 2, double.NaN)]
    [TestCase(double.PositiveInfinity, double.PositiveInfinity, double.NaN)]
    public void A_quotient_is_rounded_down_and_not_what_it_is_rounded_to(double a, double b, double whole)
    {
        foreach ((DType dtype, double scale) in ((DType, double)[])[
            (DType.Float32, 1), (DType.Float64, 1), (DType.Float64, 1e-150)])
        {
            // Both smaller, like quotients that vanish: of -1e-180 and 1e180.
            (double x, double y) = Math.Abs(a) < 1 ? (a * scale, b / scale) : (a, b);
            Input top = Vector("a", dtype), bottom = Vector("b", dtype);
            using var f = Function.Compile([top, bottom], [IntDiv(top, bottom)], device: Device);

            Tensor result = f.Call(Tensor.From([x]).Cast(dtype), Tensor.From([y]).Cast(dtype))[0];

            Assert.That(NdArray.From(result).Data[0], Is.EqualTo(whole), $"{dtype} {x:R} // {y:R}");
        }
    }

    private static TestCaseData Of(Func<Variable, Variable> of, params (double, double)[] points) =>
        new TestCaseData(of, points).SetArgDisplayNames(Name(of));

    private static TestCaseData OfSlope(Func<Variable, Variable> of, params (double, double)[] points) =>
        new TestCaseData((Variable x) => Grad(Sum(of(x)), x), points).SetArgDisplayNames($"slope of {Name(of)}");

    private static string Name(Func<Variable, Variable> of) => Printer.Tree(of(Vector("x"))).ReplaceLineEndings(" ");
}
