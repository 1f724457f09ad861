using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>A scalar function of one argument, or of two.</summary>
internal interface IScalarFunction
{
    static abstract double Of(double x, double y);
}

/// <summary>
/// The runtime's functions of the lanes of a vector of float or double, one by one: for rare arguments, and for hardware
/// that rounds a·b + c twice.
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
            else
            {
                ((double*)a)[i] = F.Of(((double*)a)[i], ((double*)b)[i]);
            }
        }

        return S.Load(a);
    }

    internal readonly struct Log1P : IScalarFunction
    {
        /// <summary>W. Kahan's form: the rounding error of u is in the divisor too.</summary>
        public static double Of(double x, double y)
        {
            double u = 1 + x;
            return u == 1 ? x : u <= 0 || double.IsInfinity(u) ? Math.Log(u) : Math.Log(u) * (x / (u - 1));
        }
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
}
