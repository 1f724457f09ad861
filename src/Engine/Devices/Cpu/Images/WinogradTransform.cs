using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// The transforms of one dimension that compute m results of a 3-tap correlation from m + 2 products (S. Winograd; A.
/// Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): y = Aᵀ[(G g) ⊙ (Bᵀ d)]. In two
/// dimensions each is applied to the columns and then to the rows. A smaller transform does not touch the registers
/// that it does not need.
/// </summary>
internal interface IWinograd
{
    /// <summary>m: the pixels of the result in a tile, down and across.</summary>
    static abstract int Tile { get; }

    /// <summary>m + 2: the pixels of the image from which a tile is computed, down and across.</summary>
    static abstract int Patch { get; }

    /// <summary>Bᵀ d, in place.</summary>
    static abstract void Input<S, V, T>(ref V d0, ref V d1, ref V d2, ref V d3, ref V d4, ref V d5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged;

    /// <summary>G g of the three weights in the first registers.</summary>
    static abstract void Filter<S, V, T>(ref V g0, ref V g1, ref V g2, out V u3, out V u4, out V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged;

    /// <summary>Aᵀ m; the results are in the first registers.</summary>
    static abstract void Output<S, V, T>(ref V m0, ref V m1, ref V m2, ref V m3, V m4, V m5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged;

    /// <summary>A y, the adjoint of <see cref="Output"/>; y is in the first registers.</summary>
    static abstract void OutputAdjoint<S, V, T>(ref V y0, ref V y1, ref V y2, ref V y3, out V z4, out V z5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged;

    /// <summary>Gᵀ u, the adjoint of <see cref="Filter"/>; the three weights are in the first registers.</summary>
    static abstract void FilterAdjoint<S, V, T>(ref V u0, ref V u1, ref V u2, V u3, V u4, V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged;
}

/// <summary>F(2, 3): 16 multiplications where the direct sum has 36; the transforms only add and halve.</summary>
internal readonly struct Winograd2 : IWinograd
{
    public static int Tile
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    public static int Patch
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<S, V, T>(ref V d0, ref V d1, ref V d2, ref V d3, ref V d4, ref V d5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V second = S.Add(d1, d2), third = S.Sub(d2, d1);
        d0 = S.Sub(d0, d2);
        d3 = S.Sub(d1, d3);
        (d1, d2) = (second, third);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Filter<S, V, T>(ref V g0, ref V g1, ref V g2, out V u3, out V u4, out V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V outer = S.Mul(S.Add(g0, g2), S.Const(0.5)), middle = S.Mul(g1, S.Const(0.5));
        u3 = g2;
        g1 = S.Add(outer, middle);
        g2 = S.Sub(outer, middle);
        u4 = u5 = S.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<S, V, T>(ref V m0, ref V m1, ref V m2, ref V m3, V m4, V m5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        m0 = S.Add(m0, S.Add(m1, m2));
        m1 = S.Sub(S.Sub(m1, m2), m3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputAdjoint<S, V, T>(ref V y0, ref V y1, ref V y2, ref V y3, out V z4, out V z5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        y2 = S.Sub(y0, y1);
        y3 = S.Neg(y1);
        y1 = S.Add(y0, y1);
        z4 = z5 = S.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FilterAdjoint<S, V, T>(ref V u0, ref V u1, ref V u2, V u3, V u4, V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V sum = S.Mul(S.Add(u1, u2), S.Const(0.5)), difference = S.Mul(S.Sub(u1, u2), S.Const(0.5));
        u0 = S.Add(u0, sum);
        u1 = difference;
        u2 = S.Add(sum, u3);
    }
}

/// <summary>
/// F(4, 3), from the points 0, ±1, ±2: 36 multiplications where the direct sum has 144. Its coefficients differ in
/// magnitude, which costs almost a decimal digit.
/// </summary>
internal readonly struct Winograd4 : IWinograd
{
    public static int Tile
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static int Patch
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 6;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<S, V, T>(ref V d0, ref V d1, ref V d2, ref V d3, ref V d4, ref V d5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V four = S.Const(4), minus4 = S.Const(-4), minus5 = S.Const(-5), two = S.Const(2), minus2 = S.Const(-2);
        V first = S.Fma(minus5, d2, S.Fma(four, d0, d4)), last = S.Fma(minus5, d3, S.Fma(four, d1, d5));
        V even = S.Fma(minus4, d2, d4), odd = S.Fma(minus4, d1, d3);
        V even2 = S.Sub(d4, d2), odd2 = S.Sub(d3, d1);
        d0 = first;
        d1 = S.Add(even, odd);
        d2 = S.Sub(even, odd);
        d3 = S.Fma(two, odd2, even2);
        d4 = S.Fma(minus2, odd2, even2);
        d5 = last;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Filter<S, V, T>(ref V g0, ref V g1, ref V g2, out V u3, out V u4, out V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V near = S.Mul(S.Add(g0, g2), S.Const(-1.0 / 6)), nearOdd = S.Mul(g1, S.Const(1.0 / 6));
        V far = S.Fma(g0, S.Const(1.0 / 24), S.Mul(g2, S.Const(1.0 / 6))), farOdd = S.Mul(g1, S.Const(1.0 / 12));
        g0 = S.Mul(g0, S.Const(0.25));
        u5 = g2;
        g1 = S.Sub(near, nearOdd);
        g2 = S.Add(near, nearOdd);
        u3 = S.Add(far, farOdd);
        u4 = S.Sub(far, farOdd);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<S, V, T>(ref V m0, ref V m1, ref V m2, ref V m3, V m4, V m5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V near = S.Add(m1, m2), nearOdd = S.Sub(m1, m2), far = S.Add(m3, m4), farOdd = S.Sub(m3, m4);
        m0 = S.Add(S.Add(m0, near), far);
        m1 = S.Fma(S.Const(2), farOdd, nearOdd);
        m2 = S.Fma(S.Const(4), far, near);
        m3 = S.Add(S.Fma(S.Const(8), farOdd, nearOdd), m5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OutputAdjoint<S, V, T>(ref V y0, ref V y1, ref V y2, ref V y3, out V z4, out V z5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V near = S.Add(y0, y2), nearOdd = S.Add(y1, y3);
        V far = S.Fma(S.Const(4), y2, y0), farOdd = S.Fma(S.Const(8), y3, S.Mul(y1, S.Const(2)));
        z5 = y3;
        y1 = S.Add(near, nearOdd);
        y2 = S.Sub(near, nearOdd);
        y3 = S.Add(far, farOdd);
        z4 = S.Sub(far, farOdd);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FilterAdjoint<S, V, T>(ref V u0, ref V u1, ref V u2, V u3, V u4, V u5)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V near = S.Mul(S.Add(u1, u2), S.Const(-1.0 / 6)), nearOdd = S.Mul(S.Sub(u2, u1), S.Const(1.0 / 6));
        V far = S.Add(u3, u4), farOdd = S.Sub(u3, u4);
        u0 = S.Fma(far, S.Const(1.0 / 24), S.Fma(u0, S.Const(0.25), near));
        u1 = S.Fma(farOdd, S.Const(1.0 / 12), nearOdd);
        u2 = S.Add(S.Fma(far, S.Const(1.0 / 6), near), u5);
    }
}
