using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Runs <see cref="Attend"/> on the CPU. A unit is some rows of queries of a stack. It goes through all keys block by
/// block and stores the products of one block at a time.
/// </summary>
internal static unsafe class AttentionLoop
{
    /// <summary>
    /// The most queries of a unit, and the most keys that are taken at a time: their products stay in the L2 cache.
    /// </summary>
    public const int Rows = 64, Columns = 512;

    /// <summary>The number of units that is enough for the threads of a processor.</summary>
    public const int EnoughUnits = 16;

    private const int Alignment = 64;

    public static long ForwardBytes(AttentionShape shape, CpuStepTypes step) => step.Inputs[0].DType == DType.Float32
        ? new WorkerMemory<float>(shape).Bytes * step.Threads
        : new WorkerMemory<double>(shape).Bytes * step.Threads;

    public static int Chunks(int count, int size) => (count + size - 1) / size;

    /// <summary>
    /// Returns the elements from one row of a block of products to the next. It is a cache line more than needed,
    /// because rows of a power of two bytes would share a few sets of the L1 cache.
    /// </summary>
    public static int Stride<T>(int columns) where T : unmanaged => columns + (Alignment / sizeof(T));

    public static Phase[] Forward(CpuStep step, AttentionShape shape, bool isCausal) => step.DType(0) == DType.Float32
        ? Forward<float>(step, shape, isCausal)
        : Forward<double>(step, shape, isCausal);

    private static Phase[] Forward<T>(CpuStep step, AttentionShape shape, bool isCausal) where T : unmanaged, INumber<T>
    {
        var memory = new WorkerMemory<T>(shape);
        Operands<T> x = new(step.In<T>(0), step.In<T>(1), step.In<T>(2), step.InputCount > 3 ? new(step, 3) : default);
        T* y = step.Out<T>(), log = step.Out<T>(1);
        byte* workspace = step.Workspace;
        int chunks = Chunks(shape.Queries, Rows);
        return
        [
            new Phase(checked(shape.Batch * chunks), 1, (start, end, worker) =>
            {
                var job = new ForwardJob<T>
                {
                    Shape = shape, X = x, Y = y, Log = log, IsCausal = isCausal, Chunks = chunks,
                    Start = start, End = end, Memory = memory.Of(workspace, worker),
                };
                Simd.Dispatch<T, ForwardJob<T>>(ref job);
            }),
        ];
    }

