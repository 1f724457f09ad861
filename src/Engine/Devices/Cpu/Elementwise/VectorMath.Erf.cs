using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>The error function.</content>
internal static partial class VectorMath
{
    /// <summary>
    /// 2/√π·∫₀ˣ e⁻ᵗ² dt. Of float by two polynomials, for |x| below and above 0.93, the latter of the logarithm of what is
    /// missing to 1 (N. Juffa, public domain); of double lane by lane.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Erf<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Erf>(x);
        }

        V t = S.Abs(x), s = S.Mul(x, x);
        V large = S.MinNative(S.Const(5), t), square = S.Mul(large, large);
        V r = S.Fma(S.Const(-1.72853470e-5), large, S.Const(3.83197126e-4));
        V u = S.Fma(S.Const(-3.88396438e-3), large, S.Const(2.42546219e-2));
        r = S.Fma(r, square, u);
        r = S.Fma(r, large, S.Const(-1.06777877e-1));
        r = S.Fma(r, large, S.Const(-6.34846687e-1));
        r = S.Fma(r, large, S.Const(-1.28717512e-1));
        r = S.Fma(r, large, S.Neg(large));
        r = S.Or(S.Sub(S.Const(1), Exp<S, V, T>(r)), S.And(x, SignBit<S, V, T>()));

        V p = S.Fma(s, S.Const(-5.96761703e-4), S.Const(4.99119423e-3));
        p = S.Fma(s, p, S.Const(-2.67681349e-2));
        p = S.Fma(s, p, S.Const(1.12819925e-1));
        p = S.Fma(s, p, S.Const(-3.76125336e-1));
        p = S.Fma(s, p, S.Const(1.28379166e-1));
        p = S.Fma(p, x, x);
        return S.Select(S.Less(S.Const(0.927734375), t), r, S.Select(S.Equal(x, S.Zero), x, p));
    }
}
