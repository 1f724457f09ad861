using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Elementary functions of the lanes of a vector. For float, polynomials within 2 ulp of the rounded exact value
/// everywhere, subnormal arguments and results included; the coefficients are minimax, by the Remez algorithm. For
/// double, the runtime's scalar functions lane by lane.
/// </summary>
internal static class VectorMath
{
    // Ln2High has so few bits that its product with any exponent is exact.
    private const double Ln2High = 0.693359375;
    private const double Ln2Low = -2.12194440054690583e-4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Exp<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Exp>(x);
        }

        // Beyond the bounds the result is infinite or 0 all the same; NaN passes as the second operand.
        x = S.MinNative(S.Const(89), S.MaxNative(S.Const(-104.5), x));
        V n = S.Round(S.Mul(x, S.Const(1.44269504088896341)));
        V p = S.Add(ExpM1Reduced<S, V, T>(Reduce<S, V, T>(x, n)), S.Const(1));
        return S.Scale(p, n);
    }

    /// <summary>eˣ - 1, without cancellation near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V ExpM1<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.ExpM1>(x);
        }

        V clamped = S.MinNative(S.Const(89), S.MaxNative(S.Const(-20), x));
        V n = S.Round(S.Mul(clamped, S.Const(1.44269504088896341)));
        V m = ExpM1Reduced<S, V, T>(Reduce<S, V, T>(clamped, n));
        V result = S.Scale(S.Add(m, S.Sub(S.Const(1), S.Scale(S.Const(1), S.Neg(n)))), n);
        return S.Select(S.Equal(x, S.Zero), x, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Log<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Log>(x);
        }

        V subnormal = S.Less(x, S.ConstBits(0x0080_0000));
        V normal = S.Select(subnormal, S.Mul(x, S.Const(8388608)), x);
        (V f, V e) = Decompose<S, V, T>(normal);
        e = S.Sub(e, S.And(subnormal, S.Const(23)));
        return LogSpecial<S, V, T>(x, LogReduced<S, V, T>(f, e, S.Zero));
    }

    /// <summary>log(1 + x), without cancellation near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Log1P<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Log1P>(x);
        }

        V one = S.Const(1);
        V u = S.Add(x, one);
        // What the sum 1 + x lost; log(u + lost) = log(u) + lost / u.
        V lost = S.Select(S.Less(one, x), S.Sub(one, S.Sub(u, x)), S.Sub(x, S.Sub(u, one)));
        (V f, V e) = Decompose<S, V, T>(u);
        V near = S.Equal(e, S.Zero);
        f = S.Select(near, x, f);
        V result = LogReduced<S, V, T>(f, e, S.AndNot(S.Div(lost, u), near));
        return S.Select(S.Equal(x, S.Zero), x, LogSpecial<S, V, T>(u, result));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Tanh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Tanh>(x);
        }

        V a = S.Abs(x);
        V z = S.Mul(x, x);
        V p = S.Fma(z, S.Const(-0.00570543377288), S.Const(0.0206395412549));
        p = S.Fma(z, p, S.Const(-0.0537398777549));
        p = S.Fma(z, p, S.Const(0.133314445827));
        p = S.Fma(z, p, S.Const(-0.333332820585));
        V small = S.Fma(S.Mul(z, p), a, a);
        V one = S.Const(1);
        V large = S.Sub(one, S.Div(S.Const(2), S.Add(Exp<S, V, T>(S.Add(a, a)), one)));
        V result = S.Select(S.Less(a, S.Const(0.625)), small, large);
        return S.Or(result, S.And(x, SignBit<S, V, T>()));
    }

    /// <summary>1 / (1 + e⁻ˣ), exact to the last bits also where it is nearly 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Sigmoid<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1);
        V e = Exp<S, V, T>(S.Or(x, SignBit<S, V, T>()));
        return S.Div(S.Select(S.Less(x, S.Zero), e, one), S.Add(one, e));
    }

    /// <summary>log(1 + eˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Softplus<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V e = Exp<S, V, T>(S.Or(x, SignBit<S, V, T>()));
        return S.Add(S.MaxNative(S.Zero, x), Log1P<S, V, T>(e));
    }

    internal static V Sin<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, ScalarMath.Sin>(x);

    internal static V Cos<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, ScalarMath.Cos>(x);

    /// <summary>x to the power y, with the special cases of <see cref="Math.Pow"/>.</summary>
    internal static V Pow<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, ScalarMath.Pow>(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SignBit<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => S.Const(-0.0);

    /// <summary>x - n·log 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<S, V, T>(V x, V n)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Fma(n, S.Const(-Ln2Low), S.Fma(n, S.Const(-Ln2High), x));

    /// <summary>eʳ - 1 for |r| ≤ log(2) / 2: r + r²·q(r).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpM1Reduced<S, V, T>(V r)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V q = S.Fma(r, S.Const(0.00138825534506), S.Const(0.00836651269065));
        q = S.Fma(r, q, S.Const(0.0416671991371));
        q = S.Fma(r, q, S.Const(0.166665436834));
        q = S.Fma(r, q, S.Const(0.499999981569));
        return S.Fma(S.Mul(r, r), q, r);
    }

    /// <summary>f and e with x = (1 + f)·2ᵉ and 1 + f between √½ and √2, for positive normal x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V F, V E) Decompose<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        // The exponent's bits put below those of 2²³ make 2²³ + exponent + 127.
        V e = S.Sub(S.Or(S.ShiftRight(x, 23), S.Const(8388608)), S.Const(8388608 + 127));
        V m = S.Or(S.And(x, S.ConstBits(0x007F_FFFF)), S.Const(1));
        V high = S.Less(S.Const(1.41421356237309505), m);
        e = S.Add(e, S.And(high, S.Const(1)));
        m = S.Select(high, S.Mul(m, S.Const(0.5)), m);
        return (S.Sub(m, S.Const(1)), e);
    }

    /// <summary>log(1 + f) + e·log 2 + small, with log(1 + f) = f - f²/2 + f³·p(f).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogReduced<S, V, T>(V f, V e, V small)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V p = S.Fma(f, S.Const(-0.0763430520801), S.Const(0.127613926578));
        p = S.Fma(f, p, S.Const(-0.131601616806));
        p = S.Fma(f, p, S.Const(0.142017828201));
        p = S.Fma(f, p, S.Const(-0.16623363001));
        p = S.Fma(f, p, S.Const(0.200012260504));
        p = S.Fma(f, p, S.Const(-0.250008208245));
        p = S.Fma(f, p, S.Const(0.333333317123));
        V z = S.Mul(f, f);
        V y = S.Fma(S.Mul(f, z), p, S.Fma(e, S.Const(Ln2Low), small));
        y = S.Fma(z, S.Const(-0.5), y);
        return S.Fma(e, S.Const(Ln2High), S.Add(f, y));
    }

    /// <summary>The logarithm's values at 0, infinity, NaN and below 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogSpecial<S, V, T>(V x, V result)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V infinity = S.Const(double.PositiveInfinity);
        result = S.Select(S.Less(x, infinity), result, x);
        result = S.Select(S.Less(x, S.Zero), S.Const(double.NaN), result);
        return S.Select(S.Equal(x, S.Zero), S.Neg(infinity), result);
    }
}
