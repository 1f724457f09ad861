using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// A product with few rows of A, such as a dense layer's for a single example. Each number of B is used only a few
/// times, so reading B takes most of the time. B is read in the order that is fastest for memory, eight whole rows at a
/// time, and the accumulators are in the L2 cache instead of in registers. Terms are added in the order of
/// <see cref="GemmBlock{S, V, T}"/>, so the bits are the same.
/// </summary>
internal static unsafe class FewRows<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    private const int Depth = Gemm.Depth;

    /// <summary>The rows of B that are multiplied at a time: a register holds one vector of each.</summary>
    private const int Rows = 8;

    /// <summary>Up to this many rows, <see cref="GemmBlock{S, V, T}"/> is slower wherever B lies.</summary>
    private const int Fewest = 2;

    /// <summary>From this many bytes of B on, more rows are slower there too, because B comes from memory.</summary>
    private const long ManyBytes = 8 << 20;

    /// <summary>The maximum number of bytes of accumulators at a time.</summary>
    private const int AccumulatorBytes = 128 << 10;

    /// <summary>Elements of a cache line.</summary>
    private static int Line => 64 / sizeof(T);

    internal static bool Takes(GemmShape shape) => !shape.TransposeB && shape.N > 1 && (shape.M <= Fewest
        || (shape.M <= MicroKernel<S, V, T>.MaxRows && (long)shape.N * shape.K * sizeof(T) >= ManyBytes));

    /// <summary>Returns the bytes that any product with these columns and this depth needs.</summary>
    internal static long ScratchBytes(GemmShape shape)
    {
        int rows = Math.Min(shape.M, MicroKernel<S, V, T>.MaxRows);
        return ((long)rows * (Rows + Line) * sizeof(T)) + Math.Min(AccumulatorBytes, (long)rows * shape.N * sizeof(T));
    }

    /// <summary>Computes C = A·B + row biases, or adds it to C.</summary>
    internal static void Run(GemmShape shape, in GemmArguments<T> x, bool add, T* scratch)
    {
        (int m, int n, int k, bool transposeA, _) = shape;
        nint rowStep = transposeA ? 1 : x.Lda, depthStep = transposeA ? x.Lda : 1;
        int kTiles = (k + Depth - 1) / Depth,
            maxColumns = Math.Max(1, AccumulatorBytes / sizeof(T) / Math.Max(m, 1) / Line) * Line;
        T* factors = scratch, accumulators = scratch + (m * Rows);
        for (int j = 0; j < n; j += maxColumns)
        {
            // Each row is a line longer than needed; otherwise all rows might fall into one set of the L1 cache.
            int columns = Math.Min(maxColumns, n - j), ld = columns + Line;
            for (int kTile = 0; kTile < kTiles; kTile++)
            {
                int k0 = (int)((long)k * kTile / kTiles), k1 = (int)((long)k * (kTile + 1) / kTiles);
                for (int row = 0; row < m; row++)
                {
                    T bias = kTile == 0 && x.RowBias != null ? x.RowBias[row] : default;
                    new Span<T>(accumulators + ((nint)row * ld), columns).Fill(bias);
                }

                for (; k0 < k1; k0 += Rows)
                {
                    int rows = Math.Min(Rows, k1 - k0);
                    for (int i = 0; i < m * Rows; i++)
                    {
                        (int row, int depth) = Math.DivRem(i, Rows);
                        factors[i] = depth < rows ? x.A[(row * rowStep) + ((k0 + depth) * depthStep)] : default;
                    }

                    T* b = x.B + ((nint)k0 * x.Ldb) + j;
                    int whole = rows < Rows ? 0 : columns / S.Count * S.Count;
                    Multiply(m, whole, factors, b, x.Ldb, accumulators, ld);
                    MultiplyOneByOne(m, columns - whole, rows, factors, b + whole, x.Ldb, accumulators + whole, ld);
                }

                Store(m, columns, accumulators, ld, x.C + j, x.Ldc, add || kTile > 0);
            }
        }
    }

    /// <summary>Adds the product with whole vectors of eight rows of B to the accumulators.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(int m, int columns, T* a, T* b, nint ldb, T* accumulators, nint ld)
    {
        T* half = b + (4 * ldb);
        for (int j = 0; j < columns; j += S.Count, b += S.Count, half += S.Count)
        {
            V b0 = S.Load(b), b1 = S.Load(b + ldb), b2 = S.Load(b + (2 * ldb)), b3 = S.Load(b + (3 * ldb));
            V b4 = S.Load(half), b5 = S.Load(half + ldb), b6 = S.Load(half + (2 * ldb)), b7 = S.Load(half + (3 * ldb));
            T* to = accumulators + j, x = a;
            for (int row = 0; row < m; row++, to += ld, x += Rows)
            {
                V sum = S.Fma(S.Splat(x[0]), b0, S.Load(to));
                sum = S.Fma(S.Splat(x[1]), b1, sum);
                sum = S.Fma(S.Splat(x[2]), b2, sum);
                sum = S.Fma(S.Splat(x[3]), b3, sum);
                sum = S.Fma(S.Splat(x[4]), b4, sum);
                sum = S.Fma(S.Splat(x[5]), b5, sum);
                sum = S.Fma(S.Splat(x[6]), b6, sum);
                sum = S.Fma(S.Splat(x[7]), b7, sum);
                S.Store(to, sum);
            }
        }
    }

    /// <summary>Does the same for fewer rows of B, and for columns that do not fill a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOneByOne(int m, int columns, int rows, T* a, T* b, nint ldb, T* accumulators, nint ld)
    {
        for (int j = 0; j < columns; j += S.Count)
        {
            int count = Math.Min(S.Count, columns - j);
            for (int row = 0; row < m; row++)
            {
                T* to = accumulators + (row * ld) + j;
                V sum = S.LoadPartial(to, count);
                for (int i = 0; i < rows; i++)
                {
                    sum = S.Fma(S.Splat(a[(row * Rows) + i]), S.LoadPartial(b + (i * ldb) + j, count), sum);
                }

                S.StorePartial(to, sum, count);
            }
        }
    }

    private static void Store(int m, int columns, T* accumulators, nint ld, T* c, nint ldc, bool add)
    {
        for (int row = 0; row < m; row++, c += ldc, accumulators += ld)
        {
            for (int j = 0; j < columns; j += S.Count)
            {
                int count = Math.Min(S.Count, columns - j);
                V sum = S.LoadPartial(accumulators + j, count);
                S.StorePartial(c + j, add ? S.Add(S.LoadPartial(c + j, count), sum) : sum, count);
            }
        }
    }
}
