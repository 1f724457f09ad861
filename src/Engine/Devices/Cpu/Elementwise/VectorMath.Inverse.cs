using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>
/// Inverse trigonometric functions, and hyperbolic functions with their inverses, from exponentials and logarithms.
/// </content>
internal static partial class VectorMath
{
    /// <summary>The angle of (x, y), from -π to π, with the signs of zeros as in <see cref="Math.Atan2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Atan2<S, V, T>(V y, V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V sign = SignBit<S, V, T>(), a = S.Abs(y), b = S.Abs(x), isSteep = S.Less(b, a);
        V max = S.Select(isSteep, a, b), min = S.Select(isSteep, b, a);
        V ratio = S.Div(min, max);
        ratio = S.Select(S.Equal(max, S.Zero), S.Zero, S.Select(S.Equal(max, min), S.Const(1), ratio));
        V angle = AtanOfLittle<S, V, T>(ratio);
        angle = S.Select(isSteep, FromTurn<S, V, T>(0.5, angle), angle);
        V isLeft = S.Less(S.Or(S.And(x, sign), S.Const(1)), S.Zero);
        angle = S.Select(isLeft, FromTurn<S, V, T>(1, angle), angle);
        angle = S.Or(angle, S.And(y, sign));
        return S.Select(S.And(S.Equal(x, x), S.Equal(y, y)), angle, S.Const(double.NaN));
    }

    /// <summary>The arcsine: the angle of (√(1 - x²), x).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static V Asin<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => Atan2<S, V, T>(x, Leg<S, V, T>(x));

    /// <summary>The arccosine: the angle of (x, √(1 - x²)).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static V Acos<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => Atan2<S, V, T>(Leg<S, V, T>(x), x);

    /// <summary>The arctangent: the angle of (1, x).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static V Atan<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => Atan2<S, V, T>(x, S.Const(1));

    /// <summary>(e - 1/e) / 2 with e = eˣ, from e - 1; for large x, from the square of √e.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Sinh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V a = S.Abs(x), half = S.Const(0.5), m = ExpM1<S, V, T>(a);
        V small = S.Mul(half, S.Add(m, S.Div(m, S.Add(m, S.Const(1)))));
        V root = Exp<S, V, T>(S.Mul(a, half)), large = S.Mul(S.Mul(half, root), root);
        return S.Or(S.Select(S.Less(a, S.Const(30)), small, large), S.And(x, SignBit<S, V, T>()));
    }

    /// <summary>(e + 1/e) / 2 with e = eˣ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Cosh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V a = S.Abs(x), half = S.Const(0.5), root = Exp<S, V, T>(S.Mul(a, half)), less = S.Div(half, Exp<S, V, T>(a));
        return S.Fma(S.Mul(half, root), root, less);
    }

    /// <summary>log(a + √(a² + 1)), without cancellation near 0; log(2a) for large a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Asinh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1), a = S.Abs(x), square = S.Mul(a, a);
        V small = Log1P<S, V, T>(S.Add(a, S.Div(square, S.Add(one, S.Sqrt(S.Add(square, one))))));
        return S.Or(S.Select(S.Less(a, Huge<S, V, T>()), small, LogOfTwice<S, V, T>(a)), S.And(x, SignBit<S, V, T>()));
    }

    /// <summary>log(x + √(x² - 1)), without cancellation near 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Acosh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V t = S.Sub(x, S.Const(1)), small = Log1P<S, V, T>(S.Add(t, S.Sqrt(S.Fma(t, t, S.Add(t, t)))));
        V result = S.Select(S.Less(x, Huge<S, V, T>()), small, LogOfTwice<S, V, T>(x));
        return S.Select(S.Less(x, S.Const(1)), S.Const(double.NaN), result);
    }

    /// <summary>½·log((1 + x) / (1 - x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Atanh<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V a = S.Abs(x), ratio = S.Div(S.Add(a, a), S.Sub(S.Const(1), a));
        return S.Or(S.Mul(S.Const(0.5), Log1P<S, V, T>(ratio)), S.And(x, SignBit<S, V, T>()));
    }

    /// <summary>√(1 - x²), exact to the last bits, also near 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Leg<S, V, T>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Sqrt(S.Mul(S.Sub(S.Const(1), x), S.Add(S.Const(1), x)));

    /// <summary>From this number on, a² + 1 rounds to a².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Huge<S, V, T>()
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => Const<S, V, T>(1e8, 1e16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogOfTwice<S, V, T>(V a)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Add(Log<S, V, T>(a), S.Const(0.69314718055994530942));

    /// <summary>Half turns minus an angle; π has the digits of two numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V FromTurn<S, V, T>(double halfTurns, V angle)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V high = typeof(T) == typeof(float)
            ? S.Const(halfTurns * 3.1415927410125732422) : S.Const(halfTurns * 3.1415926535897931160);
        V low = typeof(T) == typeof(float)
            ? S.Const(halfTurns * -8.7422776573475857731e-8) : S.Const(halfTurns * 1.2246467991473531772e-16);
        return S.Add(S.Sub(high, angle), low);
    }

    /// <summary>
    /// The angle with a tangent from 0 to 1. Above tan(π/8) it is π/4 plus the angle of (t - 1)/(t + 1). The
    /// polynomials are from Cephes (S. L. Moshier).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V AtanOfLittle<S, V, T>(V t)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V one = S.Const(1), isLarge = S.Less(S.Const(0.41421356237309503), t);
        V x = S.Select(isLarge, S.Div(S.Sub(t, one), S.Add(t, one)), t), z = S.Mul(x, x), p;
        if (typeof(T) == typeof(float))
        {
            p = S.Fma(z, S.Const(8.05374449538e-2), S.Const(-1.38776856032e-1));
            p = S.Fma(z, p, S.Const(1.99777106478e-1));
            p = S.Fma(z, p, S.Const(-3.33329491539e-1));
        }
        else
        {
            V q = S.Add(z, S.Const(2.485846490142306297962e1));
            q = S.Fma(z, q, S.Const(1.650270098316988542046e2));
            q = S.Fma(z, q, S.Const(4.328810604912902668951e2));
            q = S.Fma(z, q, S.Const(4.853903996359136964868e2));
            q = S.Fma(z, q, S.Const(1.945506571482613964425e2));
            p = S.Fma(z, S.Const(-8.750608600031904122785e-1), S.Const(-1.615753718733365076637e1));
            p = S.Fma(z, p, S.Const(-7.500855792314704667340e1));
            p = S.Fma(z, p, S.Const(-1.228866684490136173410e2));
            p = S.Fma(z, p, S.Const(-6.485021904942025371773e1));
            p = S.Div(p, q);
        }

        V angle = S.Fma(S.Mul(x, z), p, x);
        return S.Select(isLarge, S.Add(S.Const(0.78539816339744830962), angle), angle);
    }
}
