using System.Globalization;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class VectorMathTests
{
    /// <summary>A prime, so that all low bits occur: about 216,000 floats of every sign and exponent.</summary>
    private const long Stride = 19_937;

    /// <summary>Odd, so that all low bits occur: about 6,000 doubles of every sign and exponent.</summary>
    private const ulong DoubleStride = 3_000_000_000_000_037;

    public enum Function
    {
        Exp,
        ExpM1,
        Log,
        Log1P,
        Tanh,
        Sigmoid,
        Softplus,
        Sin,
        Cos,
        Exp2,
        Log2,
        Log10,
        Erf,
    }

    [Test]
    public void Over_all_floats_the_error_is_within_two_ulp(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width, [Values] Function function)
    {
        var x = new List<float> { 0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon };
        for (long bits = 0; bits <= uint.MaxValue; bits += Stride)
        {
            x.Add(BitConverter.UInt32BitsToSingle((uint)bits));
        }

        // Where the functions bend, and where their results become or stop being finite, normal, or different from 1.
        float[] centers = [-104f, -88f, -17f, -1f, -0.625f, -0.35f, 0f, 0.35f, 0.625f, 1f, 9f, 17f, 88.7f];
        foreach (float center in centers)
        {
            for (int i = -2000; i <= 2000; i++)
            {
                x.Add(center + (i * 7.3e-4f));
            }
        }

        float[] y = Run(function, width, x.ToArray());

        long worst = 0;
        int at = 0;
        for (int i = 0; i < y.Length; i++)
        {
            long error = Ulps(y[i], (float)Exact(function, x[i]));
            if (error > worst)
            {
                worst = error;
                at = i;
            }
        }

        Assert.That(
            worst, Is.LessThanOrEqualTo(2), $"{function}({x[at]:R}) = {y[at]:R}, not {Exact(function, x[at]):R}");
    }

    [Test]
    public void Over_all_doubles_the_error_is_within_two_ulp([Values] Function function)
    {
        var x = new List<double>
        {
            0, -0.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, -double.Epsilon,
            double.MaxValue, double.MinValue, 1 << 30, (1 << 30) + 0.7, 2.2250738585072014e-308, 1e22,
        };
        for (ulong bits = 0; bits < ulong.MaxValue - DoubleStride; bits += DoubleStride)
        {
            x.Add(BitConverter.UInt64BitsToDouble(bits));
        }

        // Where the functions bend, and near multiples of π/2 where they almost vanish.
        double[] centers =
        [
            -745, -708, -37, -1, -0.35, 0, 0.35, 0.7, 1, 1.4142135623730951, 20, 37, 355, 573204, 709.7,
            6381956970095103.0 / 4294967296,
        ];
        foreach (double center in centers)
        {
            for (int i = -60; i <= 60; i++)
            {
                x.Add(center + (i * 7.300001e-3));
                x.Add(center + (i * 7.300001e-9));
            }
        }

        double[] exact = [.. x.Select(each => Precise(function, each))];

        Assert.Multiple(() =>
        {
            foreach (int width in Widths.All)
            {
                double[] y = Run(function, width, x.ToArray());
                long[] errors = [.. y.Select((each, i) => Ulps(each, exact[i]))];
                int at = Array.IndexOf(errors, errors.Max());
                Assert.That(
                    errors[at], Is.LessThanOrEqualTo(2),
                    $"{function}({x[at]:R}) = {y[at]:R}, not {exact[at]:R}, at {width} bits");
            }
        });
    }

    [Test]
    public void A_power_has_the_special_cases_of_the_runtimes(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        double[] values =
        [
            0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e9, 1e-9, double.NaN, double.PositiveInfinity,
            double.NegativeInfinity,
        ];
        (double X, double Y)[] pairs = [.. values.SelectMany(x => values.Select(y => (x, y)))];
        float[] single = Powers<float>(width, [.. pairs.Select(pair => ((float)pair.X, (float)pair.Y))]);
        double[] twice = Powers<double>(width, pairs);
        for (int i = 0; i < pairs.Length; i++)
        {
            (double x, double y) = pairs[i];
            float expected = (float)Math.Pow((float)x, (float)y);
            Assert.That(Ulps(single[i], expected), Is.LessThanOrEqualTo(1), $"{x} to the power {y}, float32");
            Assert.That(Ulps(twice[i], Math.Pow(x, y)), Is.LessThanOrEqualTo(1), $"{x} to the power {y}, float64");
            if (!double.IsNaN(twice[i]))
            {
                bool isNegative = double.IsNegative(Math.Pow(x, y));
                Assert.That(float.IsNegative(single[i]), Is.EqualTo(isNegative), $"the sign of {x} to the power {y}");
                Assert.That(double.IsNegative(twice[i]), Is.EqualTo(isNegative), $"the sign of {x} to the power {y}");
            }
        }
    }

    [Test]
    public void A_power_does_not_depend_on_its_neighbors(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        var random = new Random(11);
        (float X, float Y)[] ordinary =
            [.. Enumerable.Range(0, 320).Select(_ => (random.NextSingle() * 9, (random.NextSingle() - 0.5f) * 30))];
        (float X, float Y)[] among = [.. ordinary.SelectMany(pair => new[] { pair, (-2f, 3f) })];

        float[] alone = Powers<float>(width, ordinary);

        Assert.That(Powers<float>(width, among).Where((_, i) => i % 2 == 0), Is.EqualTo(alone));
        for (int run = 1; run <= VectorMath.MaxRun; run += 5)
        {
            Assert.That(Powers<float>(width, ordinary, run), Is.EqualTo(alone), $"runs of {run} vectors");
            Assert.That(Powers<float>(width, among, run), Is.EqualTo(Powers<float>(width, among)),
                $"runs of {run}, some special");
        }
    }

    [Test]
    public void A_power_is_within_two_ulp_up_to_the_largest_and_the_smallest(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        var random = new Random(7);
        var pairs = new List<(double X, double Y)>();
        for (int i = 0; i < 4000; i++)
        {
            // Of all magnitudes, and near 1 with large exponents; their power has an exponent of up to ±1100.
            double log = (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 11));
            double x = Math.Exp(Math.Clamp(log, -740, 700));
            pairs.Add((x, (random.NextDouble() - 0.5) * 1520 / Math.Log(x)));
        }

        double[] y = Powers<double>(width, pairs.ToArray());
        (float X, float Y)[] singles = [.. pairs.Select(pair => ((float)pair.X, (float)(pair.Y / 7)))];
        float[] z = Powers<float>(width, singles);

        for (int i = 0; i < y.Length; i++)
        {
            double exact = DoubleDouble.Exp(pairs[i].Y * DoubleDouble.Log(pairs[i].X)).High;
            Assert.That(Ulps(y[i], exact), Is.LessThanOrEqualTo(2), $"{pairs[i]}: {y[i]:R}, not {exact:R}");
            float nearest = (float)Math.Pow(singles[i].X, singles[i].Y);
            Assert.That(Ulps(z[i], nearest), Is.LessThanOrEqualTo(2), $"{singles[i]}: {z[i]:R}, not {nearest:R}");
        }
    }

    /// <summary>Powers that the type holds, and their logarithms, have no error at all.</summary>
    [Test]
    public void A_power_that_is_a_number_of_the_type_is_exact_and_its_logarithm_whole(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Assert.Multiple(() =>
        {
            Check(-149, 127, 10, value => (float)value, (at, pairs) => Powers<float>(at, pairs));
            Check(-1074, 1023, 22, value => value, (at, pairs) => Powers<double>(at, pairs));
        });

        void Check<T>(int min, int max, int tens, Func<double, T> of, Func<int, (T, T)[], T[]> powers)
            where T : unmanaged
        {
            T[] twos = [.. Enumerable.Range(min, max - min + 1).Select(n => of(Math.ScaleB(1, n)))];
            T[] exponents = [.. Enumerable.Range(min, max - min + 1).Select(n => of(n))];
            T[] ten = [
                .. Enumerable.Range(0, tens + 1).Select(n => of(double.Parse($"1e{n}", CultureInfo.InvariantCulture)))];
            Assert.That(Run(Function.Exp2, width, exponents), Is.EqualTo(twos));
            Assert.That(Run(Function.Log2, width, twos), Is.EqualTo(exponents));
            Assert.That(Run(Function.Log10, width, ten), Is.EqualTo(Enumerable.Range(0, tens + 1).Select(n => of(n))));

            for (int number = 2; number < 40; number++)
            {
                var exact = new List<(T X, T Y, T Power)>();
                double limit = typeof(T) == typeof(float) ? 1 << 24 : 1L << 53;
                double odd = number >> int.TrailingZeroCount(number);
                for (double n = 0, digits = 1, power = 1; digits < limit && n < 30; n++, digits *= odd, power *= number)
                {
                    exact.Add((of(number), of(n), of(power)));
                }

                T[] computed = powers(width, [.. exact.Select(each => (each.X, each.Y))]);
                Assert.That(computed, Is.EqualTo(exact.Select(each => each.Power)), $"powers of {number}");
            }
        }
    }

    /// <summary>Returns the double nearest to the exact value.</summary>
    private static double Precise(Function function, double x)
    {
        return function switch
        {
            Function.Exp => E(x).High,
            Function.ExpM1 => DoubleDouble.ExpM1(x).High,
            Function.Exp2 => DoubleDouble.Exp(x * DoubleDouble.Log(2)).High,
            Function.Log2 => (DoubleDouble.Log(x) / DoubleDouble.Log(2)).High,
            Function.Log10 => (DoubleDouble.Log(x) / DoubleDouble.Log(10)).High,
            Function.Erf => Engine.Ops.Erf.Scalar(x).High,
            Function.Log => DoubleDouble.Log(x).High,
            Function.Log1P => x > -1 ? DoubleDouble.Log1P(x).High : Math.Log(1 + x),
            Function.Tanh => Math.CopySign(Tanh(Math.Min(Math.Abs(x), 40)).High, x),
            Function.Sigmoid => x < -50 ? E(x).High : (1 / (1 + E(-x))).High,
            Function.Softplus => x < -50 ? E(x).High
                : x > 50 ? x
                : (Math.Max(x, 0) + DoubleDouble.Log1P(E(-Math.Abs(x)))).High,
            _ => Math.Abs(x) <= 1 << 30 ? SinOrCos(function, x).High : Exact(function, x),
        };

        static DoubleDouble E(DoubleDouble x) => DoubleDouble.Exp(x);

        static DoubleDouble Tanh(double x)
        {
            DoubleDouble m = DoubleDouble.ExpM1(2 * x);
            return m / (m + 2);
        }
    }

    /// <summary>Computes it from the series of the remainder after quarter turns.</summary>
    private static DoubleDouble SinOrCos(Function function, double x)
    {
        bool isCos = function == Function.Cos;
        double[] quarterTurn =
            [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33, 4.320569562893192e-50];
        double n = Math.Round(Math.Abs(x) / quarterTurn[0]);
        DoubleDouble r = Math.Abs(x);
        foreach (double part in quarterTurn)
        {
            r -= DoubleDouble.Product(part, n);
        }

        long quarter = ((long)n + (isCos ? 1 : 0)) & 3;
        bool isOdd = (quarter & 1) == 0;
        DoubleDouble z = r * r, term = isOdd ? r : 1, sum = term;
        for (int i = isOdd ? 2 : 1; i < 30; i += 2)
        {
            term = -(term * z) / (i * (i + 1.0));
            sum += term;
        }

        return (quarter >= 2) != (!isCos && double.IsNegative(x)) ? -sum : sum;
    }

    private static double Exact(Function function, double x) => function switch
    {
        Function.Exp => Math.Exp(x),
        Function.ExpM1 => ExpM1(x),
        Function.Log => Math.Log(x),
        Function.Exp2 => Math.Pow(2, x),
        Function.Log2 => Math.Log2(x),
        Function.Log10 => Math.Log10(x),
        Function.Erf => Engine.Ops.Erf.Scalar(x).High,
        Function.Log1P => Log1P(x),
        Function.Tanh => Math.Tanh(x),
        Function.Sigmoid => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x)),
        Function.Softplus => Math.Max(x, 0) + Log1P(Math.Exp(-Math.Abs(x))),
        Function.Sin => Math.Sin(x),
        _ => Math.Cos(x),
    };

    private static double ExpM1(double x)
    {
        double sum = x, term = x;
        for (int i = 2; i < 20; i++)
        {
            term *= x / i;
            sum += term;
        }

        return Math.Abs(x) < 0.5 ? sum : Math.Exp(x) - 1;
    }

    private static double Log1P(double x)
    {
        double t = x / (2 + x), sum = 0, power = t;
        for (int i = 1; i < 40; i += 2)
        {
            sum += power / i;
            power *= t * t;
        }

        return Math.Abs(x) < 0.5 ? 2 * sum : Math.Log(1 + x);
    }

    private static long Ulps(float a, float b)
    {
        return float.IsNaN(a) || float.IsNaN(b)
            ? float.IsNaN(a) && float.IsNaN(b) ? 0 : long.MaxValue
            : Math.Abs(Ordered(BitConverter.SingleToInt32Bits(a)) - Ordered(BitConverter.SingleToInt32Bits(b)));

        static long Ordered(int bits) => bits < 0 ? -(long)(bits & int.MaxValue) : bits;
    }

    private static long Ulps(double a, double b)
    {
        return double.IsNaN(a) || double.IsNaN(b)
            ? double.IsNaN(a) && double.IsNaN(b) ? 0 : long.MaxValue
            : (long)Int128.Min(long.MaxValue, Int128.Abs(Ordered(a) - Ordered(b)));

        static Int128 Ordered(double x)
        {
            long bits = BitConverter.DoubleToInt64Bits(x);
            return bits < 0 ? -(Int128)(bits & long.MaxValue) : bits;
        }
    }

    /// <summary>Returns powers, computed one vector after the other, or in runs of so many vectors.</summary>
    private static T[] Powers<T>(int width, (T X, T Y)[] pairs, int run = 0)
        where T : unmanaged
    {
        var job = new PowJob<T>
        {
            Vectors = run,
            X = [.. pairs.Select(pair => pair.X)],
            Y = [.. pairs.Select(pair => pair.Y)],
            Result = new T[pairs.Length],
        };
        Widths.Run<T, PowJob<T>>(width, job);
        return job.Result;
    }

    private static T[] Run<T>(Function function, int width, T[] x)
        where T : unmanaged
    {
        var job = new Job<T> { Function = function, X = x, Y = new T[x.Length] };
        Widths.Run<T, Job<T>>(width, job);
        return job.Y;
    }

    private struct PowJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public T[] X, Y, Result;
        public int Vectors;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            fixed (T* x = X, y = Y, result = Result)
            {
                int whole = Vectors == 0 ? 0 : X.Length / S.Count * S.Count;
                X.AsSpan(0, whole).CopyTo(Result);
                for (int i = 0; i < whole; i += Vectors * S.Count)
                {
                    VectorMath.Pow<S, V, T>(Math.Min(Vectors, (whole - i) / S.Count), result + i, y + i);
                }

                for (int i = whole; i < X.Length; i += S.Count)
                {
                    int count = Math.Min(S.Count, X.Length - i);
                    V power = VectorMath.Pow<S, V, T>(S.LoadPartial(x + i, count), S.LoadPartial(y + i, count));
                    S.StorePartial(result + i, power, count);
                }
            }
        }
    }

    private struct Job<T> : ISimdJob<T>
        where T : unmanaged
    {
        public Function Function;
        public T[] X, Y;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            fixed (T* x = X, y = Y)
            {
                for (int i = 0; i < X.Length; i += S.Count)
                {
                    int count = Math.Min(S.Count, X.Length - i);
                    V v = S.LoadPartial(x + i, count);
                    v = Function switch
                    {
                        Function.Exp => VectorMath.Exp<S, V, T>(v),
                        Function.ExpM1 => VectorMath.ExpM1<S, V, T>(v),
                        Function.Log => VectorMath.Log<S, V, T>(v),
                        Function.Exp2 => VectorMath.Exp2<S, V, T>(v),
                        Function.Log2 => VectorMath.Log2<S, V, T>(v),
                        Function.Log10 => VectorMath.Log10<S, V, T>(v),
                        Function.Erf => VectorMath.Erf<S, V, T>(v),
                        Function.Log1P => VectorMath.Log1P<S, V, T>(v),
                        Function.Tanh => VectorMath.Tanh<S, V, T>(v),
                        Function.Sigmoid => VectorMath.Sigmoid<S, V, T>(v),
                        Function.Softplus => VectorMath.Softplus<S, V, T>(v),
                        Function.Sin => VectorMath.Sin<S, V, T>(v),
                        _ => VectorMath.Cos<S, V, T>(v),
                    };
                    S.StorePartial(y + i, v, count);
                }
            }
        }
    }
}
