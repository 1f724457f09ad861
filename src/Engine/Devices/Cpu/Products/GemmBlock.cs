using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// A matrix product on one thread. B is packed into panels two vectors wide, Depth rows at a time. A panel stays in the
/// L1 cache while the tiles of a block of A, which stays in the L2 cache, are multiplied by it (K. Goto, R. van de
/// Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008). A is read in place unless it is transposed or its
/// rows would share a set of the L1 cache.
/// </summary>
internal static unsafe class GemmBlock<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    private const int Depth = Gemm.Depth;
    private const int Height = 192;
    private const int Alignment = 64;

    /// <summary>Elements of a cache line.</summary>
    private static int LineLength => Alignment / sizeof(T);

    /// <summary>
    /// The maximum number of columns of B that are packed at a time. They are half a megabyte if that stays in the L2
    /// cache beside a block of A, else a megabyte, whose panels are read from the L3 cache.
    /// </summary>
    private static int Width => Caches.SecondBytes >= 1 << 20 ? 2048 / sizeof(T) : 4096 / sizeof(T);

    private static int PanelWidth
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * S.Count;
    }

    /// <summary>
    /// Elements from one depth to the next in a packed tile of A: the rows, rounded up to whole vectors.
    /// </summary>
    private static int PackedHeight
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (MicroKernel<S, V, T>.MaxRows + S.Count - 1) / S.Count * S.Count;
    }

    internal static long ScratchBytes(GemmShape shape)
    {
        long depth = Math.Min(shape.K, Depth);
        long b = depth * Math.Min(RoundUp(shape.N, PanelWidth), Width);
        long a = Math.Max(
            shape.TransposeA ? Tiles(Math.Min(shape.M, Height)) * (long)PackedTileSize((int)depth) : 0,
            Math.Min(shape.M, Height) * (depth + LineLength));
        long edge = MicroKernel<S, V, T>.MaxRows * PanelWidth;
        long few = FewRows<S, V, T>.ScratchBytes(shape);
        return RoundUp(Math.Max(few, (a + b + edge) * sizeof(T)) + (3 * Alignment), Alignment);
    }

    internal static void Run(GemmShape shape, in GemmArguments<T> x, byte* scratch)
    {
        (int m, int n, int k, _, _) = shape;
        bool add = Begin(shape, x);
        if (FewRows<S, V, T>.Takes(shape))
        {
            FewRows<S, V, T>.Run(shape, x, add, Align(scratch));
            return;
        }

        T* edge = Align(scratch);
        T* packedA = Align(edge + (MicroKernel<S, V, T>.MaxRows * PanelWidth));
        int height = Math.Min(m, Height), maxDepth = Math.Min(k, Depth);
        T* packedB = Align(packedA + (shape.TransposeA ? Tiles(height) * PackedTileSize(maxDepth)
            : SharesSets(x.Lda) ? height * (maxDepth + LineLength)
            : 0));
        int kTiles = (k + Depth - 1) / Depth;
        for (int j = 0; j < n; j += Width)
        {
            for (int kTile = 0; kTile < kTiles; kTile++)
            {
                int k0 = (int)((long)k * kTile / kTiles), depth = (int)((long)k * (kTile + 1) / kTiles) - k0;
                GemmArguments<T> part = x;
                part.A += shape.TransposeA ? (nint)k0 * x.Lda : k0;
                part.B += shape.TransposeB ? ((nint)j * x.Ldb) + k0 : ((nint)k0 * x.Ldb) + j;
                part.C += j;
                part.RowBias = kTile == 0 ? x.RowBias : null;
                GemmShape block = shape with { N = Math.Min(Width, n - j), K = depth };
                MultiplyKTile(block, part, add || kTile > 0, edge, packedA, packedB);
            }
        }
    }

    /// <summary>
    /// Scales C by Beta and adds the biases if needed; returns whether the product is then added to C.
    /// </summary>
    private static bool Begin(GemmShape shape, in GemmArguments<T> x)
    {
        bool isZero = IsZero(x.Beta), isOne = S.MaskBits(S.Equal(S.Splat(x.Beta), S.Const(1))) != 0;
        if (shape.K > 0 && x.ColumnBias == null && (isZero || isOne))
        {
            return isOne;
        }

        V beta = S.Splat(x.Beta);
        for (int i = 0; i < shape.M; i++)
        {
            T* c = x.C + ((nint)i * x.Ldc);
            V bias = shape.K == 0 && x.RowBias != null ? S.Splat(x.RowBias[i]) : S.Zero;
            for (int j = 0; j < shape.N; j += S.Count)
            {
                int count = Math.Min(S.Count, shape.N - j);
                V sum = x.ColumnBias == null ? bias : S.Add(bias, S.LoadPartial(x.ColumnBias + j, count));
                S.StorePartial(c + j, isZero ? sum : S.Fma(beta, S.LoadPartial(c + j, count), sum), count);
            }
        }

        return true;
    }

    /// <summary>Computes a product whose B fits the scratch memory.</summary>
    private static void MultiplyKTile(GemmShape shape, in GemmArguments<T> x, bool add, T* edge, T* packedA, T* packedB)
    {
        (int m, int n, int depth, bool transposeA, bool transposeB) = shape;
        T zero = default;
        if (m == 1 && n == 1 && (!transposeA || x.Lda == 1) && (transposeB || x.Ldb == 1))
        {
            V sum = S.Splat(VectorDot(depth, x.A, x.B, x.RowBias == null ? zero : *x.RowBias));
            S.StorePartial(x.C, add ? S.Add(S.LoadPartial(x.C, 1), sum) : sum, 1);
            return;
        }

        bool inPlace = !transposeB && m <= InPlaceRows(depth, x.Ldb);
        bool copyA = !transposeA && SharesSets(x.Lda) && n > PanelWidth;
        for (int i = 0; i < m; i += Height)
        {
            int height = Math.Min(Height, m - i);
            T* a = x.A + (transposeA ? i : (nint)i * x.Lda);
            if (transposeA)
            {
                PackA(depth, height, a, x.Lda, packedA);
                a = packedA;
            }
            else if (copyA)
            {
                ShortRows.Copy(height, depth, a, x.Lda, packedA, depth + LineLength);
                a = packedA;
            }

            for (int j = 0; j < n; j += PanelWidth)
            {
                int columns = Math.Min(PanelWidth, n - j);
                // If no other block of A needs the panel, the next one overwrites it, which saves room in the L1 cache.
                T* panel = m <= Height ? packedB : packedB + ((nint)j * depth);
                bool here = inPlace && columns == PanelWidth;
                if (i == 0 && !here)
                {
                    // Right before its first use, so that it is in the L1 cache.
                    PackPanel(shape, x, j, columns, panel);
                }

                var tile = new Tile<T>
                {
                    Depth = depth,
                    A = a,
                    RowStep = transposeA ? 1 : copyA ? depth + LineLength : x.Lda,
                    DepthStep = transposeA ? PackedHeight : 1,
                    B = here ? x.B + j : panel,
                    Ldb = here ? x.Ldb : PackedWidth(columns),
                    C = x.C + ((nint)i * x.Ldc) + j,
                    Ldc = x.Ldc,
                    Bias = x.RowBias == null ? &zero : x.RowBias + i,
                    BiasStep = x.RowBias == null ? 0 : 1,
                    Add = add,
                };
                Panel(tile, height, columns, transposeA, edge);
            }
        }
    }

    /// <summary>Returns the product of two vectors, added to a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T VectorDot(int count, T* a, T* b, T first)
    {
        V sum0 = S.LoadPartial(&first, 1), sum1 = S.Zero, sum2 = S.Zero, sum3 = S.Zero;
        int i = 0;
        for (; i <= count - (4 * S.Count); i += 4 * S.Count)
        {
            sum0 = S.Fma(S.Load(a + i), S.Load(b + i), sum0);
            sum1 = S.Fma(S.Load(a + i + S.Count), S.Load(b + i + S.Count), sum1);
            sum2 = S.Fma(S.Load(a + i + (2 * S.Count)), S.Load(b + i + (2 * S.Count)), sum2);
            sum3 = S.Fma(S.Load(a + i + (3 * S.Count)), S.Load(b + i + (3 * S.Count)), sum3);
        }

        for (; i < count; i += S.Count)
        {
            int rest = Math.Min(S.Count, count - i);
            sum0 = S.Fma(S.LoadPartial(a + i, rest), S.LoadPartial(b + i, rest), sum0);
        }

        return S.Sum(S.Add(S.Add(sum0, sum1), S.Add(sum2, sum3)));
    }

    /// <summary>
    /// Computes the tiles down one panel, of nearly equal height: the sums of a low tile would wait for one another.
    /// </summary>
    private static void Panel(Tile<T> tile, int height, int columns, bool packedA, T* edge)
    {
        bool isWide = columns > S.Count, isWhole = columns == PackedWidth(columns);
        int tiles = Tiles(height), low = height / tiles, high = height % tiles;
        for (int t = 0; t < tiles; t++)
        {
            int rows = t < high ? low + 1 : low;
            if (isWhole)
            {
                MicroKernel<S, V, T>.Run(rows, isWide, tile);
            }
            else
            {
                EdgeTile(tile, rows, columns, edge);
            }

            tile.A += packedA ? PackedTileSize(tile.Depth) : rows * tile.RowStep;
            tile.C += rows * tile.Ldc;
            tile.Bias += rows * tile.BiasStep;
        }
    }

    /// <summary>Computes a tile that does not fill its vectors: in separate memory, and then copied to C.</summary>
    private static void EdgeTile(Tile<T> tile, int rows, int columns, T* edge)
    {
        T* c = tile.C;
        nint ldc = tile.Ldc;
        bool add = tile.Add;
        tile.C = edge;
        tile.Ldc = PanelWidth;
        tile.Add = false;
        MicroKernel<S, V, T>.Run(rows, columns > S.Count, tile);
        if (add)
        {
            ShortRows.Add(rows, columns, edge, PanelWidth, c, ldc);
        }
        else
        {
            ShortRows.Copy(rows, columns, edge, PanelWidth, c, ldc);
        }
    }

    private static void PackPanel(GemmShape shape, in GemmArguments<T> x, int j, int columns, T* to)
    {
        if (shape.TransposeB)
        {
            Packing.Columns(shape.K, columns, x.B + ((nint)j * x.Ldb), x.Ldb, to, PackedWidth(columns));
        }
        else
        {
            Packing.Rows<S, V, T>(shape.K, columns, x.B + j, x.Ldb, to, PackedWidth(columns));
        }
    }

    /// <summary>Copies the tiles of a block of a transposed A, each as Depth rows of whole vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackA(int depth, int height, T* from, int lda, T* packed)
    {
        // Eight rows at a time for all tiles: a cache line belongs to several tiles, and more rows might not stay in
        // the cache.
        const int Few = 8;
        int tiles = Tiles(height), low = height / tiles, high = height % tiles;
        for (int k = 0; k < depth; k += Few)
        {
            int few = Math.Min(Few, depth - k);
            // Whole vectors may be read while another row follows.
            int whole = lda + low < PackedHeight ? 0 : k + few < depth ? few : few - 1;
            T* tile = packed + ((nint)k * PackedHeight), source = from + ((nint)k * lda);
            for (int t = 0; t < tiles; t++, tile += PackedTileSize(depth))
            {
                int rows = t < high ? low + 1 : low;
                T* row = source, to = tile;
                for (int i = 0; i < whole; i++, row += lda, to += PackedHeight)
                {
                    S.Store(to, S.Load(row));
                    if (PackedHeight > S.Count)
                    {
                        S.Store(to + S.Count, S.Load(row + S.Count));
                    }

                    if (PackedHeight > 2 * S.Count)
                    {
                        S.Store(to + (2 * S.Count), S.Load(row + (2 * S.Count)));
                    }
                }

                for (int i = whole; i < few; i++, row += lda, to += PackedHeight)
                {
                    for (int j = 0; j < rows; j++)
                    {
                        to[j] = row[j];
                    }
                }

                source += rows;
            }
        }
    }

    /// <summary>
    /// Elements from one packed tile of A to the next: a line more than needed; otherwise all tiles would share a few
    /// sets of the cache.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PackedTileSize(int depth) => (PackedHeight * depth) + LineLength;

    /// <summary>
    /// Returns whether rows at this distance fall into one or two sets of the L1 cache: those of a tile would evict one
    /// another and B's panel.
    /// </summary>
    private static bool SharesSets(int ld) => (long)ld * sizeof(T) % 2048 == 0;

    /// <summary>
    /// Returns up to how many rows of C it does not pay to copy B. One tile reads B only once. More tiles are allowed
    /// if the part of B that they read stays in the L1 cache, which a row distance of a multiple of 512 bytes would
    /// prevent.
    /// </summary>
    private static int InPlaceRows(int depth, int ldb)
    {
        // Two unaligned vectors lie on three cache lines.
        int panel = depth * ((PanelWidth * sizeof(T)) + Alignment);
        return panel <= Caches.FirstBytes && ldb * sizeof(T) % 512 != 0 ? Height : MicroKernel<S, V, T>.MaxRows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Tiles(int height) => (height + MicroKernel<S, V, T>.MaxRows - 1) / MicroKernel<S, V, T>.MaxRows;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PackedWidth(int columns) => columns > S.Count ? PanelWidth : S.Count;

    private static bool IsZero(T value) => S.MaskBits(S.Equal(S.Splat(value), S.Zero)) != 0;

    private static long RoundUp(long value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private static T* Align(void* pointer) => (T*)(((nint)pointer + Alignment - 1) & -Alignment);
}
