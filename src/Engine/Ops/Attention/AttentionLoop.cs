using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Runs <see cref="Attend"/> and its gradients on the CPU. A unit is some rows of queries of a stack, or some keys for
/// the gradients of keys and values. It goes through all keys (or queries) block by block and stores the products of
/// one block at a time.
/// </summary>
internal static unsafe class AttentionLoop
{
    /// <summary>
    /// The number of queries of a unit, and of keys that are taken at a time: their products stay in the second-level
    /// cache.
    /// </summary>
    public const int Rows = 64, Columns = 512;

    private const int Alignment = 64;

    public static long ForwardBytes(AttentionShape shape, CpuStepTypes step) => step.Inputs[0].DType == DType.Float32
        ? new Room<float>(shape).Bytes * step.Threads
        : new Room<double>(shape).Bytes * step.Threads;

    /// <summary>Returns the bytes for two blocks of products per thread.</summary>
    public static long BackwardBytes(AttentionShape shape, CpuStepTypes step) => ForwardBytes(shape, step);

    public static Phase[] Forward(CpuStep step, AttentionShape shape, bool isCausal) => step.DType(0) == DType.Float32
        ? Forward<float>(step, shape, isCausal)
        : Forward<double>(step, shape, isCausal);

    public static Phase[] Backward(CpuStep step, AttentionShape shape, bool isCausal) => step.DType(0) == DType.Float32
        ? Backward<float>(step, shape, isCausal)
        : Backward<double>(step, shape, isCausal);

    private static Phase[] Forward<T>(CpuStep step, AttentionShape shape, bool isCausal) where T : unmanaged, INumber<T>
    {
        var room = new Room<T>(shape);
        Operands<T> x = new(step.In<T>(0), step.In<T>(1), step.In<T>(2), step.InputCount > 3 ? new(step, 3) : default);
        T* y = step.Out<T>(), log = step.Out<T>(1);
        byte* workspace = step.Workspace;
        int chunks = (shape.Queries + Rows - 1) / Rows;
        return
        [
            new Phase(checked(shape.Batch * chunks), 1, (start, end, worker) =>
            {
                var job = new ForwardJob<T>
                {
                    Shape = shape, X = x, Y = y, Log = log, IsCausal = isCausal, Chunks = chunks, Start = start, End =
                        end,
                    Room = room, Memory = workspace + (worker * room.Bytes),
                };
                Simd.Dispatch<T, ForwardJob<T>>(ref job);
            }),
        ];
    }

    private static Phase[] Backward<T>(CpuStep step, AttentionShape shape, bool isCausal)
        where T : unmanaged, INumber<T>
    {
        var room = new Room<T>(shape);
        Operands<T> x = new(step.In<T>(0), step.In<T>(1), step.In<T>(2), step.InputCount > 6 ? new(step, 6) : default);
        T* log = step.In<T>(3), common = step.In<T>(4), g = step.In<T>(5);
        T* dq = step.Out<T>(0), dk = step.Out<T>(1), dv = step.Out<T>(2);
        byte* workspace = step.Workspace;
        return [Part(shape.Queries, ofKeys: false), Part(shape.Keys, ofKeys: true)];

        Phase Part(int rows, bool ofKeys)
        {
            int chunks = (rows + Rows - 1) / Rows;
            return new Phase(checked(shape.Batch * chunks), 1, (start, end, worker) =>
            {
                var job = new BackwardJob<T>
                {
                    Shape = shape,
                    X = x,
                    Log = log,
                    Common = common,
                    G = g,
                    DQ = dq,
                    DK = dk,
                    DV = dv,
                    IsCausal = isCausal,
                    OfKeys = ofKeys,
                    Chunks = chunks,
                    Start = start,
                    End = end,
                    Room = room,
                    Memory = workspace + (worker * room.Bytes),
                };
                Simd.Dispatch<T, BackwardJob<T>>(ref job);
            });
        }
    }

