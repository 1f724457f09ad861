using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// The gradient of a max-pooled convolution for a few filters and images. Only one pixel of each window has a gradient;
/// it is multiplied with one patch of the image (<see cref="PatchShape"/>).
/// </summary>
internal unsafe struct SparseTile<T>
    where T : unmanaged
{
    public int Images, Windows;

    /// <summary>
    /// The gradient of each window and the index of its maximum in the plane, one filter after the other.
    /// </summary>
    public T* Dy;
    public int* At;

    /// <summary>The distance from the windows of an image to those of the next image.</summary>
    public nint DyStep;

    /// <summary>The offset in <see cref="Patches"/> of the patch of each pixel of the plane.</summary>
    public int* Offsets;

    public T* Patches;

    /// <summary>The same layout for the image's gradient; or null.</summary>
    public T* DPatches;

    /// <summary>
    /// The distance from the patches of an image to those of the next image, and between the runs of a patch.
    /// </summary>
    public nint PatchesStep, RunStep;

    /// <summary>The filters in patch order, and their gradients, to which the tile is added.</summary>
    public T* W, Dw;

    /// <summary>The distance of filters, and of the runs of a filter, which are padded to whole vectors.</summary>
    public nint FilterStep, FilterRunStep;

    /// <summary>The number of elements in the last vector of a run.</summary>
    public int Last;
}

