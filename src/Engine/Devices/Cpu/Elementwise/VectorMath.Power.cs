using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>
/// Powers, and logarithms to other bases. xʸ = exp(y·log x) loses as many digits as the exponent has before its point.
/// So the logarithm and its product with y are pairs of numbers: High, and the error Low. A product with 1 / log(base)
/// is a pair too, and so the logarithm of a power of the base is the whole number that it is.
/// </content>
internal static unsafe partial class VectorMath
{
    /// <summary>The most vectors that some functions take at once.</summary>
    internal const int MaxRun = 16;

    private const double Ln2 = 0.6931471805599453;

    /// <summary>x to the power y, with the special cases of <see cref="Math.Pow"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Pow<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (!Simd.HasFma)
        {
            return ScalarMath.PerLane<S, V, T, ScalarMath.Pow>(x, y);
        }

        // Ordinary numbers need no special case; a lane gets the same bits with or without special neighbors.
        if (S.MaskBits(IsOrdinary<S, V, T>(x, y)) != (1UL << S.Count) - 1)
        {
            return AnyPower<S, V, T>(x, y);
        }

        (V f, V e) = Decompose<S, V, T>(x);
        (V high, V low) = LogPair<S, V, T>(f, e);
        return ExpOfProduct<S, V, T>(y, high, low);
    }

    /// <summary>
    /// Replaces each x of up to <see cref="MaxRun"/> vectors by its power, with the same bits as
    /// <see cref="Pow{S, V, T}(V, V)"/>. All logarithms come before the exponentials: a power is one long chain of
    /// instructions, and the processor does not look far enough ahead to begin several.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    internal static void Pow<S, V, T>(int vectors, T* x, T* y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V ordinary = S.ConstBits(-1);
        int count = vectors * S.Count;
        for (int i = 0; i < count && Simd.HasFma; i += S.Count)
        {
            ordinary = S.And(ordinary, IsOrdinary<S, V, T>(S.Load(x + i), S.Load(y + i)));
        }

        if (!Simd.HasFma || S.MaskBits(ordinary) != (1UL << S.Count) - 1)
        {
            for (int i = 0; i < count; i += S.Count)
            {
                S.Store(x + i, Pow<S, V, T>(S.Load(x + i), S.Load(y + i)));
            }

            return;
        }

        T* lows = stackalloc T[MaxRun * S.Count];
        for (int i = 0; i < count; i += S.Count)
        {
            (V f, V e) = Decompose<S, V, T>(S.Load(x + i));
            (V high, V low) = LogPair<S, V, T>(f, e);
            S.Store(x + i, high);
            S.Store(lows + i, low);
        }

        for (int i = 0; i < count; i += S.Count)
        {
            S.Store(x + i, ExpOfProduct<S, V, T>(S.Load(y + i), S.Load(x + i), S.Load(lows + i)));
        }
    }

    /// <summary>2ˣ, exact for whole x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Exp2<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        // Beyond the bounds, the result is infinite or 0 in any case; NaN passes as the second operand.
        x = S.MinNative(Const<S, V, T>(128, 1024), S.MaxNative(Const<S, V, T>(-151, -1076), x));
        V n = S.Round(x), r = S.Sub(x, n);
        V scaled = S.Fma(r, S.Const(Ln2), S.Mul(r, Const<S, V, T>(-1.9046542121259336e-9, 2.3190468138462996e-17)));
        return S.Scale(S.Add(ExpM1Reduced<S, V, T>(scaled), S.Const(1)), n);
    }

    /// <summary>The logarithm to base 2, exact for powers of 2.</summary>
    internal static V Log2<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Simd.HasFma
            ? LogToBase<S, V, T>(
                x, S.Const(1.4426950408889634), Const<S, V, T>(1.925963033500011e-8, 2.0355273740931033e-17))
            : ScalarMath.PerLane<S, V, T, ScalarMath.Log2>(x);

    /// <summary>The logarithm to base 10, exact for powers of 10.</summary>
    internal static V Log10<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Simd.HasFma
            ? LogToBase<S, V, T>(
                x, S.Const(0.4342944819032518), Const<S, V, T>(-1.0103049952192578e-8, 1.098319650216765e-17))
            : ScalarMath.PerLane<S, V, T, ScalarMath.Log10>(x);

    /// <summary>The logarithm times 1 / log(base), which is given as a pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static V LogToBase<S, V, T>(V x, V scale, V scaleLow)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        (V f, V e) = Decompose<S, V, T>(x);
        (V high, V low) = LogPair<S, V, T>(f, e);
        (V product, V rest) = Product<S, V, T>(high, scale);
        rest = S.Fma(high, scaleLow, S.Fma(low, scale, rest));
        return LogSpecial<S, V, T>(x, S.Add(product, rest));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V IsOrdinary<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V infinity = S.Const(double.PositiveInfinity);
        return S.And(S.And(S.Less(S.Zero, x), S.Less(x, infinity)), S.Less(S.Abs(y), infinity));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static V AnyPower<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1), infinity = S.Const(double.PositiveInfinity), sign = SignBit<S, V, T>();
        V a = S.Abs(x), isFinite = S.Less(a, infinity);
        (V f, V e) = Decompose<S, V, T>(a);
        (V high, V low) = LogPair<S, V, T>(f, e);
        high = S.Select(isFinite, high, a);
        high = S.Select(S.Equal(a, S.Zero), S.Neg(infinity), high);
        V power = ExpOfProduct<S, V, T>(y, high, low);

        power = S.Select(S.Or(S.Equal(a, one), S.Equal(y, S.Zero)), one, power);
        V half = S.Mul(y, S.Const(0.5)), isWhole = S.Equal(S.Floor(y), y);
        V isOdd = S.AndNot(isWhole, S.Equal(S.Floor(half), half));
        power = S.Or(power, S.And(S.And(x, sign), isOdd));
        V hasNone = S.AndNot(S.And(S.Less(x, S.Zero), isFinite), isWhole);
        return S.Select(hasNone, S.Const(double.NaN), power);
    }

    /// <summary>exp(y·(high + low)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfProduct<S, V, T>(V y, V high, V low)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        (V product, V rest) = Product<S, V, T>(y, high);
        rest = S.Fma(y, low, rest);
        // The rest may be a hundredth of the product; beyond these bounds the power is infinite or 0 in any case.
        V max = Const<S, V, T>(90, 710), min = Const<S, V, T>(-106, -746);
        rest = S.And(rest, S.And(S.Less(product, max), S.Less(min, product)));
        product = S.MinNative(max, S.MaxNative(min, product));
        V n = S.Round(S.Mul(S.Add(product, rest), S.Const(1.44269504088896341)));
        V r = S.Add(Reduce<S, V, T>(product, n), rest);
        return S.Scale(S.Add(ExpM1Reduced<S, V, T>(r), S.Const(1)), n);
    }

    /// <summary>log(1 + f) + e·log 2 as a pair: 2·artanh(s) = 2·s + s³·p(s²), with s = f / (2 + f).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V High, V Low) LogPair<S, V, T>(V f, V e)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V two = S.Const(2), sum = S.Add(f, two), inverse = S.Div(S.Const(1), sum);
        V s = S.Mul(f, inverse);
        V remainder = S.Fma(S.Neg(s), S.Sub(f, S.Sub(sum, two)), S.Fma(S.Neg(s), sum, f));
        V sLow = S.Mul(remainder, inverse);
        (V z, V zLow) = Product<S, V, T>(s, s);
        zLow = S.Fma(S.Add(s, s), sLow, zLow);
        (V cube, V cubeLow) = Product<S, V, T>(s, z);
        cubeLow = S.Add(cubeLow, S.Fma(s, zLow, S.Mul(sLow, z)));
        V twice = S.Add(s, s), twiceLow = S.Add(sLow, sLow), exponent = S.Mul(e, Ln2High<S, V, T>());
        if (typeof(T) == typeof(float))
        {
            // All of s³·p goes into Low; it is at most a hundredth of the whole, so its rounding has little effect.
            V p = S.Fma(z, S.Const(0.1936400146135547799), S.Const(0.22191281983854406517));
            p = S.Fma(z, p, S.Const(0.28571757727870834527));
            p = S.Fma(z, p, S.Const(0.39999998767681580394));
            p = S.Fma(z, p, S.Const(0.6666666666));
            V rest = S.Fma(cube, p, S.Fma(cubeLow, p, twiceLow)), sumHigh = S.Add(exponent, twice);
            return (sumHigh, S.Add(S.Add(S.Sub(exponent, sumHigh), twice), S.Fma(e, Ln2Low<S, V, T>(), rest)));
        }

        V tail = S.Fma(z, S.Const(0.10910483093214737022), S.Const(0.10437233097699911221));
        tail = S.Fma(z, tail, S.Const(0.11767834562352302835));
        tail = S.Fma(z, tail, S.Const(0.13333267234598907983));
        tail = S.Fma(z, tail, S.Const(0.1538461624743873031));
        tail = S.Fma(z, tail, S.Const(0.18181818174961547334));
        tail = S.Fma(z, tail, S.Const(0.222222222222535744));
        tail = S.Fma(z, tail, S.Const(0.28571428571428498246));
        tail = S.Fma(z, tail, S.Const(0.40000000000000000067));
        tail = S.Mul(z, tail);
        V third = S.Const(0.6666666666666666296592), thirdLow = S.Const(3.700743415417188262646e-17);
        V factor = S.Add(third, tail), factorLow = S.Add(S.Add(S.Sub(third, factor), tail), thirdLow);
        (V more, V moreLow) = Product<S, V, T>(cube, factor);
        moreLow = S.Add(moreLow, S.Fma(cube, factorLow, S.Mul(cubeLow, factor)));

        V log = S.Add(twice, more), logLow = S.Add(S.Add(S.Sub(twice, log), more), S.Add(twiceLow, moreLow));
        V high = S.Add(exponent, log);
        V low = S.Add(S.Add(S.Sub(exponent, high), log), S.Fma(e, Ln2Low<S, V, T>(), logLow));
        // If the exponent is 0, the first of the three terms is not the largest.
        low = S.Select(S.Equal(e, S.Zero), logLow, low);
        return (high, low);
    }

    /// <summary>a·b and its rounding error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V High, V Low) Product<S, V, T>(V a, V b)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V product = S.Mul(a, b);
        return (product, S.Fma(a, b, S.Neg(product)));
    }
}