    /// <summary>
    /// Describes the memory of a thread: two blocks of products, and the workspace of the matrix products.
    /// </summary>
    internal readonly struct WorkerMemory<T> where T : unmanaged
    {
        private readonly long _block;

        public WorkerMemory(AttentionShape s)
        {
            int rows = Math.Min(Rows, s.Queries), columns = Math.Min(Columns, s.Keys);
            _block = Aligned((long)rows * Stride<T>(columns) * sizeof(T));
            long scratch = 0;
            foreach (int size in (int[])[s.Size, s.ValueSize])
            {
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(rows, columns, size, false, true)));
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(rows, size, columns)));
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(columns, size, rows, true)));
            }

            Bytes = Alignment + (2 * _block) + Aligned(scratch);
        }

        public long Bytes { get; }

        /// <summary>Returns a thread's part of a workspace.</summary>
        public Blocks<T> Of(byte* workspace, int worker)
        {
            nint first = ((nint)(workspace + (worker * Bytes)) + Alignment - 1) & -Alignment;
            return new Blocks<T>((T*)first, (T*)(first + _block), (byte*)(first + (2 * _block)));
        }

        private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
    }

    internal readonly struct Blocks<T>(T* first, T* second, byte* scratch) where T : unmanaged
    {
        public T* First => first;

        public T* Second => second;

        public byte* Scratch => scratch;
    }

    /// <summary>Represents a mask, which repeats along axes of length 1.</summary>
    internal readonly struct Mask<T> where T : unmanaged
    {
        public Mask(CpuStep step, int input)
        {
            Shape shape = step.Shape(input);
            Values = step.In<T>(input);
            OfBatch = shape[0] == 1 ? 0 : (nint)shape[1] * shape[2];
            OfRow = shape[1] == 1 ? 0 : shape[2];
            OfColumn = shape[2] == 1 ? 0 : 1;
        }

        public T* Values { get; }

        public nint OfBatch { get; }

        public nint OfRow { get; }

        public nint OfColumn { get; }
    }

    internal readonly struct Operands<T>(T* q, T* k, T* v, Mask<T> mask) where T : unmanaged
    {
        public T* Q => q;

        public T* K => k;

        public T* V => v;

        public Mask<T> Mask => mask;
    }

    /// <summary>
    /// Computes the products of some queries and some keys of a stack, with the mask added; −∞ if a query does not look
    /// at a key.
    /// </summary>
    internal static void Scores<S, V, T>(
        AttentionShape s, in Operands<T> x, bool isCausal, int batch, int row, int rows, int column, int columns,
        T* scores, byte* scratch)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
    {
        Gemm.Block(
            new GemmShape(rows, columns, s.Size, false, true),
            new GemmArguments<T>
            {
                A = x.Q + ((((nint)batch * s.Queries) + row) * s.Size),
                Lda = s.Size,
                B = x.K + ((((nint)batch * s.Keys) + column) * s.Size),
                Ldb = s.Size,
                C = scores,
                Ldc = Stride<T>(columns),
            },
            scratch);
        Mask<T> mask = x.Mask;
        for (int i = 0; i < rows; i++)
        {
            T* line = scores + ((nint)i * Stride<T>(columns));
            if (mask.Values is not null)
            {
                T* added = mask.Values + (batch * mask.OfBatch) + ((row + i) * mask.OfRow) + (column * mask.OfColumn);
                V one = S.Splat(*added);
                for (int j = 0; j < columns; j += S.Count)
                {
                    int count = Math.Min(S.Count, columns - j);
                    V value = mask.OfColumn == 0 ? one : S.LoadPartial(added + j, count);
                    S.StorePartial(line + j, S.Add(S.LoadPartial(line + j, count), value), count);
                }
            }

            int seen = isCausal ? Math.Clamp(row + i + 1 - column, 0, columns) : columns;
            new Span<T>(line + seen, columns - seen).Fill(T.CreateSaturating(double.NegativeInfinity));
        }
    }

    private struct ForwardJob<T> : ISimdJob<T> where T : unmanaged, INumber<T>
    {
        public AttentionShape Shape;
        public Operands<T> X;
        public T* Y, Log;
        public bool IsCausal;
        public int Chunks, Start, End;
        public Blocks<T> Memory;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            for (int unit = Start; unit < End; unit++)
            {
                (int batch, int chunk) = Math.DivRem(unit, Chunks);
                int row = chunk * Rows;
                Unit<S, V>(batch, row, Math.Min(Rows, Shape.Queries - row));
            }
        }

        private readonly void Unit<S, V>(int batch, int row, int rows) where S : struct, ISimd<V, T> where V : struct
        {
            T* scores = Memory.First;
            byte* scratch = Memory.Scratch;
            T* max = stackalloc T[Rows], sum = stackalloc T[Rows], factor = stackalloc T[S.Count];
            T none = T.CreateSaturating(double.NegativeInfinity);
            new Span<T>(max, rows).Fill(none);
            new Span<T>(sum, rows).Clear();
            T* y = Y + ((((nint)batch * Shape.Queries) + row) * Shape.ValueSize);

            // Keys after the last query's key are masked.
            int keys = IsCausal ? Math.Min(Shape.Keys, row + rows) : Shape.Keys;
            for (int column = 0; column < keys; column += Columns)
            {
                int columns = Math.Min(Columns, keys - column);
                Scores<S, V, T>(Shape, X, IsCausal, batch, row, rows, column, columns, scores, scratch);
                for (int i = 0; i < rows; i++)
                {
                    T* line = scores + ((nint)i * Stride<T>(columns));
                    T largest = T.Max(max[i], RowMath<S, V, T>.Max(line, columns));
                    T shift = T.IsNegativeInfinity(largest) ? T.Zero : largest;
                    T added = Powers<S, V>(line, shift, columns);
                    if (column > 0)
                    {
                        // The sums so far used the previous maximum: scale them to the new one.
                        S.Store(factor, VectorMath.Exp<S, V, T>(S.Splat(max[i] - shift)));
                        sum[i] *= factor[0];
                        Multiply<S, V>(y + ((nint)i * Shape.ValueSize), factor[0], Shape.ValueSize);
                    }

                    (max[i], sum[i]) = (largest, sum[i] + added);
                }

                Gemm.Block(
                    new GemmShape(rows, Shape.ValueSize, columns),
                    new GemmArguments<T>
                    {
                        A = scores,
                        Lda = Stride<T>(columns),
                        B = X.V + ((((nint)batch * Shape.Keys) + column) * Shape.ValueSize),
                        Ldb = Shape.ValueSize,
                        C = y,
                        Ldc = Shape.ValueSize,
                        Beta = column > 0 ? T.One : T.Zero,
                    },
                    scratch);
            }

            T* log = Log + ((nint)batch * Shape.Queries) + row;
            for (int i = 0; i < rows; i++)
            {
                if (keys == 0)
                {
                    new Span<T>(y + ((nint)i * Shape.ValueSize), Shape.ValueSize).Clear();
                }

                Multiply<S, V>(y + ((nint)i * Shape.ValueSize), T.One / sum[i], Shape.ValueSize);
                double shift = T.IsNegativeInfinity(max[i]) ? 0 : double.CreateTruncating(max[i]);
                log[i] = T.CreateSaturating(shift + Math.Log(double.CreateTruncating(sum[i])));
            }
        }

        /// <summary>Replaces each x of a row by exp(x − shift), and returns their sum.</summary>
        private static T Powers<S, V>(T* x, T shift, int n) where S : struct, ISimd<V, T> where V : struct
        {
            V by = S.Splat(shift), sum = S.Zero;
            int i = 0;
            for (; i <= n - S.Count; i += S.Count)
            {
                V power = VectorMath.Exp<S, V, T>(S.Sub(S.Load(x + i), by));
                S.Store(x + i, power);
                sum = S.Add(sum, power);
            }

            if (i < n)
            {
                S.StorePartial(x + i, VectorMath.Exp<S, V, T>(S.Sub(S.LoadPartial(x + i, n - i), by)), n - i);
                sum = S.Add(sum, S.LoadPartial(x + i, n - i));
            }

            return S.Sum(sum);
        }

        private static void Multiply<S, V>(T* x, T factor, int n) where S : struct, ISimd<V, T> where V : struct
        {
            V by = S.Splat(factor);
            for (int i = 0; i < n; i += S.Count)
            {
                int count = Math.Min(S.Count, n - i);
                S.StorePartial(x + i, S.Mul(S.LoadPartial(x + i, count), by), count);
            }
        }
    }
}
