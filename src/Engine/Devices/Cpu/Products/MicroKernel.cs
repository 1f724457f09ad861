using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>
/// One tile of a matrix product: R rows by W vectors of C, kept in registers while A and B are read. Element (i, k) of
/// A is at A[i·RowStep + k·DepthStep]; row k of B's W vectors is at B[k·Ldb], or at B[Offsets[k]].
/// </summary>
internal unsafe struct Tile<T>
    where T : unmanaged
{
    public int Depth;
    public T* A;
    public nint RowStep, DepthStep;
    public T* B;
    public nint Ldb;

    /// <summary>Where the rows of B begin; null if they lie Ldb apart.</summary>
    public int* Offsets;
    public T* C;
    public nint Ldc;

    /// <summary>The initial value of row i's sums: Bias[i·BiasStep].</summary>
    public T* Bias;
    public nint BiasStep;

    /// <summary>Whether the result is added to C instead of replacing it.</summary>
    public bool Add;
}

/// <summary>
/// The register-blocked kernels of all heights and widths from one text: the compiler drops the rows above R, and the
/// second vector if W is 1. 6 × 2 accumulators fill 16 registers, 12 × 2 fill 32.
/// </summary>
internal static unsafe class MicroKernel<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    /// <summary>The most rows a tile may have.</summary>
    internal static int MaxRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Simd.HasManyRegisters(S.Count * sizeof(T)) ? 12 : 6;
    }

    /// <summary>Computes a tile of 1 to <see cref="MaxRows"/> rows and of one vector, or two if it is wide.</summary>
    internal static void Run(int rows, bool wide, in Tile<T> tile)
    {
        switch (wide, tile.Offsets == null)
        {
            case (true, true): Run<N2, N0>(rows, tile); break;
            case (false, true): Run<N1, N0>(rows, tile); break;
            case (true, false): Run<N2, N1>(rows, tile); break;
            default: Run<N1, N1>(rows, tile); break;
        }
    }

    /// <summary>Computes a tile; with offsets of B's rows if <typeparamref name="O"/> is 1.</summary>
    private static void Run<W, O>(int rows, in Tile<T> tile)
        where W : struct, IConstant
        where O : struct, IConstant
    {
        switch (rows)
        {
            case 1: Run<N1, W, O>(tile); break;
            case 2: Run<N2, W, O>(tile); break;
            case 3: Run<N3, W, O>(tile); break;
            case 4: Run<N4, W, O>(tile); break;
            case 5: Run<N5, W, O>(tile); break;
            case 6: Run<N6, W, O>(tile); break;
            case 7: Run<N7, W, O>(tile); break;
            case 8: Run<N8, W, O>(tile); break;
            case 9: Run<N9, W, O>(tile); break;
            case 10: Run<N10, W, O>(tile); break;
            case 11: Run<N11, W, O>(tile); break;
            default: Run<N12, W, O>(tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<R, W, O>(in Tile<T> tile)
        where R : struct, IConstant
        where W : struct, IConstant
        where O : struct, IConstant
    {
        T* bias = tile.Bias;
        nint biasStep = tile.BiasStep;
        V a0 = S.Splat(bias[0]), b0 = a0;
        V a1 = Begin<R, N1>(bias, biasStep), b1 = a1;
        V a2 = Begin<R, N2>(bias, biasStep), b2 = a2;
        V a3 = Begin<R, N3>(bias, biasStep), b3 = a3;
        V a4 = Begin<R, N4>(bias, biasStep), b4 = a4;
        V a5 = Begin<R, N5>(bias, biasStep), b5 = a5;
        V a6 = Begin<R, N6>(bias, biasStep), b6 = a6;
        V a7 = Begin<R, N7>(bias, biasStep), b7 = a7;
        V a8 = Begin<R, N8>(bias, biasStep), b8 = a8;
        V a9 = Begin<R, N9>(bias, biasStep), b9 = a9;
        V a10 = Begin<R, N10>(bias, biasStep), b10 = a10;
        V a11 = Begin<R, N11>(bias, biasStep), b11 = a11;

        // Three row pointers and three offsets address twelve rows without using up the registers.
        T* p = tile.A, q = p + tile.RowStep, r = q + tile.RowStep;
        nint d3 = 3 * tile.RowStep, d6 = 2 * d3, d9 = 3 * d3, step = tile.DepthStep;
        T* b = tile.B;
        nint ldb = tile.Ldb;
        int* offset = tile.Offsets;
        if (tile.Add && Sse.IsSupported)
        {
            // Prefetch C, to which the sums are added at the end.
            T* next = tile.C;
            for (int row = 0; row < R.Value; row++, next += tile.Ldc)
            {
                Sse.Prefetch0(next);
                Sse.Prefetch0(next + ((W.Value - 1) * S.Count));
            }
        }

        for (int k = tile.Depth; k > 0; k--)
        {
            T* row = O.Value > 0 ? b + *offset++ : b;
            V u = S.Load(row), v = W.Value > 1 ? S.Load(row + S.Count) : u;
            b += O.Value > 0 ? 0 : ldb;
            MultiplyAdd<W>(p, u, v, ref a0, ref b0);
            if (R.Value > 1) MultiplyAdd<W>(q, u, v, ref a1, ref b1);
            if (R.Value > 2) MultiplyAdd<W>(r, u, v, ref a2, ref b2);
            if (R.Value > 3) MultiplyAdd<W>(p + d3, u, v, ref a3, ref b3);
            if (R.Value > 4) MultiplyAdd<W>(q + d3, u, v, ref a4, ref b4);
            if (R.Value > 5) MultiplyAdd<W>(r + d3, u, v, ref a5, ref b5);
            if (R.Value > 6) MultiplyAdd<W>(p + d6, u, v, ref a6, ref b6);
            if (R.Value > 7) MultiplyAdd<W>(q + d6, u, v, ref a7, ref b7);
            if (R.Value > 8) MultiplyAdd<W>(r + d6, u, v, ref a8, ref b8);
            if (R.Value > 9) MultiplyAdd<W>(p + d9, u, v, ref a9, ref b9);
            if (R.Value > 10) MultiplyAdd<W>(q + d9, u, v, ref a10, ref b10);
            if (R.Value > 11) MultiplyAdd<W>(r + d9, u, v, ref a11, ref b11);
            p += step;
            q += step;
            r += step;
        }

        T* c = tile.C;
        nint ldc = tile.Ldc;
        bool add = tile.Add;
        End<W>(c, a0, b0, add);
        if (R.Value > 1) End<W>(c += ldc, a1, b1, add);
        if (R.Value > 2) End<W>(c += ldc, a2, b2, add);
        if (R.Value > 3) End<W>(c += ldc, a3, b3, add);
        if (R.Value > 4) End<W>(c += ldc, a4, b4, add);
        if (R.Value > 5) End<W>(c += ldc, a5, b5, add);
        if (R.Value > 6) End<W>(c += ldc, a6, b6, add);
        if (R.Value > 7) End<W>(c += ldc, a7, b7, add);
        if (R.Value > 8) End<W>(c += ldc, a8, b8, add);
        if (R.Value > 9) End<W>(c += ldc, a9, b9, add);
        if (R.Value > 10) End<W>(c += ldc, a10, b10, add);
        if (R.Value > 11) End<W>(c += ldc, a11, b11, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Begin<R, I>(T* bias, nint step)
        where R : struct, IConstant
        where I : struct, IConstant => R.Value > I.Value ? S.Splat(bias[I.Value * step]) : S.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<W>(T* x, V u, V v, ref V a, ref V b)
        where W : struct, IConstant
    {
        V broadcast = S.Splat(*x);
        a = S.Fma(broadcast, u, a);
        if (W.Value > 1)
        {
            b = S.Fma(broadcast, v, b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End<W>(T* c, V a, V b, bool add)
        where W : struct, IConstant
    {
        if (add)
        {
            a = S.Add(S.Load(c), a);
            b = W.Value > 1 ? S.Add(S.Load(c + S.Count), b) : b;
        }

        S.Store(c, a);
        if (W.Value > 1)
        {
            S.Store(c + S.Count, b);
        }
    }
}