/// <summary>
/// The kernel for F filters by R runs by P vectors, at most eight vectors together. Each vector has an accumulator for
/// the filters' gradient and, if the image's gradient is wanted, a register that holds the filter.
/// </summary>
internal static unsafe class SparseKernel<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    internal const int MaxRuns = 3;

    /// <summary>Each vector needs two registers; two more are shared.</summary>
    internal static int MaxVectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Simd.HasManyRegisters(S.Count * sizeof(T)) ? 8 : 4;
    }

    /// <summary>Returns how many filters with this many vectors each fit a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Filters(int vectors) => MaxVectors / vectors;

    /// <summary>Computes a tile of that many filters, or of one.</summary>
    internal static void Run(int runs, int vectors, bool one, in SparseTile<T> tile)
    {
        switch (runs)
        {
            case 1: Run<N1>(vectors, one, tile); break;
            case 2: Run<N2>(vectors, one, tile); break;
            default: Run<N3>(vectors, one, tile); break;
        }
    }

    private static void Run<R>(int vectors, bool one, in SparseTile<T> tile)
        where R : struct, IConstant
    {
        switch (vectors)
        {
            case 1: Run<R, N1>(one, tile); break;
            case 2: Run<R, N2>(one, tile); break;
            case 3: Run<R, N3>(one, tile); break;
            case 4: Run<R, N4>(one, tile); break;
            case 5: Run<R, N5>(one, tile); break;
            case 6: Run<R, N6>(one, tile); break;
            case 7: Run<R, N7>(one, tile); break;
            default: Run<R, N8>(one, tile); break;
        }
    }

    private static void Run<R, P>(bool one, in SparseTile<T> tile)
        where R : struct, IConstant
        where P : struct, IConstant
    {
        if (one)
        {
            Run<One, R, P>(tile);
        }
        else
        {
            Run<Many, R, P>(tile);
        }
    }

    private static void Run<F, R, P>(in SparseTile<T> tile)
        where F : struct, ICount
        where R : struct, IConstant
        where P : struct, IConstant
    {
        if (tile.DPatches == null)
        {
            Run<F, R, P, N0>(tile);
        }
        else
        {
            Run<F, R, P, N1>(tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<F, R, P, X>(in SparseTile<T> tile)
        where F : struct, ICount
        where R : struct, IConstant
        where P : struct, IConstant
        where X : struct, IConstant
    {
        V a0 = Begin<F, R, P, N0, N1>(tile.Dw, tile), a1 = Begin<F, R, P, N1, N1>(tile.Dw, tile);
        V a2 = Begin<F, R, P, N2, N1>(tile.Dw, tile), a3 = Begin<F, R, P, N3, N1>(tile.Dw, tile);
        V a4 = Begin<F, R, P, N4, N1>(tile.Dw, tile), a5 = Begin<F, R, P, N5, N1>(tile.Dw, tile);
        V a6 = Begin<F, R, P, N6, N1>(tile.Dw, tile), a7 = Begin<F, R, P, N7, N1>(tile.Dw, tile);
        V w0 = Begin<F, R, P, N0, X>(tile.W, tile), w1 = Begin<F, R, P, N1, X>(tile.W, tile);
        V w2 = Begin<F, R, P, N2, X>(tile.W, tile), w3 = Begin<F, R, P, N3, X>(tile.W, tile);
        V w4 = Begin<F, R, P, N4, X>(tile.W, tile), w5 = Begin<F, R, P, N5, X>(tile.W, tile);
        V w6 = Begin<F, R, P, N6, X>(tile.W, tile), w7 = Begin<F, R, P, N7, X>(tile.W, tile);
        T* x = tile.Patches, dx = tile.DPatches;
        int* offsets = tile.Offsets;
        nint windows = tile.Windows, run = tile.RunStep;
        int last = tile.Last;
        for (int image = 0; image < tile.Images; image++)
        {
            T* dy = tile.Dy + (image * tile.DyStep);
            int* argmax = tile.At + (image * tile.DyStep);
            for (T* end = dy + windows; dy < end; dy++, argmax++)
            {
                V g = S.Zero;
                nint at = 0;
                Step<F, R, P, N0, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a0, w0);
                Step<F, R, P, N1, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a1, w1);
                Step<F, R, P, N2, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a2, w2);
                Step<F, R, P, N3, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a3, w3);
                Step<F, R, P, N4, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a4, w4);
                Step<F, R, P, N5, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a5, w5);
                Step<F, R, P, N6, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a6, w6);
                Step<F, R, P, N7, X>(dy, argmax, windows, offsets, x, dx, run, last, ref g, ref at, ref a7, w7);
            }

            x += tile.PatchesStep;
            dx += tile.PatchesStep;
        }

        End<F, R, P, N0>(tile, a0);
        End<F, R, P, N1>(tile, a1);
        End<F, R, P, N2>(tile, a2);
        End<F, R, P, N3>(tile, a3);
        End<F, R, P, N4>(tile, a4);
        End<F, R, P, N5>(tile, a5);
        End<F, R, P, N6>(tile, a6);
        End<F, R, P, N7>(tile, a7);
    }

    /// <summary>
    /// Vector I belongs to filter I / (R·P) and to its run I / P % R, and is vector I % P of that run.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Begin<F, R, P, I, X>(T* from, in SparseTile<T> tile)
        where F : struct, ICount
        where R : struct, IConstant
        where P : struct, IConstant
        where I : struct, IConstant
        where X : struct, IConstant =>
        X.Value > 0 && I.Value < F.Of(R.Value * P.Value) * R.Value * P.Value
            ? S.Load(from + FilterOffset<R, P, I>(tile))
            : S.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint FilterOffset<R, P, I>(in SparseTile<T> tile)
        where R : struct, IConstant
        where P : struct, IConstant
        where I : struct, IConstant =>
        (I.Value / (R.Value * P.Value) * tile.FilterStep) + (I.Value / P.Value % R.Value * tile.FilterRunStep)
        + (I.Value % P.Value * S.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<F, R, P, I, X>(
        T* dy, int* argmax, nint windows, int* offsets, T* x, T* dx, nint run, int last,
        ref V g, ref nint at, ref V a, V w)
        where F : struct, ICount
        where R : struct, IConstant
        where P : struct, IConstant
        where I : struct, IConstant
        where X : struct, IConstant
    {
        if (I.Value >= F.Of(R.Value * P.Value) * R.Value * P.Value)
        {
            return;
        }

        if (I.Value % (R.Value * P.Value) == 0)
        {
            nint filter = I.Value / (R.Value * P.Value) * windows;
            g = S.Splat(dy[filter]);
            at = offsets[argmax[filter]];
        }
        else if (I.Value % P.Value == 0)
        {
            at += run;
        }

        nint offset = at + (I.Value % P.Value * S.Count);
        a = S.Fma(g, S.Load(x + offset), a);
        if (X.Value > 0)
        {
            V sum = S.Fma(g, w, S.Load(dx + offset));
            // Another run follows this one: the product of 0 and an infinite gradient must not be added to it.
            if (I.Value % P.Value == P.Value - 1 && last < S.Count)
            {
                S.StorePartial(dx + offset, sum, last);
            }
            else
            {
                S.Store(dx + offset, sum);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End<F, R, P, I>(in SparseTile<T> tile, V a)
        where F : struct, ICount
        where R : struct, IConstant
        where P : struct, IConstant
        where I : struct, IConstant
    {
        if (I.Value < F.Of(R.Value * P.Value) * R.Value * P.Value)
        {
            S.Store(tile.Dw + FilterOffset<R, P, I>(tile), a);
        }
    }

    /// <summary>The number of filters in a tile.</summary>
    private interface ICount
    {
        static abstract int Of(int vectors);
    }

    private readonly struct One : ICount
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static int Of(int vectors) => 1;
    }

    private readonly struct Many : ICount
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static int Of(int vectors) => Filters(vectors);
    }
}
