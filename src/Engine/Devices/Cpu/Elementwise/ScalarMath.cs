using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>A scalar function of one argument, or of two.</summary>
internal interface IScalarFunction
{
    static abstract double Of(double x, double y);

    /// <summary>The same for 64-bit integers, which double cannot hold.</summary>
    static virtual long Of(long x, long y) => throw new NotSupportedException();
}

/// <summary>
/// Applies the runtime's functions to the lanes of a vector one by one, with integer versions for some. It serves rare
/// arguments, rare functions, and hardware that rounds a·b + c twice.
/// </summary>
internal static unsafe class ScalarMath
{
    internal static V PerLane<S, V, T, F>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged where F : struct, IScalarFunction =>
        PerLane<S, V, T, F>(x, x);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static V PerLane<S, V, T, F>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged where F : struct, IScalarFunction
    {
        T* a = stackalloc T[S.Count], b = stackalloc T[S.Count];
        S.Store(a, x);
        S.Store(b, y);
        for (int i = 0; i < S.Count; i++)
        {
            if (typeof(T) == typeof(float))
            {
                ((float*)a)[i] = (float)F.Of(((float*)a)[i], ((float*)b)[i]);
            }
            else if (typeof(T) == typeof(int))
            {
                double whole = F.Of(((int*)a)[i], ((int*)b)[i]);
                ((int*)a)[i] = double.IsFinite(whole) ? unchecked((int)(long)whole) : 0;
            }
            else if (typeof(T) == typeof(long))
            {
                ((long*)a)[i] = F.Of(((long*)a)[i], ((long*)b)[i]);
            }
            else
            {
                ((double*)a)[i] = F.Of(((double*)a)[i], ((double*)b)[i]);
            }
        }

        return S.Load(a);
    }

    internal readonly struct Log1P : IScalarFunction
    {
        /// <summary>W. Kahan's form: the divisor contains the rounding error of u too.</summary>
        public static double Of(double x, double y)
        {
            double u = 1 + x;
            return u == 1 ? x : u <= 0 || double.IsInfinity(u) ? Math.Log(u) : Math.Log(u) * (x / (u - 1));
        }
    }

    internal readonly struct Log2 : IScalarFunction
    {
        public static double Of(double x, double y) => Math.Log2(x);
    }

    internal readonly struct Log10 : IScalarFunction
    {
        public static double Of(double x, double y) => Math.Log10(x);
    }

    internal readonly struct Sin : IScalarFunction
    {
        public static double Of(double x, double y) => Math.Sin(x);
    }

    internal readonly struct Cos : IScalarFunction
    {
        public static double Of(double x, double y) => Math.Cos(x);
    }

    internal readonly struct Pow : IScalarFunction
    {
        public static double Of(double x, double y) => Math.Pow(x, y);
    }

    /// <summary>The remainder of x / y, with the sign of y: Python's %.</summary>
    internal readonly struct Mod : IScalarFunction
    {
        public static double Of(double x, double y)
        {
            double rest = x % y;
            return rest != 0 ? ((rest < 0) == (y < 0) ? rest : rest + y) : Math.CopySign(rest, y);
        }

        public static long Of(long x, long y) => y == 0 ? 0 : unchecked(x - (y * IntDiv.Of(x, y)));
    }

    /// <summary>
    /// x / y rounded down, NaN of an infinite x, as in NumPy. A quotient that rounds to a whole number may be less than
    /// it; then the sign of the remainder, which is exact, shows it.
    /// </summary>
    internal readonly struct IntDiv : IScalarFunction
    {
        private const double MaxExact = 1L << 53;

        public static double Of(double x, double y)
        {
            if (double.IsInfinity(x))
            {
                return double.NaN;
            }

            double quotient = x / y, whole = Math.Floor(quotient);
            if (whole != quotient || Math.Abs(quotient) >= MaxExact || x == 0)
            {
                return whole;
            }

            double rest = whole == 0 ? x : Math.FusedMultiplyAdd(-whole, y, x);
            return rest != 0 && (rest < 0) != (y < 0) ? whole - 1 : whole;
        }

        public static long Of(long x, long y)
        {
            // −1 is special: the smallest integer has no opposite, and processors fault on that division.
            if (y is 0 or -1)
            {
                return unchecked(x * y);
            }

            (long whole, long rest) = Math.DivRem(x, y);
            return rest != 0 && (rest < 0) != (y < 0) ? whole - 1 : whole;
        }
    }
}
