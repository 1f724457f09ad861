using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>The error function.</content>
internal static partial class VectorMath
{
    /// <summary>
    /// 2/√π·∫₀ˣ e⁻ᵗ² dt. For float by two polynomials, for |x| below and above 0.93; the second one gives the logarithm
    /// of the distance to 1 (N. Juffa, public domain). For double by a polynomial below 1, and by 1 − erfc(|x|) above.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Erf<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(T) != typeof(float))
        {
            V a = S.Abs(x);
            V above = S.Or(S.Sub(S.Const(1), Erfc<S, V, T>(a)), S.And(x, SignBit<S, V, T>()));
            return S.Select(S.Less(S.Const(1), a), above, ErfOfDouble<S, V, T>(x));
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

    /// <summary>erf(x) for |x| ≤ 1: x + x·p(x²), with p through Chebyshev's points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfOfDouble<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V s = S.Mul(x, x);
        V p = S.Fma(S.Const(-7.795898827002142e-10), s, S.Const(1.3720064546777686e-08));
        p = S.Fma(p, s, S.Const(-1.6208483801871705e-07));
        p = S.Fma(p, s, S.Const(1.6447424703317362e-06));
        p = S.Fma(p, s, S.Const(-1.492473690741966e-05));
        p = S.Fma(p, s, S.Const(0.00012055294904839707));
        p = S.Fma(p, s, S.Const(-0.0008548325975389692));
        p = S.Fma(p, s, S.Const(0.0052239776071164225));
        p = S.Fma(p, s, S.Const(-0.02686617064323777));
        p = S.Fma(p, s, S.Const(0.11283791670945006));
        p = S.Fma(p, s, S.Const(-0.37612638903183543));
        p = S.Fma(p, s, S.Const(0.12837916709551256));
        return S.Fma(p, x, x);
    }

    /// <summary>
    /// 1 − erf(x): for x ≥ 0 it is e⁻ˣ²·p(q) / (1 + 2x), where p is a polynomial of q = (x − 2)/(x + 2) through
    /// Chebyshev's points (Shepherd and Laframboise, Chebyshev approximation of (1 + 2x)exp(x²)erfc x in 0 ≤ x &lt; ∞,
    /// 1981). For x &lt; 0 it is 2 minus that of −x.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Erfc<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1), two = S.Const(2), a = S.Min(S.Abs(x), Const<S, V, T>(10.5, 28));
        V q = S.Div(S.Sub(a, two), S.Add(a, two));
        V p = typeof(T) == typeof(float) ? ErfcOfSingle<S, V, T>(q) : ErfcOfDouble<S, V, T>(q);

        // The rounding error of the square changes the power. It is computed from halves, whose products are exact.
        V high = S.And(a, S.ConstBits(typeof(T) == typeof(float) ? ~0xFFFL : ~0x7FFFFFFL)), low = S.Sub(a, high);
        V square = S.Mul(a, a), crossed = S.Mul(high, low);
        V rest = S.Add(S.Add(S.Sub(S.Mul(high, high), square), S.Add(crossed, crossed)), S.Mul(low, low));
        V power = Exp<S, V, T>(S.Neg(square));
        V y = S.Mul(S.Div(p, S.Add(one, S.Add(a, a))), S.Sub(power, S.Mul(power, rest)));
        return S.Select(S.Less(x, S.Zero), S.Sub(two, y), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfcOfSingle<S, V, T>(V q)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V p = S.Fma(S.Const(8.383818212e-5), q, S.Const(0.000177807877));
        p = S.Fma(p, q, S.Const(-0.0004018345164));
        p = S.Fma(p, q, S.Const(-0.001430149927));
        p = S.Fma(p, q, S.Const(0.001250621033));
        p = S.Fma(p, q, S.Const(0.008712785679));
        p = S.Fma(p, q, S.Const(-0.00802978426));
        p = S.Fma(p, q, S.Const(-0.05421843723));
        p = S.Fma(p, q, S.Const(0.1640508796));
        p = S.Fma(p, q, S.Const(-0.166030485));
        p = S.Fma(p, q, S.Const(-0.09276381482));
        p = S.Fma(p, q, S.Const(1.276978382));
        return p;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfcOfDouble<S, V, T>(V q)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V p = S.Fma(S.Const(-6.50344514864033536e-9), q, S.Const(-2.21080146662232855e-8));
        p = S.Fma(p, q, S.Const(7.95741365097701244e-9));
        p = S.Fma(p, q, S.Const(1.30499350992501762e-7));
        p = S.Fma(p, q, S.Const(1.59806774905972606e-7));
        p = S.Fma(p, q, S.Const(-2.15444851201920651e-7));
        p = S.Fma(p, q, S.Const(-8.49428709834699082e-7));
        p = S.Fma(p, q, S.Const(-7.3742772020281958e-7));
        p = S.Fma(p, q, S.Const(1.51001327139990353e-6));
        p = S.Fma(p, q, S.Const(5.24768777058292375e-6));
        p = S.Fma(p, q, S.Const(3.70910002481744034e-6));
        p = S.Fma(p, q, S.Const(-0.0000135017693059505576));
        p = S.Fma(p, q, S.Const(-0.0000364230243555329631));
        p = S.Fma(p, q, S.Const(-1.50766259631217795e-6));
        p = S.Fma(p, q, S.Const(0.000151039112270445576));
        p = S.Fma(p, q, S.Const(0.000206366864109542151));
        p = S.Fma(p, q, S.Const(-0.000454340817603780076));
        p = S.Fma(p, q, S.Const(-0.00145681391270761273));
        p = S.Fma(p, q, S.Const(0.00127133896400787557));
        p = S.Fma(p, q, S.Const(0.00872265387377371316));
        p = S.Fma(p, q, S.Const(-0.00803401508227605301));
        p = S.Fma(p, q, S.Const(-0.0542200009919838085));
        p = S.Fma(p, q, S.Const(0.164051280033437116));
        p = S.Fma(p, q, S.Const(-0.166030397615289887));
        p = S.Fma(p, q, S.Const(-0.0927638265857459595));
        p = S.Fma(p, q, S.Const(1.27697838155252872));
        return p;
    }
}
