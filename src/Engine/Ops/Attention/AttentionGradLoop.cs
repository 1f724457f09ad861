using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Runs <see cref="AttendGrad"/> on the CPU. A unit is some queries and some keys of a stack. It computes their
/// products block by block, each once, and from them its terms of all three gradients. Where several units have terms
/// of one element, each writes them to memory of its own, and a second phase adds them in order.
/// </summary>
internal static unsafe class AttentionGradLoop
{
    private const int Grain = 4096, Rows = AttentionLoop.Rows, Columns = AttentionLoop.Columns;

    public static long Workspace(AttentionShape shape, CpuStepTypes step) =>
        step.Inputs[0].DType == DType.Float32 ? Bytes<float>(shape, step) : Bytes<double>(shape, step);

    public static Phase[] Phases(CpuStep step, AttentionShape shape, bool isCausal) =>
        step.DType(0) == DType.Float32 ? Phases<float>(step, shape, isCausal) : Phases<double>(step, shape, isCausal);

    private static long Bytes<T>(AttentionShape shape, CpuStepTypes step) where T : unmanaged =>
        (Partition.Of(shape).Terms(shape) * sizeof(T))
        + (new AttentionLoop.WorkerMemory<T>(shape).Bytes * step.Threads);

    private static Phase[] Phases<T>(CpuStep step, AttentionShape shape, bool isCausal) where T : unmanaged, INumber<T>
    {
        var memory = new AttentionLoop.WorkerMemory<T>(shape);
        var parts = Partition.Of(shape);
        var terms = (T*)step.Workspace;
        byte* rooms = step.Workspace + (parts.Terms(shape) * sizeof(T));
        var dq = new Gradient<T>(step.Out<T>(0), parts.Keys, (long)shape.Batch * shape.Queries * shape.Size, ref terms);
        var dk = new Gradient<T>(step.Out<T>(1), parts.Queries, (long)shape.Batch * shape.Keys * shape.Size, ref terms);
        var dv = new Gradient<T>(
            step.Out<T>(2), parts.Queries, (long)shape.Batch * shape.Keys * shape.ValueSize, ref terms);
        var job = new Job<T>
        {
            Shape = shape,
            Parts = parts,
            X = new(step.In<T>(0), step.In<T>(1), step.In<T>(2), step.InputCount > 6 ? new(step, 6) : default),
            Log = step.In<T>(3),
            Common = step.In<T>(4),
            G = step.In<T>(5),
            DQ = dq,
            DK = dk,
            DV = dv,
            IsCausal = isCausal,
        };
        var units = new Phase(checked(shape.Batch * parts.Queries * parts.Keys), 1, (start, end, worker) =>
        {
            Job<T> own = job;
            (own.Start, own.End, own.Memory) = (start, end, memory.Of(rooms, worker));
            Simd.Dispatch<T, Job<T>>(ref own);
        });
        return [units, .. dq.Sum(), .. dk.Sum(), .. dv.Sum()];
    }

    /// <summary>
    /// Describes how many parts the queries and the keys of each stack are cut into. The shape alone determines them,
    /// and so the order of all sums.
    /// </summary>
    private readonly record struct Partition(int Queries, int Keys)
    {
        public static Partition Of(AttentionShape s)
        {
            int wanted = AttentionLoop.Chunks(AttentionLoop.EnoughUnits, Math.Max(1, s.Batch));
            int queries = Math.Clamp(AttentionLoop.Chunks(s.Queries, Rows), 1, wanted);
            int keys = AttentionLoop.Chunks(s.Keys, Columns);
            return new Partition(queries, Math.Clamp(keys, 1, AttentionLoop.Chunks(wanted, queries)));
        }

        /// <summary>Returns the number of terms that are stored before they are added.</summary>
        public long Terms(AttentionShape s) => s.Batch * (
            (Keys == 1 ? 0 : (long)Keys * s.Queries * s.Size)
            + (Queries == 1 ? 0 : (long)Queries * s.Keys * (s.Size + s.ValueSize)));

        /// <summary>Returns a part of some elements, which begins at a chunk.</summary>
        public static (int First, int End) Range(int count, int chunk, int part, int parts)
        {
            long chunks = AttentionLoop.Chunks(count, chunk);
            return ((int)(chunks * part / parts) * chunk, (int)Math.Min(count, chunks * (part + 1) / parts * chunk));
        }
    }

    /// <summary>Represents a gradient, or the terms of it that each of several parts computes.</summary>
    private readonly struct Gradient<T> where T : unmanaged
    {
        private readonly T* _result, _terms;
        private readonly int _parts;
        private readonly long _count;

        /// <summary>Takes the memory of its terms from the start of the rest of a workspace.</summary>
        public Gradient(T* result, int parts, long count, ref T* rest)
        {
            _result = result;
            _terms = parts == 1 ? result : rest;
            _parts = parts;
            _count = count;
            rest += parts == 1 ? 0 : parts * count;
        }

        public T* Of(int part) => _terms + (part * _count);

        /// <summary>Returns the phase that adds the terms, if they are not the gradient itself.</summary>
        public Phase[] Sum()
        {
            if (_parts == 1)
            {
                return [];
            }

            Gradient<T> all = this;
            return
            [
                new Phase(checked((int)_count), Grain, (start, end, _) =>
                {
                    int count = end - start;
                    ShortRows.Copy(1, count, all.Of(0) + start, count, all._result + start, count);
                    for (int part = 1; part < all._parts; part++)
                    {
                        ShortRows.Add(1, count, all.Of(part) + start, count, all._result + start, count);
                    }
                }),
            ];
        }
    }