    /// <summary>
    /// Represents the memory of a thread: two blocks of products, and the workspace of the matrix products.
    /// </summary>
    private readonly struct Room<T> where T : unmanaged
    {
        public Room(AttentionShape s)
        {
            int rows = Math.Min(Rows, Math.Max(s.Queries, s.Keys)),
                columns = Math.Min(Columns, Math.Max(s.Queries, s.Keys));
            Block = Aligned((long)rows * columns * sizeof(T));
            long scratch = 0;
            foreach (int size in (int[])[s.Size, s.ValueSize])
            {
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(rows, columns, size, false, true)));
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(columns, rows, size, false, true)));
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(rows, size, columns, true)));
                scratch = Math.Max(scratch, Gemm.ScratchBytes<T>(new GemmShape(rows, size, columns)));
            }

            Bytes = Alignment + (2 * Block) + Aligned(scratch);
        }

        public long Block { get; }

        public long Bytes { get; }

        private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
    }

    /// <summary>Represents a mask, which repeats along axes of length 1.</summary>
    private readonly struct Mask<T> where T : unmanaged
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

    private readonly struct Operands<T>(T* q, T* k, T* v, Mask<T> mask) where T : unmanaged
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
    private static void Scores<S, V, T>(
        AttentionShape s, in Operands<T> x, bool isCausal, int batch, int row, int rows, int column, int columns,
        T* scores,
        byte* scratch)
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
                Ldc = columns,
            },
            scratch);
        Mask<T> mask = x.Mask;
        for (int i = 0; i < rows; i++)
        {
            T* line = scores + ((nint)i * columns);
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
        public Room<T> Room;
        public byte* Memory;

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
            byte* memory = (byte*)(((nint)Memory + Alignment - 1) & -Alignment), scratch = memory + (2 * Room.Block);
            var scores = (T*)memory;
            T* most = stackalloc T[Rows], sum = stackalloc T[Rows], factor = stackalloc T[S.Count];
            T none = T.CreateSaturating(double.NegativeInfinity);
            new Span<T>(most, rows).Fill(none);
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
                    T* line = scores + ((nint)i * columns);
                    T greatest = T.Max(most[i], RowMath<S, V, T>.Max(line, columns));
                    T shift = T.IsNegativeInfinity(greatest) ? T.Zero : greatest;
                    T added = Powers<S, V>(line, shift, columns);
                    if (column > 0)
                    {
                        // The sums so far used the previous maximum: scale them to the new one.
                        S.Store(factor, VectorMath.Exp<S, V, T>(S.Splat(most[i] - shift)));
                        sum[i] *= factor[0];
                        Multiply<S, V>(y + ((nint)i * Shape.ValueSize), factor[0], Shape.ValueSize);
                    }

                    (most[i], sum[i]) = (greatest, sum[i] + added);
                }

                Gemm.Block(
                    new GemmShape(rows, Shape.ValueSize, columns),
                    new GemmArguments<T>
                    {
                        A = scores,
                        Lda = columns,
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
                double shift = T.IsNegativeInfinity(most[i]) ? 0 : double.CreateTruncating(most[i]);
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

    /// <summary>
    /// Computes either the gradients of some queries, from all keys, or those of some keys and values, from all
    /// queries. Each computes the products again, so that no two threads write one element.
    /// </summary>
    private struct BackwardJob<T> : ISimdJob<T> where T : unmanaged, INumber<T>
    {
        public AttentionShape Shape;
        public Operands<T> X;
        public T* Log, Common, G, DQ, DK, DV;
        public bool IsCausal, OfKeys;
        public int Chunks, Start, End;
        public Room<T> Room;
        public byte* Memory;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            for (int unit = Start; unit < End; unit++)
            {
                (int batch, int chunk) = Math.DivRem(unit, Chunks);
                int first = chunk * Rows;
                if (OfKeys)
                {
                    Keys<S, V>(batch, first, Math.Min(Rows, Shape.Keys - first));
                }
                else
                {
                    Queries<S, V>(batch, first, Math.Min(Rows, Shape.Queries - first));
                }
            }
        }

        private readonly void Queries<S, V>(int batch, int row, int rows) where S : struct, ISimd<V, T> where V : struct
        {
            (nint powersAt, nint termsAt, nint scratchAt) = Places();
            T* powers = (T*)powersAt, terms = (T*)termsAt;
            var scratch = (byte*)scratchAt;
            T* dq = DQ + ((((nint)batch * Shape.Queries) + row) * Shape.Size);
            new Span<T>(dq, checked(rows * Shape.Size)).Clear();
            int keys = IsCausal ? Math.Min(Shape.Keys, row + rows) : Shape.Keys;
            for (int column = 0; column < keys; column += Columns)
            {
                int columns = Math.Min(Columns, keys - column);
                Products<S, V>(batch, row, rows, column, columns, powers, terms, scratch);
                Gemm.Block(
                    new GemmShape(rows, Shape.Size, columns),
                    new GemmArguments<T>
                    {
                        A = terms,
                        Lda = columns,
                        B = X.K + ((((nint)batch * Shape.Keys) + column) * Shape.Size),
                        Ldb = Shape.Size,
                        C = dq,
                        Ldc = Shape.Size,
                        Beta = T.One,
                    },
                    scratch);
            }
        }

        private readonly void Keys<S, V>(int batch, int column, int columns) where S : struct, ISimd<V, T>
            where V : struct
        {
            (nint powersAt, nint termsAt, nint scratchAt) = Places();
            T* powers = (T*)powersAt, terms = (T*)termsAt;
            var scratch = (byte*)scratchAt;
            T* dk = DK + ((((nint)batch * Shape.Keys) + column) * Shape.Size);
            T* dv = DV + ((((nint)batch * Shape.Keys) + column) * Shape.ValueSize);
            new Span<T>(dk, checked(columns * Shape.Size)).Clear();
            new Span<T>(dv, checked(columns * Shape.ValueSize)).Clear();

            // Queries before the first key do not see it.
            for (int row = IsCausal ? column / Rows * Rows : 0; row < Shape.Queries; row += Columns)
            {
                int rows = Math.Min(Columns, Shape.Queries - row);
                Products<S, V>(batch, row, rows, column, columns, powers, terms, scratch);
                Gemm.Block(
                    new GemmShape(columns, Shape.ValueSize, rows, true, false),
                    new GemmArguments<T>
                    {
                        A = powers,
                        Lda = columns,
                        B = G + ((((nint)batch * Shape.Queries) + row) * Shape.ValueSize),
                        Ldb = Shape.ValueSize,
                        C = dv,
                        Ldc = Shape.ValueSize,
                        Beta = T.One,
                    },
                    scratch);
                Gemm.Block(
                    new GemmShape(columns, Shape.Size, rows, true, false),
                    new GemmArguments<T>
                    {
                        A = terms,
                        Lda = columns,
                        B = X.Q + ((((nint)batch * Shape.Queries) + row) * Shape.Size),
                        Ldb = Shape.Size,
                        C = dk,
                        Ldc = Shape.Size,
                        Beta = T.One,
                    },
                    scratch);
            }
        }

        private readonly (nint Powers, nint Terms, nint Scratch) Places()
        {
            nint memory = ((nint)Memory + Alignment - 1) & -Alignment;
            return (memory, memory + (nint)Room.Block, memory + (2 * (nint)Room.Block));
        }

        /// <summary>Computes p, the powers, and c, p times the gradients of the products.</summary>
        private readonly void Products<S, V>(
            int batch, int row, int rows, int column, int columns, T* powers, T* terms, byte* scratch)
            where S : struct, ISimd<V, T> where V : struct
        {
            Scores<S, V, T>(Shape, X, IsCausal, batch, row, rows, column, columns, powers, scratch);
            Gemm.Block(
                new GemmShape(rows, columns, Shape.ValueSize, false, true),
                new GemmArguments<T>
                {
                    A = G + ((((nint)batch * Shape.Queries) + row) * Shape.ValueSize),
                    Lda = Shape.ValueSize,
                    B = X.V + ((((nint)batch * Shape.Keys) + column) * Shape.ValueSize),
                    Ldb = Shape.ValueSize,
                    C = terms,
                    Ldc = columns,
                },
                scratch);
            nint first = ((nint)batch * Shape.Queries) + row;
            for (int i = 0; i < rows; i++)
            {
                V log = S.Splat(Log[first + i]), common = S.Splat(Common[first + i]);
                T* p = powers + ((nint)i * columns), c = terms + ((nint)i * columns);
                for (int j = 0; j < columns; j += S.Count)
                {
                    int count = Math.Min(S.Count, columns - j);
                    V power = VectorMath.Exp<S, V, T>(S.Sub(S.LoadPartial(p + j, count), log));
                    S.StorePartial(p + j, power, count);

                    // A power of 0 has gradient 0, even if the other factor overflows.
                    V term = S.Mul(power, S.Sub(S.LoadPartial(c + j, count), common));
                    S.StorePartial(c + j, S.Select(S.Equal(power, S.Zero), S.Zero, term), count);
                }
            }
        }
    }
}
