using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// One tile of a convolution with 2 × 2 max pooling: up to three windows side by side, by W vectors of filters. A
/// window is two pixels in a row of the result and the two below. The accumulators of all twelve pixels are in
/// registers, so the values that pooling drops are never stored.
/// </summary>
internal unsafe struct PoolTile<T>
    where T : unmanaged
{
    public int Taps;

    /// <summary>The first pixel, and the offsets of the taps in the image: a tap reads X[Offsets[tap]].</summary>
    public T* X;
    public int* Offsets;

    /// <summary>The distance of rows of the image.</summary>
    public nint Row;

    /// <summary>The filters, [Taps, Filters], and their biases.</summary>
    public T* W, Bias;
    public nint Filters;

    /// <summary>The maximum of each window, [window, Filters], and, if wanted, its index as an integer.</summary>
    public T* Y, At;
    public bool WithArgmax;

    /// <summary>The index of the first pixel in the plane of the result, and of the pixel below it.</summary>
    public int Index, Below;
}

/// <summary>
/// The kernel for 1 to 3 windows and 1 or 2 vectors, from one text like <see cref="MicroKernel{S,V,T}"/>.
/// </summary>
internal static unsafe class PoolKernel<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    internal const int MaxWindows = 3;

    /// <summary>12 accumulators fill 16 registers, 24 fill 32.</summary>
    internal static int MaxVectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Simd.HasManyRegisters(S.Count * sizeof(T)) ? 2 : 1;
    }

    internal static void Run(int windows, int vectors, in PoolTile<T> tile)
    {
        if (vectors == 2)
        {
            Run<N2>(windows, tile);
        }
        else
        {
            Run<N1>(windows, tile);
        }
    }

    private static void Run<W>(int windows, in PoolTile<T> tile)
        where W : struct, IConstant
    {
        switch (windows)
        {
            case 1: Run<N1, W>(tile); break;
            case 2: Run<N2, W>(tile); break;
            default: Run<N3, W>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<N, W>(in PoolTile<T> tile)
        where N : struct, IConstant
        where W : struct, IConstant
    {
        // Four sums for each window: above left and right, below left and right.
        V a0 = S.Load(tile.Bias), b0 = W.Value > 1 ? S.Load(tile.Bias + S.Count) : a0;
        V a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0, a9 = a0, a10 = a0, a11 = a0;
        V b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0, b6 = b0, b7 = b0, b8 = b0, b9 = b0, b10 = b0, b11 = b0;
        T* w = tile.W;
        int* offset = tile.Offsets;
        for (int* end = offset + tile.Taps; offset < end; offset++, w += tile.Filters)
        {
            T* p = tile.X + *offset, q = p + tile.Row;
            V u = S.Load(w), v = W.Value > 1 ? S.Load(w + S.Count) : u;
            MultiplyAdd<W>(p, u, v, ref a0, ref b0);
            MultiplyAdd<W>(p + 1, u, v, ref a1, ref b1);
            MultiplyAdd<W>(q, u, v, ref a2, ref b2);
            MultiplyAdd<W>(q + 1, u, v, ref a3, ref b3);
            if (N.Value > 1) MultiplyAdd<W>(p + 2, u, v, ref a4, ref b4);
            if (N.Value > 1) MultiplyAdd<W>(p + 3, u, v, ref a5, ref b5);
            if (N.Value > 1) MultiplyAdd<W>(q + 2, u, v, ref a6, ref b6);
            if (N.Value > 1) MultiplyAdd<W>(q + 3, u, v, ref a7, ref b7);
            if (N.Value > 2) MultiplyAdd<W>(p + 4, u, v, ref a8, ref b8);
            if (N.Value > 2) MultiplyAdd<W>(p + 5, u, v, ref a9, ref b9);
            if (N.Value > 2) MultiplyAdd<W>(q + 4, u, v, ref a10, ref b10);
            if (N.Value > 2) MultiplyAdd<W>(q + 5, u, v, ref a11, ref b11);
        }

        Pool(tile, 0, 0, a0, a1, a2, a3);
        if (N.Value > 1) Pool(tile, 1, 0, a4, a5, a6, a7);
        if (N.Value > 2) Pool(tile, 2, 0, a8, a9, a10, a11);
        if (W.Value > 1) Pool(tile, 0, S.Count, b0, b1, b2, b3);
        if (W.Value > 1 && N.Value > 1) Pool(tile, 1, S.Count, b4, b5, b6, b7);
        if (W.Value > 1 && N.Value > 2) Pool(tile, 2, S.Count, b8, b9, b10, b11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<W>(T* x, V u, V v, ref V a, ref V b)
        where W : struct, IConstant
    {
        V pixel = S.Splat(*x);
        a = S.Fma(pixel, u, a);
        if (W.Value > 1)
        {
            b = S.Fma(pixel, v, b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pool(in PoolTile<T> tile, int window, int filter, V best, V right, V below, V last)
    {
        nint to = (window * tile.Filters) + filter;
        if (!tile.WithArgmax)
        {
            S.Store(tile.Y + to, Greater(Greater(Greater(best, right), below), last));
            return;
        }

        int index = tile.Index + (2 * window);
        V at = S.ConstBits(index);
        Take(ref best, ref at, right, index + 1);
        Take(ref best, ref at, below, index + tile.Below);
        Take(ref best, ref at, last, index + tile.Below + 1);
        S.Store(tile.Y + to, best);
        S.Store(tile.At + to, at);
    }

    /// <summary>As in <see cref="Pooling.Max"/>: NaN wins over a number, and the first of equal ones wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Take(ref V best, ref V at, V value, int index)
    {
        V wins = Wins(value, best);
        best = S.Select(wins, value, best);
        at = S.Select(wins, S.ConstBits(index), at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Greater(V best, V value) => S.Select(Wins(value, best), value, best);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Wins(V value, V best) => S.AndNot(S.Equal(best, best), S.LessOrEqual(value, best));
}
