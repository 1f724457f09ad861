using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>
/// The transforms of a block of tiles. Each lane is a tile, so they are additions of whole vectors for any size of
/// tiles. The columns of patches are split, and the columns of tiles are joined, in registers.
/// </summary>
internal static unsafe partial class WinogradKernel<F, S, V, T>
    where F : struct, IWinograd
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    /// <summary>
    /// Transforms the patches of all channels to planes [channel, tile]. The rows of the image are transformed once,
    /// although two strips use them, and then the columns of all strips of an image together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Patches(
        in WinogradShape shape, in WinogradMemory<T> memory, in WinogradBlock block, T* x, int worker)
    {
        ConvShape conv = shape.Conv;
        T* half = memory.Scratch(worker), row = half + (memory.HalfPlanes * (nint)memory.HalfPlane);
        new Span<T>(half, (memory.HalfPlanes * memory.HalfPlane) + memory.PaddedRow).Clear();
        int columns = Math.Min(memory.Columns, (block.Tiles + S.Count - 1) / S.Count * S.Count);
        for (int c = 0; c < conv.C; c++)
        {
            T* to = memory.Patches(worker) + ((nint)c * memory.Columns);
            for (int strip = block.First; strip < block.Last;)
            {
                (int image, int first) = Math.DivRem(strip, shape.TilesDown);
                int last = Math.Min(shape.TilesDown, first + block.Last - strip);
                T* plane = x + ((((nint)image * conv.C) + c) * conv.H * conv.W);
                HalfPatches(conv, block, plane, first, last, row, half, memory.HalfPlane);
                // Whole vectors: the next strips or the next channel overwrite the excess, or nobody reads it.
                int begin = (strip - block.First) * block.Across;
                strip += last - first;
                int count = strip == block.Last ? columns - begin : (last - first) * block.Across;
                WholePatches(
                    half, memory.HalfPlane, block.Across, count, to + begin, (nint)memory.PatchPlane);
            }
        }
    }

    /// <summary>
    /// Transforms the rows of an image's plane that these strips cover. Plane j·m + r holds column j of the patches of
    /// every m-th row, from row r on; each lane is a tile.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HalfPatches(
        in ConvShape conv, in WinogradBlock block, T* plane, int first, int last, T* row, T* half, nint step)
    {
        int across = block.Across, left = (block.Left * F.Tile) - conv.PadW, top = (first * F.Tile) - conv.PadH;
        int begin = Math.Max(left, 0), end = Math.Min(left + (across * F.Tile) + 2, conv.W);
        for (int i = 0; i < ((last - first) * F.Tile) + 2; i++)
        {
            T* to = half + (i % F.Tile * step) + (i / F.Tile * (nint)across);
            if (top + i < 0 || top + i >= conv.H)
            {
                for (int j = 0; j < F.Patch; j++)
                {
                    new Span<T>(to + (j * F.Tile * step), across).Clear();
                }

                continue;
            }

            // The padding left and right of the image was cleared once.
            if (end > begin)
            {
                ShortRows.Copy(1, end - begin, plane + ((nint)(top + i) * conv.W) + begin, 0, row + begin - left, 0);
            }

            for (int tile = 0; tile < across; tile += S.Count)
            {
                T* from = row + (tile * F.Tile);
                V d0, d1, d2, d3, d4 = S.Zero, d5 = d4;
                if (F.Tile == 2)
                {
                    V a = S.Load(from), b = S.Load(from + S.Count);
                    (d0, d1) = (S.Even(a, b), S.Odd(a, b));
                    V c = S.Load(from + 2), d = S.Load(from + S.Count + 2);
                    (d2, d3) = (S.Even(c, d), S.Odd(c, d));
                }
                else
                {
                    ByFours(from, out d0, out d1, out d2, out d3);
                    ByFours(from + 4, out d4, out d5, out _, out _);
                }

                F.Input<S, V, T>(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
                T* out0 = to + tile;
                S.Store(out0, d0);
                S.Store(out0 + (F.Tile * step), d1);
                S.Store(out0 + (2 * F.Tile * step), d2);
                S.Store(out0 + (3 * F.Tile * step), d3);
                if (F.Patch > 4)
                {
                    S.Store(out0 + (4 * F.Tile * step), d4);
                    S.Store(out0 + (5 * F.Tile * step), d5);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ByFours(T* from, out V d0, out V d1, out V d2, out V d3)
    {
        V a = S.Load(from), b = S.Load(from + S.Count);
        V c = S.Load(from + (2 * S.Count)), d = S.Load(from + (3 * S.Count));
        V even0 = S.Even(a, b), even1 = S.Even(c, d), odd0 = S.Odd(a, b), odd1 = S.Odd(c, d);
        d0 = S.Even(even0, even1);
        d1 = S.Even(odd0, odd1);
        d2 = S.Odd(even0, even1);
        d3 = S.Odd(odd0, odd1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WholePatches(T* half, nint step, nint across, int count, T* to, nint plane)
    {
        nint column = F.Tile * step, row = F.Patch * plane;
        for (int tile = 0; tile < count; tile += S.Count)
        {
            T* from = half + tile, out0 = to + tile;
            for (int j = 0; j < F.Patch; j++, from += column, out0 += plane)
            {
                V d0 = S.Load(from), d1 = S.Load(from + step), d2, d3, d4 = d0, d5 = d1;
                if (F.Tile == 2)
                {
                    (d2, d3) = (S.Load(from + across), S.Load(from + step + across));
                }
                else
                {
                    (d2, d3) = (S.Load(from + (2 * step)), S.Load(from + (3 * step)));
                    (d4, d5) = (S.Load(from + across), S.Load(from + step + across));
                }

                F.Input<S, V, T>(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
                S.Store(out0, d0);
                S.Store(out0 + row, d1);
                S.Store(out0 + (2 * row), d2);
                S.Store(out0 + (3 * row), d3);
                if (F.Patch > 4)
                {
                    S.Store(out0 + (4 * row), d4);
                    S.Store(out0 + (5 * row), d5);
                }
            }
        }
    }

    /// <summary>
    /// Transforms the columns of the results of one filter, from its row of the products' planes; each lane is a tile.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void HalfResults(int tiles, T* products, nint plane, T* half, nint step)
    {
        for (int tile = 0; tile < tiles; tile += S.Count)
        {
            T* from = products + tile, to = half + tile;
            for (int j = 0; j < F.Patch; j++, from += plane, to += F.Tile * step)
            {
                Load(from, F.Patch * plane, out V m0, out V m1, out V m2, out V m3, out V m4, out V m5);
                F.Output<S, V, T>(ref m0, ref m1, ref m2, ref m3, m4, m5);
                S.Store(to, m0);
                S.Store(to + step, m1);
                if (F.Tile > 2)
                {
                    S.Store(to + (2 * step), m2);
                    S.Store(to + (3 * step), m3);
                }
            }
        }
    }

    /// <summary>
    /// Then transforms their rows and adds a bias. <paramref name="y"/> is the filter's plane of the first image; the
    /// next image's plane lies <paramref name="image"/> elements further.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Results(
        in WinogradShape shape, in WinogradBlock block, T* half, nint step, T bias, T* y, nint image)
    {
        V add = S.Splat(bias);
        int width = shape.Conv.OW, begin = block.Left * F.Tile, end = Math.Min(block.Right * F.Tile, width);
        for (int strip = block.First; strip < block.Last; strip++, half += block.Across)
        {
            (int n, int down) = Math.DivRem(strip, shape.TilesDown);
            int rows = Math.Min(F.Tile, shape.Conv.OH - (down * F.Tile));
            T* to = y + (n * image) + ((nint)down * F.Tile * width) + begin;
            for (int r = 0; r < rows; r++, to += width)
            {
                for (int tile = 0; tile < block.Across; tile += S.Count)
                {
                    Row(half + (r * step) + tile, step, add, out V y0, out V y1, out V y2, out V y3);
                    T* pixels = to + (tile * F.Tile);
                    int left = end - begin - (tile * F.Tile);
                    if (F.Tile == 2)
                    {
                        StoreInTurn(pixels, y0, y1, left);
                    }
                    else
                    {
                        StoreInTurn(pixels, S.ZipLow(y0, y2), S.ZipLow(y1, y3), left);
                        StoreInTurn(
                            pixels + (2 * S.Count), S.ZipHigh(y0, y2), S.ZipHigh(y1, y3), left - (2 * S.Count));
                    }
                }
            }
        }
    }

    /// <summary>
    /// Does the same, but stores only the maximum of each 2 × 2 window and, unless <paramref name="argmax"/> is null,
    /// its index in the plane. <paramref name="indices"/> is memory for a row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void PooledResults(
        in WinogradShape shape, in WinogradBlock block, T* half, nint step, T bias, T* y, int* argmax, nint image,
        T* indices)
    {
        const int Dimension = 2;
        V add = S.Splat(bias);
        int whole = shape.Conv.OW, width = whole / Dimension, height = shape.Conv.OH / Dimension,
            windows = F.Tile / Dimension;
        int begin = block.Left * windows, count = Math.Min(block.Right * windows, width) - begin;
        for (int strip = block.First; strip < block.Last; strip++, half += block.Across)
        {
            (int n, int down) = Math.DivRem(strip, shape.TilesDown);
            for (int r = 0; r < windows && (down * windows) + r < height; r++)
            {
                int row = (down * windows) + r;
                nint to = (n * image) + ((nint)row * width) + begin;
                for (int tile = 0; tile < block.Across; tile += S.Count)
                {
                    T* from = half + (Dimension * r * step) + tile;
                    Row(from, step, add, out V a0, out V a1, out V a2, out V a3);
                    Row(from + step, step, add, out V b0, out V b1, out V b2, out V b3);
                    (V at0, V at1) = (S.Zero, S.Zero);
                    Pool(ref a0, ref at0, a1, b0, b1, whole);
                    int window = tile * windows, left = count - window;
                    if (F.Tile == 2)
                    {
                        Lanes<S, V, T>.StoreUpTo(y + to + window, a0, left);
                        Lanes<S, V, T>.StoreUpTo(indices + window, at0, left);
                    }
                    else
                    {
                        Pool(ref a2, ref at1, a3, b2, b3, whole);
                        StoreInTurn(y + to + window, a0, a2, left);
                        StoreInTurn(indices + window, at0, at1, left);
                    }
                }

                if (argmax != null)
                {
                    Pooling.PlaneIndices(indices, count, Dimension * ((row * whole) + begin), Dimension, argmax + to);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(T* half, nint step, V bias, out V y0, out V y1, out V y2, out V y3)
    {
        Load(half, F.Tile * step, out y0, out y1, out y2, out y3, out V m4, out V m5);
        F.Output<S, V, T>(ref y0, ref y1, ref y2, ref y3, m4, m5);
        (y0, y1) = (S.Add(y0, bias), S.Add(y1, bias));
        if (F.Tile > 2)
        {
            (y2, y3) = (S.Add(y2, bias), S.Add(y3, bias));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pool(ref V best, ref V at, V right, V below, V last, int width)
    {
        PoolKernel<S, V, T>.Take(ref best, ref at, right, 1);
        PoolKernel<S, V, T>.Take(ref best, ref at, below, width);
        PoolKernel<S, V, T>.Take(ref best, ref at, last, width + 1);
    }

    /// <summary>
    /// C = A·B, or C += A·B, in whole vectors of columns; the tile says where the matrices begin. Meanwhile it
    /// prefetches the matrices of the next product, which lie <paramref name="nextA"/> and <paramref name="nextB"/>
    /// further, unless these are 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply(
        Tile<T> tile, int rows, int columns, int depth, bool add, nint nextA = 0, nint nextB = 0)
    {
        T zero = default;
        tile.Bias = &zero;
        (tile.BiasStep, tile.DepthStep) = (0, 1);
        int max = MicroKernel<S, V, T>.MaxRows, tiles = (rows + max - 1) / max;
        int low = rows / tiles, high = rows % tiles, kTiles = Math.Max(1, (depth + Gemm.Depth - 1) / Gemm.Depth);
        for (int kTile = 0; kTile < kTiles; kTile++)
        {
            int first = (int)((long)depth * kTile / kTiles), last = (int)((long)depth * (kTile + 1) / kTiles);
            for (int column = 0; column < columns; column += 2 * S.Count)
            {
                Tile<T> part = tile;
                (part.Depth, part.Add) = (last - first, add || kTile > 0);
                part.A += first;
                part.B += (first * tile.Ldb) + column;
                part.C += column;
                if (nextB != 0)
                {
                    Prefetch(part.B + nextB, part.Depth, part.Ldb, 2 * S.Count);
                }

                for (int t = 0; t < tiles; t++)
                {
                    int height = t < high ? low + 1 : low;
                    if (column == 0 && nextA != 0)
                    {
                        Prefetch(part.A + nextA, height, part.RowStep, part.Depth);
                    }

                    MicroKernel<S, V, T>.Run(height, columns - column > S.Count, part);
                    part.A += height * part.RowStep;
                    part.C += height * part.Ldc;
                }
            }
        }
    }

    /// <summary>Elements of a cache line.</summary>
    private static int Line
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 64 / sizeof(T);
    }

    /// <summary>Prefetches rows to the L2 cache.</summary>
    private static void Prefetch(T* rows, int count, nint ld, int elements)
    {
        for (int row = 0; row < count && Sse.IsSupported; row++, rows += ld)
        {
            for (int i = 0; i < elements; i += Line)
            {
                Sse.Prefetch1(rows + i);
            }
        }
    }

    /// <summary>Loads as many registers as a patch has rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        T* from, nint step, out V m0, out V m1, out V m2, out V m3, out V m4, out V m5)
    {
        (m0, m1) = (S.Load(from), S.Load(from + step));
        (m2, m3) = (S.Load(from + (2 * step)), S.Load(from + (3 * step)));
        (m4, m5) = F.Patch > 4 ? (S.Load(from + (4 * step)), S.Load(from + (5 * step))) : (S.Zero, S.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(T* to, nint step, V u0, V u1, V u2, V u3, V u4, V u5)
    {
        S.Store(to, u0);
        S.Store(to + step, u1);
        S.Store(to + (2 * step), u2);
        S.Store(to + (3 * step), u3);
        if (F.Patch > 4)
        {
            S.Store(to + (4 * step), u4);
            S.Store(to + (5 * step), u5);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreInTurn(T* to, V a, V b, int count)
    {
        Lanes<S, V, T>.StoreUpTo(to, S.ZipLow(a, b), count);
        Lanes<S, V, T>.StoreUpTo(to + S.Count, S.ZipHigh(a, b), count - S.Count);
    }
}
