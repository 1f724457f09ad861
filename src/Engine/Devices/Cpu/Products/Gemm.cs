using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// C[M, N] = op(A)[M, K]·op(B)[K, N], where op transposes a matrix that is stored as [K, M] or [N, K].
/// </summary>
internal readonly record struct GemmShape(int M, int N, int K, bool TransposeA = false, bool TransposeB = false);

/// <summary>
/// The matrices, in C order, with their leading dimensions (elements from one row to the next). C becomes Beta·C + A·B
/// + the biases; if Beta is 0, C is not read.
/// </summary>
internal unsafe struct GemmArguments<T>
    where T : unmanaged
{
    public T* A, B, C;
    public int Lda, Ldb, Ldc;
    public T Beta;

    /// <summary>M values, each added to its row of C, or null.</summary>
    public T* RowBias;

    /// <summary>N values, each added to its column of C, or null.</summary>
    public T* ColumnBias;
}

/// <summary>Matrix products for float and double.</summary>
internal static unsafe class Gemm
{
    /// <summary>The smallest part of a product that is worth a thread: 5 to 20 µs.</summary>
    private const long WorthwhileProducts = 1_000_000;

    /// <summary>The most depth of a part of a product: a panel of B of this depth is at most 32 KB.</summary>
    internal const int Depth = 256;

    private const int MaxParts = 32;
    private const int MaxSplitK = 8;

    /// <summary>Returns the bytes of memory that <see cref="Block"/> needs; more do no harm.</summary>
    internal static long ScratchBytes<T>(GemmShape shape)
        where T : unmanaged
    {
        var job = new ScratchJob<T> { Shape = shape };
        Simd.Dispatch<T, ScratchJob<T>>(ref job);
        return job.Bytes;
    }

    /// <summary>Computes the product on the calling thread, with scratch memory that no other thread uses.</summary>
    internal static void Block<T>(GemmShape shape, in GemmArguments<T> arguments, byte* scratch)
        where T : unmanaged, INumber<T>
    {
        var job = new BlockJob<T> { Shape = shape, Arguments = arguments, Scratch = scratch };
        Simd.Dispatch<T, BlockJob<T>>(ref job);
    }

    /// <summary>
    /// Returns the bytes of workspace that <see cref="Phases"/> needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<T>(GemmShape shape, int workers)
        where T : unmanaged
    {
        Partition parts = Partition.Of<T>(shape, workers);
        return (ScratchBytes<T>(shape) * workers) + PartialBytes<T>(shape, parts);
    }

    /// <summary>
    /// Returns the product as phases, bound to these matrices and to a workspace large enough for a team of
    /// <paramref name="workers"/> threads. The partition changes no bit of the result.
    /// </summary>
    internal static Phase[] Phases<T>(GemmShape shape, GemmArguments<T> x, byte* workspace, int workers)
        where T : unmanaged, INumber<T>
    {
        Partition parts = Partition.Of<T>(shape, workers);
        var partials = (T*)workspace;
        byte* scratch = workspace + PartialBytes<T>(shape, parts);
        long scratchBytes = ScratchBytes<T>(shape);
        var multiply = new Phase(parts.Count, 1, (start, end, worker) =>
        {
            for (int part = start; part < end; part++)
            {
                Part(shape, x, parts, part, partials, scratch + (worker * scratchBytes));
            }
        })
        {
            MaxAtOnce = 1,
        };
        if (parts.SplitK == 1)
        {
            return [multiply];
        }

        int grain = Math.Max(1, 16384 / (Math.Max(shape.N, 1) * parts.SplitK));
        return
        [
            multiply,
            new Phase(shape.M, grain, (start, end, _) =>
            {
                var job = new ReduceJob<T> { Shape = shape, X = x, Partials = partials, SplitK = parts.SplitK };
                (job.Start, job.End) = (start, end);
                Simd.Dispatch<T, ReduceJob<T>>(ref job);
            }),
        ];
    }

