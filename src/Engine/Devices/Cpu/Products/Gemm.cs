using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>C[M, N] = op(A)[M, K]·op(B)[K, N], where op transposes what is stored as [K, M] or [N, K].</summary>
internal readonly record struct GemmShape(int M, int N, int K, bool TransposeA = false, bool TransposeB = false);

/// <summary>
/// The matrices, in C order, with their leading dimensions (elements from a row to the next). C becomes Beta·C + A·B +
/// the biases; where Beta is 0, what stood in C is not read.
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
    /// <summary>A part of a product that is worth a thread's while: 5 to 20 µs.</summary>
    private const long WorthwhileProducts = 1_000_000;

    /// <summary>The most depth of a part of a product at a time: a panel of B so deep fits the first cache.</summary>
    internal const int Depth = 256;

    private const int MaxParts = 32;
    private const int MaxSlices = 8;
    private const int PartsPerThread = 2;
    private const int LeastRows = 48;
    private const int LeastColumns = 64;
    private const int MostRows = 132;
    private const int MostColumns = 256;

    /// <summary>The bytes of memory that <see cref="Block"/> needs; more do no harm.</summary>
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
    /// The bytes of workspace that <see cref="Phases"/> needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<T>(GemmShape shape, int workers)
        where T : unmanaged
    {
        Partition parts = Partition.Of(shape, TileRows<T>(), TileColumns<T>(), workers);
        return (ScratchBytes<T>(shape) * workers) + PartialBytes<T>(shape, parts);
    }

    /// <summary>
    /// The product as phases, bound to these matrices and to a workspace large enough for a team of
    /// <paramref name="workers"/> threads that runs them. How it is cut changes no bit of the result.
    /// </summary>
    internal static Phase[] Phases<T>(GemmShape shape, GemmArguments<T> x, byte* workspace, int workers)
        where T : unmanaged, INumber<T>
    {
        Partition parts = Partition.Of(shape, TileRows<T>(), TileColumns<T>(), workers);
        var partials = (T*)workspace;
        byte* scratch = workspace + PartialBytes<T>(shape, parts);
        long scratchBytes = ScratchBytes<T>(shape);
        var multiply = new Phase(parts.Count, 1, (start, end, worker) =>
        {
            for (int part = start; part < end; part++)
            {
                Part(shape, x, parts, part, partials, scratch + (worker * scratchBytes));
            }
        });
        if (parts.Slices == 1)
        {
            return [multiply];
        }

        int grain = Math.Max(1, 16384 / (Math.Max(shape.N, 1) * parts.Slices));
        return
        [
            multiply,
            new Phase(shape.M, grain, (start, end, _) =>
            {
                var job = new ReduceJob<T> { Shape = shape, X = x, Partials = partials, Slices = parts.Slices };
                (job.Start, job.End) = (start, end);
                Simd.Dispatch<T, ReduceJob<T>>(ref job);
            }),
        ];
    }

    private static void Part<T>(
        GemmShape shape, GemmArguments<T> x, Partition parts, int part, T* partials, byte* scratch)
        where T : unmanaged, INumber<T>
    {
        (int slice, int block) = Math.DivRem(part, parts.Rows * parts.Columns);
        (int i, int j) = Math.DivRem(block, parts.Columns);
        (int i0, int i1) = Partition.Range(i, parts.Rows, shape.M, TileRows<T>());
        (int j0, int j1) = Partition.Range(j, parts.Columns, shape.N, TileColumns<T>());
        (int k0, int k1) = Partition.Range(slice, parts.Slices, shape.K, 1);
        x.A += shape.TransposeA ? ((nint)k0 * x.Lda) + i0 : ((nint)i0 * x.Lda) + k0;
        x.B += shape.TransposeB ? ((nint)j0 * x.Ldb) + k0 : ((nint)k0 * x.Ldb) + j0;
        if (slice > 0)
        {
            x.C = partials + ((slice - 1) * (nint)shape.M * shape.N);
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
        (((parts.Slices - 1) * (long)shape.M * shape.N * sizeof(T)) + 63) & ~63L;

    private static int TileRows<T>()
        where T : unmanaged => Simd.HasManyRegisters(Simd.Width) ? 12 : 6;

    private static int TileColumns<T>()
        where T : unmanaged => 2 * Simd.Width / sizeof(T);

    /// <summary>Into how many parts rows, columns and depth are cut.</summary>
    private readonly record struct Partition(int Rows, int Columns, int Slices)
    {
        public int Count => Rows * Columns * Slices;

        /// <summary>
        /// Rows and columns are cut for the team at hand, which changes no sum. The depth is cut where
        /// <see cref="GemmBlock{S, V, T}"/> would cut it too, whose slices are added in the same order, or, if there are
        /// too many of those, by the shape alone.
        /// </summary>
        public static Partition Of(GemmShape shape, int tileRows, int tileColumns, int threads)
        {
            long products = (long)shape.M * shape.N * shape.K;
            int worthwhile = (int)Math.Clamp(products / WorthwhileProducts, 1, MaxParts);
            int wanted = Math.Min(worthwhile, threads == 1 ? 1 : PartsPerThread * threads);
            int rowTiles = Ceiling(shape.M, tileRows), columnTiles = Ceiling(shape.N, tileColumns);
            int rows = Math.Max(1, Ceiling(shape.M, MostRows)), columns = Math.Max(1, Ceiling(shape.N, MostColumns));
            while (rows * columns < wanted)
            {
                int blockRows = shape.M / rows, blockColumns = shape.N / columns;
                if (blockRows >= 2 * LeastRows && (blockRows >= blockColumns || blockColumns < 2 * LeastColumns))
                {
                    rows *= 2;
                }
                else if (blockColumns >= 2 * LeastColumns)
                {
                    columns *= 2;
                }
                else
                {
                    break;
                }
            }

            (rowTiles, columnTiles) = (Math.Max(rowTiles, 1), Math.Max(columnTiles, 1));
            (rows, columns) = (Math.Min(rows, rowTiles), Math.Min(columns, columnTiles));
            int slices = Ceiling(shape.K, Depth);
            if (slices > MaxSlices)
            {
                // As many as if there were as many threads as can be used.
                int blocks = Math.Max(1, shape.M / (2 * LeastRows)) * Math.Max(1, shape.N / (2 * LeastColumns));
                slices = Math.Clamp(worthwhile / blocks, 1, MaxSlices);
            }
            else if (rows * columns >= Math.Min(wanted, threads))
            {
                slices = 1;
            }

            return new Partition(rows, columns, Math.Max(slices, 1));
        }

        /// <summary>
        /// Where part <paramref name="i"/> of <paramref name="parts"/> begins and ends: at multiples of a tile.
        /// </summary>
        public static (int Start, int End) Range(int i, int parts, int length, int tile)
        {
            long tiles = Ceiling(length, tile);
            long start = tiles * i / parts * tile, end = tiles * (i + 1) / parts * tile;
            return ((int)Math.Min(length, start), (int)Math.Min(length, end));
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

    /// <summary>Adds the slices' partial products to C, in order.</summary>
    private struct ReduceJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public GemmShape Shape;
        public GemmArguments<T> X;
        public T* Partials;
        public int Slices, Start, End;

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
                    for (int slice = 0; slice < Slices - 1; slice++)
                    {
                        sum = S.Add(sum, S.Load(partial + (slice * size) + j));
                    }

                    S.Store(c + j, sum);
                }

                if (j < Shape.N)
                {
                    V sum = S.LoadPartial(c + j, Shape.N - j);
                    for (int slice = 0; slice < Slices - 1; slice++)
                    {
                        sum = S.Add(sum, S.LoadPartial(partial + (slice * size) + j, Shape.N - j));
                    }

                    S.StorePartial(c + j, sum, Shape.N - j);
                }
            }
        }
    }
}
