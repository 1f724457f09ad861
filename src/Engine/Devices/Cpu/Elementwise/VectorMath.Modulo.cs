using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <content>Quotients rounded down, and their remainders.</content>
internal static partial class VectorMath
{
    /// <summary>x / y rounded down: see <see cref="ScalarMath.IntDiv"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V IntDiv<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Divide<S, V, T>(x, y, out V whole, out _) ? whole : ScalarMath.PerLane<S, V, T, ScalarMath.IntDiv>(x, y);

    /// <summary>The remainder of x / y, with the sign of y: see <see cref="ScalarMath.Mod"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static V Mod<S, V, T>(V x, V y)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        Divide<S, V, T>(x, y, out _, out V rest)
            ? S.Select(S.Equal(rest, S.Zero), S.And(y, SignBit<S, V, T>()), rest)
            : ScalarMath.PerLane<S, V, T, ScalarMath.Mod>(x, y);

    /// <summary>
    /// Returns whether all quotients of floating-point numbers are so small that their remainders are exact.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Divide<S, V, T>(V x, V y, out V whole, out V rest)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        whole = rest = S.Zero;
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
        {
            return false;
        }

        V quotient = S.Div(x, y), infinity = S.Const(double.PositiveInfinity);
        V isSmall = S.And(
            S.Less(S.Abs(quotient), S.Const(typeof(T) == typeof(float) ? 1 << 22 : 1L << 51)),
            S.Less(S.Abs(y), infinity));
        if (S.MaskBits(isSmall) != S.MaskBits(S.Equal(S.Zero, S.Zero)))
        {
            return false;
        }

        whole = S.Floor(quotient);
        rest = S.Fma(S.Neg(whole), y, x);

        // A quotient that was rounded up to a whole number has a remainder of the other sign.
        V isAbove = S.AndNot(S.Xor(S.Less(rest, S.Zero), S.Less(y, S.Zero)), S.Equal(rest, S.Zero));
        whole = S.Select(isAbove, S.Sub(whole, S.Const(1)), whole);
        rest = S.Fma(S.Neg(whole), y, x);
        return true;
    }
}