    private static void Part<T>(
        GemmShape shape, GemmArguments<T> x, Partition parts, int part, T* partials, byte* scratch)
        where T : unmanaged, INumber<T>
    {
        (int split, int piece) = Math.DivRem(part, parts.Count / parts.SplitK);
        (int i0, int i1, int j0, int j1) = parts.Piece(piece, shape);
        int k0 = (int)((long)shape.K * split / parts.SplitK), k1 = (int)((long)shape.K * (split + 1) / parts.SplitK);
        x.A += shape.TransposeA ? ((nint)k0 * x.Lda) + i0 : ((nint)i0 * x.Lda) + k0;
        x.B += shape.TransposeB ? ((nint)j0 * x.Ldb) + k0 : ((nint)k0 * x.Ldb) + j0;
        if (split > 0)
        {
            x.C = partials + ((split - 1) * (nint)shape.M * shape.N);
            x.Ldc = shape.N;
            x.Beta = T.Zero;
            x.RowBias = x.ColumnBias = null;
        }

        x.C += ((nint)i0 * x.Ldc) + j0;
        x.RowBias = x.RowBias == null ? null : x.RowBias + i0;
        x.ColumnBias = x.ColumnBias == null ? null : x.ColumnBias + j0;
        Block(shape with { M = i1 - i0, N = j1 - j0, K = k1 - k0 }, x, scratch);
    }

    private static long PartialBytes<T>(GemmShape shape, Partition parts)
        where T : unmanaged =>
        (((parts.SplitK - 1) * (long)shape.M * shape.N * sizeof(T)) + 63) & ~63L;

    private static int TileRows<T>()
        where T : unmanaged => Simd.HasManyRegisters(Simd.Width) ? 12 : 6;

    private static int TileColumns<T>()
        where T : unmanaged => 2 * Simd.Width / sizeof(T);

