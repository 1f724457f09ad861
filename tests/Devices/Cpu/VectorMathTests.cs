using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class VectorMathTests
{
    /// <summary>A prime, so that all low bits are met: about 216,000 floats of every sign and exponent.</summary>
    private const long Stride = 19_937;

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

        // Where the functions bend and where their results begin or cease to be finite, normal, and other than 1.
        float[] centres = [-104f, -88f, -17f, -1f, -0.625f, -0.35f, 0f, 0.35f, 0.625f, 1f, 9f, 17f, 88.7f];
        foreach (float centre in centres)
        {
            for (int i = -2000; i <= 2000; i++)
            {
                x.Add(centre + (i * 7.3e-4f));
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
    public void Doubles_are_those_of_the_runtime([Values] Function function)
    {
        double[] x =
        [
            0, 1e-300, 1e-20, 1e-8, -1e-8, 0.3, -0.3, 1, -1, 20, -20, 300, -800, 800, 1e10, double.NaN,
            double.PositiveInfinity, double.NegativeInfinity,
        ];

        double[] y = Run(function, 256, x);

        for (int i = 0; i < x.Length; i++)
        {
            double exact = Exact(function, x[i]);
            bool near = y[i].Equals(exact) || Math.Abs(y[i] - exact) <= 4e-16 * Math.Abs(exact);
            Assert.That(near, $"{function}({x[i]}) = {y[i]:R}, not {exact:R}");
        }
    }

    [Test]
    public void A_power_has_the_special_cases_of_the_runtimes(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        float[] values =
            [0f, -0f, 1f, -1f, 2f, -2f, 0.5f, 3f, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        foreach (float x in values)
        {
            foreach (float y in values)
            {
                var job = new PowJob { X = x, Y = y, Result = [float.MinValue] };
                Widths.Run<float, PowJob>(width, job);
                Assert.That(job.Result[0], Is.EqualTo(MathF.Pow(x, y)), $"{x} to the power {y}");
            }
        }
    }

    private static double Exact(Function function, double x) => function switch
    {
        Function.Exp => Math.Exp(x),
        Function.ExpM1 => ExpM1(x),
        Function.Log => Math.Log(x),
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
        if (float.IsNaN(a) || float.IsNaN(b))
        {
            return float.IsNaN(a) && float.IsNaN(b) ? 0 : long.MaxValue;
        }

        return Math.Abs(Ordered(a) - Ordered(b));
    }

    private static long Ordered(float x)
    {
        int bits = BitConverter.SingleToInt32Bits(x);
        return bits < 0 ? -(long)(bits & int.MaxValue) : bits;
    }

    private static T[] Run<T>(Function function, int width, T[] x)
        where T : unmanaged
    {
        var job = new Job<T> { Function = function, X = x, Y = new T[x.Length] };
        Widths.Run<T, Job<T>>(width, job);
        return job.Y;
    }

    private struct PowJob : ISimdJob<float>
    {
        public float X, Y;
        public float[] Result;

        public readonly void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            fixed (float* result = Result)
            {
                S.StorePartial(result, VectorMath.Pow<S, V, float>(S.Splat(X), S.Splat(Y)), 1);
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
