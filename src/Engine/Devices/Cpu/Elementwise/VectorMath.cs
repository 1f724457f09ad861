using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Elementary functions of the lanes of a vector, for float and double: polynomials with an error of at most 2 ulp
/// everywhere, also for subnormal arguments and results. The coefficients are minimax, by the Remez algorithm; float
/// and double have different numbers of them.
/// </summary>
internal static partial class VectorMath
{

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Exp<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        // Beyond the bounds, the result is infinite or 0 in any case; NaN passes as the second operand.
        x = S.MinNative(Const<S, V, T>(89, 710), S.MaxNative(Const<S, V, T>(-104.5, -746), x));
        V n = S.Round(S.Mul(x, S.Const(1.44269504088896341)));
        V p = S.Add(ExpM1Reduced<S, V, T>(Reduce<S, V, T>(x, n)), S.Const(1));
        return S.Scale(p, n);
    }

    /// <summary>eˣ - 1, without cancellation near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V ExpM1<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V clamped = S.MinNative(Const<S, V, T>(89, 710), S.MaxNative(Const<S, V, T>(-20, -40), x));
        V n = S.Round(S.Mul(clamped, S.Const(1.44269504088896341)));
        V m = ExpM1Reduced<S, V, T>(Reduce<S, V, T>(clamped, n));
        V result = S.Scale(S.Add(m, S.Sub(S.Const(1), S.Scale(S.Const(1), S.Neg(n)))), n);
        return S.Select(S.Equal(x, S.Zero), x, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Log<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        (V f, V e) = Decompose<S, V, T>(x);
        return LogSpecial<S, V, T>(x, LogReduced<S, V, T>(f, e, S.Zero));
    }

    /// <summary>log(1 + x), without cancellation near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Log1P<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1);
        V u = S.Add(x, one);
        // The rounding error of 1 + x; log(u + lost) = log(u) + lost / u.
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
        V a = S.Abs(x);
        if (typeof(T) != typeof(float))
        {
            // m / (m + 2) with m = e²ᵃ - 1; beyond the bound the quotient is 1.
            V m = ExpM1<S, V, T>(S.MinNative(S.Const(40), S.Add(a, a)));
            return S.Or(S.Div(m, S.Add(m, S.Const(2))), S.And(x, SignBit<S, V, T>()));
        }

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

    /// <summary>1 / (1 + e⁻ˣ), exact to the last bits, also near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Sigmoid<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1);
        V e = Exp<S, V, T>(S.Or(x, SignBit<S, V, T>()));
        return S.Div(S.Select(S.Less(x, S.Zero), e, one), S.Add(one, e));
    }

    // Not inlined, like the functions below: the JIT does not compile a loop over several vectors of it well.
    /// <summary>log(1 + eˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Softplus<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V e = Exp<S, V, T>(S.Or(x, SignBit<S, V, T>()));
        return S.Add(S.MaxNative(S.Zero, x), Log1P<S, V, T>(e));
    }

    /// <summary>A literal: the first for float, the second for double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Const<S, V, T>(double single, double twice)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        typeof(T) == typeof(float) ? S.Const(single) : S.Const(twice);

    // The high part has few bits, so that its product with any exponent is exact.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Ln2High<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Const<S, V, T>(0.693359375, 0.693147180601954460144043);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Ln2Low<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Const<S, V, T>(-2.12194440054690583e-4, -4.200915072681084729182e-11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SignBit<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => S.Const(-0.0);

    /// <summary>x - n·log 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<S, V, T>(V x, V n)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Fma(n, S.Neg(Ln2Low<S, V, T>()), S.Fma(n, S.Neg(Ln2High<S, V, T>()), x));

    /// <summary>eʳ - 1 for |r| ≤ log(2) / 2: r + r²·q(r).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpM1Reduced<S, V, T>(V r)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            V p = S.Fma(r, S.Const(2.0923449572861040318e-9), S.Const(2.5108887473402445102e-8));
            p = S.Fma(r, p, S.Const(2.7557245705365452474e-7));
            p = S.Fma(r, p, S.Const(2.7557244596818844378e-6));
            p = S.Fma(r, p, S.Const(0.00002480158735743125912));
            p = S.Fma(r, p, S.Const(0.00019841269885786207645));
            p = S.Fma(r, p, S.Const(0.0013888888888868254833));
            p = S.Fma(r, p, S.Const(0.008333333333321745455));
            p = S.Fma(r, p, S.Const(0.041666666666666698849));
            p = S.Fma(r, p, S.Const(0.16666666666666676462));
            p = S.Fma(r, p, S.Const(0.5));
            return S.Fma(S.Mul(r, r), p, r);
        }

        V q = S.Fma(r, S.Const(0.00138825534506), S.Const(0.00836651269065));
        q = S.Fma(r, q, S.Const(0.0416671991371));
        q = S.Fma(r, q, S.Const(0.166665436834));
        q = S.Fma(r, q, S.Const(0.499999981569));
        return S.Fma(S.Mul(r, r), q, r);
    }

    /// <summary>Splits positive x = (1 + f)·2ᵉ, with 1 + f between √½ and √2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V F, V E) Decompose<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V e = S.Exponent(x), m = S.Mantissa(x);
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
        if (typeof(T) != typeof(float))
        {
            // log(1 + f) = 2·artanh(s) = f - f²/2 + s·(f²/2 + r(s²)).
            V s = S.Div(f, S.Add(f, S.Const(2))), s2 = S.Mul(s, s), half = S.Mul(S.Mul(f, f), S.Const(0.5));
            V r = S.Fma(s2, S.Const(0.14745571252841708253), S.Const(0.15319403950348244187));
            r = S.Fma(s2, r, S.Const(0.18183339198266221632));
            r = S.Fma(s2, r, S.Const(0.22222203310648173717));
            r = S.Fma(s2, r, S.Const(0.28571428690679959544));
            r = S.Fma(s2, r, S.Const(0.3999999999968507065));
            r = S.Fma(s2, r, S.Const(0.66666666666666836848));
            V rest = S.Fma(s, S.Fma(s2, r, half), S.Fma(e, Ln2Low<S, V, T>(), small));
            return S.Fma(e, Ln2High<S, V, T>(), S.Sub(f, S.Sub(half, rest)));
        }

        V p = S.Fma(f, S.Const(-0.0763430520801), S.Const(0.127613926578));
        p = S.Fma(f, p, S.Const(-0.131601616806));
        p = S.Fma(f, p, S.Const(0.142017828201));
        p = S.Fma(f, p, S.Const(-0.16623363001));
        p = S.Fma(f, p, S.Const(0.200012260504));
        p = S.Fma(f, p, S.Const(-0.250008208245));
        p = S.Fma(f, p, S.Const(0.333333317123));
        V z = S.Mul(f, f);
        V y = S.Fma(S.Mul(f, z), p, S.Fma(e, Ln2Low<S, V, T>(), small));
        y = S.Fma(z, S.Const(-0.5), y);
        return S.Fma(e, Ln2High<S, V, T>(), S.Add(f, y));
    }

    /// <summary>The logarithm at 0, infinity, NaN and below 0.</summary>
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