    /// <summary>
    /// How a product is divided among threads: the depth is split (split-K), and the result of each part is cut into
    /// pieces, along its longer dimension and, for many threads, also across.
    /// </summary>
    /// <param name="SplitK">The number of parts of the depth.</param>
    /// <param name="CutsColumns">Whether pieces are ranges of columns; else they are ranges of rows.</param>
    /// <param name="Tile">The rows or columns of a tile: pieces begin at a tile.</param>
    /// <param name="Ends">Where the pieces end, in tiles.</param>
    /// <param name="Across">The number of equal parts of each piece in the other direction.</param>
    /// <param name="TileAcross">The other side of a tile.</param>
    private readonly record struct Partition(
        int SplitK, bool CutsColumns, int Tile, int[] Ends, int Across, int TileAcross)
    {
        public int Count => SplitK * Ends.Length * Across;

        /// <summary>
        /// Returns the partition for a team. Rows and columns are cut by the number of threads, which changes no sum.
        /// The depth is cut as in <see cref="GemmBlock{S, V, T}"/>, whose K-tiles are added in the same order, or, if
        /// there are too many of those, by the shape alone.
        /// </summary>
        public static Partition Of<T>(GemmShape shape, int threads)
            where T : unmanaged
        {
            (int m, int n, int k, _, _) = shape;
            int tileRows = TileRows<T>(), tileColumns = TileColumns<T>();
            int rowTiles = Math.Max(1, Ceiling(m, tileRows)), columnTiles = Math.Max(1, Ceiling(n, tileColumns));
            long products = (long)m * n * k;
            int splitK = Math.Max(1, Ceiling(k, Depth));
            if (splitK > MaxSplitK)
            {
                // As many as for the most threads that the product can use.
                int worthwhile = (int)Math.Clamp(products / WorthwhileProducts, 1, MaxParts);
                splitK = Math.Clamp(worthwhile / (Math.Max(1, m / 96) * Math.Max(1, n / 128)), 1, MaxSplitK);
            }
            else if (threads == 1 || rowTiles * columnTiles >= 2 * threads || products < 2 * WorthwhileProducts)
            {
                splitK = 1;
            }

            // Each piece of rows packs all of B; each piece of columns reads all of A, which is cheaper.
            bool cutsColumns = n >= m / 2;
            (int tile, int tiles) = cutsColumns ? (tileColumns, columnTiles) : (tileRows, rowTiles);
            (int tileAcross, int tilesAcross) = cutsColumns ? (tileRows, rowTiles) : (tileColumns, columnTiles);
            int[] ends = Shrinking(tiles, (int)Math.Min(int.MaxValue, products / splitK / tiles), threads);
            int across = Math.Clamp(Math.Min(2 * threads / ends.Length, tilesAcross / 4), 1, MaxParts);
            return new Partition(splitK, cutsColumns, tile, ends, across, tileAcross);
        }

        /// <summary>Returns the rows and columns of a piece.</summary>
        public (int Row, int EndRow, int Column, int EndColumn) Piece(int piece, GemmShape shape)
        {
            (int along, int across) = Math.DivRem(piece, Across);
            (int length, int width) = CutsColumns ? (shape.N, shape.M) : (shape.M, shape.N);
            int start = along == 0 ? 0 : Ends[along - 1] * Tile, end = Math.Min(length, Ends[along] * Tile);
            int tiles = Ceiling(width, TileAcross);
            int first = tiles * across / Across * TileAcross;
            int last = Math.Min(width, tiles * (across + 1) / Across * TileAcross);
            return CutsColumns ? (first, last, start, end) : (start, end, first, last);
        }

        /// <summary>
        /// Returns pieces of decreasing size: the processors of a virtual machine vary in speed, and whichever thread
        /// is free takes the next piece. There are few pieces because each packs some of the operands for itself.
        /// </summary>
        private static int[] Shrinking(int tiles, int productsOfTile, int threads)
        {
            int min = Math.Max((int)(WorthwhileProducts / Math.Max(1, productsOfTile)), Ceiling(tiles, 8 * threads));
            var ends = new List<int>();
            for (int end = 0, left = tiles; left > 0; left = tiles - end)
            {
                int size = threads == 1 ? left : ((3 * left) + (2 * threads)) / (4 * threads);
                end += Math.Clamp(size, Math.Min(Math.Max(min, 1), left), left);
                ends.Add(end);
            }

            return [.. ends];
        }

        private static int Ceiling(int value, int divisor) => (value + divisor - 1) / divisor;
    }

    private struct ScratchJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public GemmShape Shape;
        public long Bytes;

        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct =>
            Bytes = GemmBlock<S, V, T>.ScratchBytes(Shape);
    }

    private struct BlockJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public GemmShape Shape;
        public GemmArguments<T> Arguments;
        public byte* Scratch;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct =>
            GemmBlock<S, V, T>.Run(Shape, Arguments, Scratch);
    }

    /// <summary>Adds the partial products of split-K to C, in order.</summary>
    private struct ReduceJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public GemmShape Shape;
        public GemmArguments<T> X;
        public T* Partials;
        public int SplitK, Start, End;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            nint size = (nint)Shape.M * Shape.N;
            for (int i = Start; i < End; i++)
            {
                T* c = X.C + ((nint)i * X.Ldc), partial = Partials + ((nint)i * Shape.N);
                int j = 0;
                for (; j + S.Count <= Shape.N; j += S.Count)
                {
                    V sum = S.Load(c + j);
                    for (int split = 0; split < SplitK - 1; split++)
                    {
                        sum = S.Add(sum, S.Load(partial + (split * size) + j));
                    }

                    S.Store(c + j, sum);
                }

                if (j < Shape.N)
                {
                    V sum = S.LoadPartial(c + j, Shape.N - j);
                    for (int split = 0; split < SplitK - 1; split++)
                    {
                        sum = S.Add(sum, S.LoadPartial(partial + (split * size) + j, Shape.N - j));
                    }

                    S.StorePartial(c + j, sum, Shape.N - j);
                }
            }
        }
    }
}