    private struct Job<T> : ISimdJob<T> where T : unmanaged, INumber<T>
    {
        public AttentionShape Shape;
        public Partition Parts;
        public AttentionLoop.Operands<T> X;
        public T* Log, Common, G;
        public Gradient<T> DQ, DK, DV;
        public bool IsCausal;
        public int Start, End;
        public AttentionLoop.Blocks<T> Memory;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            for (int unit = Start; unit < End; unit++)
            {
                (int stack, int keys) = Math.DivRem(unit, Parts.Keys);
                (int batch, int queries) = Math.DivRem(stack, Parts.Queries);
                Unit<S, V>(batch, queries, keys);
            }
        }

        private readonly void Unit<S, V>(int batch, int queryPart, int keyPart)
            where S : struct, ISimd<V, T> where V : struct
        {
            nint query = (nint)batch * Shape.Queries, key = (nint)batch * Shape.Keys;
            T* dq = DQ.Of(keyPart) + (query * Shape.Size), dk = DK.Of(queryPart) + (key * Shape.Size),
                dv = DV.Of(queryPart) + (key * Shape.ValueSize);
            (int firstRow, int endRow) = Partition.Range(Shape.Queries, Rows, queryPart, Parts.Queries);
            (int first, int end) = Partition.Range(Shape.Keys, Columns, keyPart, Parts.Keys);
            Clear(dq, firstRow, endRow, Shape.Size);
            Clear(dk, first, end, Shape.Size);
            Clear(dv, first, end, Shape.ValueSize);
            for (int column = first; column < end; column += Columns)
            {
                for (int row = firstRow; row < endRow; row += Rows)
                {
                    int rows = Math.Min(Rows, endRow - row), columns = Math.Min(Columns, end - column);

                    // Keys after the last query's key are hidden from all of them.
                    columns = IsCausal ? Math.Min(columns, row + rows - column) : columns;
                    if (columns <= 0)
                    {
                        continue;
                    }

                    Products<S, V>(batch, row, rows, column, columns);
                    T* k = X.K + ((key + column) * Shape.Size), q = X.Q + ((query + row) * Shape.Size),
                        g = G + ((query + row) * Shape.ValueSize);
                    T* powers = Memory.First, terms = Memory.Second;
                    int stride = AttentionLoop.Stride<T>(columns);
                    Add(new(rows, Shape.Size, columns), terms, stride, k, dq + ((nint)row * Shape.Size));
                    Add(new(columns, Shape.Size, rows, true), terms, stride, q, dk + ((nint)column * Shape.Size));
                    Add(
                        new(columns, Shape.ValueSize, rows, true), powers, stride, g,
                        dv + ((nint)column * Shape.ValueSize));
                }
            }
        }

        private static void Clear(T* rows, int first, int end, int size) =>
            new Span<T>(rows + ((nint)first * size), checked((end - first) * size)).Clear();

        private readonly void Add(GemmShape shape, T* a, int lda, T* b, T* c)
        {
            var x = new GemmArguments<T> { A = a, Lda = lda, B = b, Ldb = shape.N, C = c, Ldc = shape.N, Beta = T.One };
            Gemm.Block(shape, x, Memory.Scratch);
        }

        /// <summary>Computes p, the powers, and c, p times the gradients of the products.</summary>
        private readonly void Products<S, V>(int batch, int row, int rows, int column, int columns)
            where S : struct, ISimd<V, T> where V : struct
        {
            T* powers = Memory.First, terms = Memory.Second;
            int stride = AttentionLoop.Stride<T>(columns);
            AttentionLoop.Scores<S, V, T>(
                Shape, X, IsCausal, batch, row, rows, column, columns, powers, Memory.Scratch);
            nint first = ((nint)batch * Shape.Queries) + row;
            Gemm.Block(
                new GemmShape(rows, columns, Shape.ValueSize, false, true),
                new GemmArguments<T>
                {
                    A = G + (first * Shape.ValueSize),
                    Lda = Shape.ValueSize,
                    B = X.V + ((((nint)batch * Shape.Keys) + column) * Shape.ValueSize),
                    Ldb = Shape.ValueSize,
                    C = terms,
                    Ldc = stride,
                },
                Memory.Scratch);
            for (int i = 0; i < rows; i++)
            {
                V log = S.Splat(Log[first + i]), common = S.Splat(Common[first + i]);
                T* p = powers + ((nint)i * stride), c = terms + ((nint)i * stride);
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
