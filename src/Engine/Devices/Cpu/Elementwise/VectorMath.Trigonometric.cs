using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>Sine and cosine.</content>
internal static partial class VectorMath
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Sin<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (!Simd.HasFma)
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Sin>(x);
        }

        V a = S.Abs(x);
        V n = QuarterTurns<S, V, T>(a), half = S.Floor(S.Mul(n, S.Const(0.5)));
        V z = SinOrCos<S, V, T>(QuarterReduced<S, V, T>(a, n), S.Equal(S.Add(half, half), n));
        z = S.Xor(z, S.Xor(OddSign<S, V, T>(half), S.And(x, SignBit<S, V, T>())));
        V huge = S.Less(LargestReduced<S, V, T>(), a);
        return S.MaskBits(huge) == 0 ? z : S.Select(huge, ScalarMath.PerLane<S, V, T, ScalarMath.Sin>(x), z);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Cos<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (!Simd.HasFma)
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Cos>(x);
        }

        V a = S.Abs(x);
        V n = QuarterTurns<S, V, T>(a), next = S.Add(n, S.Const(1)), half = S.Floor(S.Mul(next, S.Const(0.5)));
        V z = SinOrCos<S, V, T>(QuarterReduced<S, V, T>(a, n), S.Equal(S.Add(half, half), next));
        z = S.Xor(z, OddSign<S, V, T>(half));
        V huge = S.Less(LargestReduced<S, V, T>(), a);
        return S.MaskBits(huge) == 0 ? z : S.Select(huge, ScalarMath.PerLane<S, V, T, ScalarMath.Cos>(x), z);
    }

    /// <summary>The nearest number of quarter turns; larger arguments go to the runtime's functions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V QuarterTurns<S, V, T>(V a)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Round(S.Mul(a, S.Const(0.63661977236758134308)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LargestReduced<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => Const<S, V, T>(1 << 15, 1 << 30);

    /// <summary>
    /// a - n·π/2 in three steps. The first step rounds nothing, and π/2 has the digits of three numbers, so the
    /// difference is exact to the last bits if the two terms nearly cancel.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V QuarterReduced<S, V, T>(V a, V n)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        n = S.Neg(n);
        V r = S.Fma(n, Const<S, V, T>(1.57079637050628662109375, 1.570796326794896557998982), a);
        r = S.Fma(n, Const<S, V, T>(-4.371138828673792886547744e-8, 6.12323399573676603586882e-17), r);
        return S.Fma(n, Const<S, V, T>(-1.715124510005881872803934e-15, -1.497384904859169832943508e-33), r);
    }

    /// <summary>sin(r) where the mask is set, else cos(r), for |r| up to slightly more than π/4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SinOrCos<S, V, T>(V r, V isSin)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V z = S.Mul(r, r), s, c;
        if (typeof(T) == typeof(float))
        {
            s = S.Fma(z, S.Const(-0.00019516738582070498027), S.Const(0.0083321741519449849945));
            s = S.Fma(z, s, S.Const(-0.16666654883006046563));
            c = S.Fma(z, S.Const(0.000024437817334537165571), S.Const(-0.0013887362186833025669));
            c = S.Fma(z, c, S.Const(0.041666646762185151104));
        }
        else
        {
            s = S.Fma(z, S.Const(1.5896908302212630898e-10), S.Const(-2.5050759988479127443e-8));
            s = S.Fma(z, s, S.Const(2.7557313703403344335e-6));
            s = S.Fma(z, s, S.Const(-0.00019841269829839434681));
            s = S.Fma(z, s, S.Const(0.0083333333333224511751));
            s = S.Fma(z, s, S.Const(-0.1666666666666663217));
            c = S.Fma(z, S.Const(-1.1359727345746282347e-11), S.Const(2.0875724752015181091e-9));
            c = S.Fma(z, c, S.Const(-2.7557314362758275046e-7));
            c = S.Fma(z, c, S.Const(0.000024801587289516568808));
            c = S.Fma(z, c, S.Const(-0.0013888888888874175969));
            c = S.Fma(z, c, S.Const(0.041666666666666599756));
        }

        s = S.Fma(S.Mul(r, z), s, r);
        // The rest adds the rounding error of 1 - z/2.
        V one = S.Const(1), half = S.Mul(z, S.Const(0.5)), w = S.Sub(one, half);
        c = S.Add(w, S.Fma(S.Mul(z, z), c, S.Sub(S.Sub(one, w), half)));
        return S.Select(isSin, s, c);
    }

    /// <summary>The sign bit for odd whole numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V OddSign<S, V, T>(V n)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        // The last bit of 1.5·2²³ (double: 1.5·2⁵²) counts 1, so the sum's last bit is that of n.
        typeof(T) == typeof(float)
            ? S.ShiftLeft(S.Add(n, S.Const(12582912)), 31)
            : S.ShiftLeft(S.Add(n, S.Const(6755399441055744)), 63);
}
