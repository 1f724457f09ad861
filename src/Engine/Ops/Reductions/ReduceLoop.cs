using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Devices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Plans the loops of a reduction on the CPU: the innermost loop, and around it loops over kept and over reduced axes.
/// If there are few outputs, the elements are split into parts, which are joined in order. The shapes alone determine
/// their number, so that the threads share the work and the result always has the same bits.
/// </summary>
internal sealed class ReducePlan
{
    /// <summary>The longest run that is joined in vector registers before it is added to a total.</summary>
    public const int Run = 4096;

    /// <summary>
    /// The number of columns that are reduced together, and of rows after which they are added to totals.
    /// </summary>
    public const int Columns = 64, Rows = 256;

    /// <summary>The maximum number of totals of a thread.</summary>
    public const int MaxTotals = 2048;

    private const int PartElements = 8192, MaxParts = 64, EnoughUnits = 32, ManyElements = 1 << 19;

    public ReducePlan(Shape from, Shape to)
    {
        Outputs = checked((int)to.Count);
        Elements = checked((int)from.Count);
        if (Elements == 0)
        {
            return;
        }

        (int[] dimensions, int[][] strides) = Broadcasting.Loops(from, [to]);
        Inner = dimensions[^1];
        IsInnerReduced = strides[0][^1] == 0;
        int step = Inner;
        for (int axis = dimensions.Length - 2; axis >= 0; axis--)
        {
            (strides[0][axis] == 0 ? Reduced : Kept).Insert(0, (dimensions[axis], step));
            step *= dimensions[axis];
        }

        KeptCount = Kept.Aggregate(1, (count, loop) => count * loop.Dimension);
        ReducedCount = Reduced.Aggregate(1, (count, loop) => count * loop.Dimension);
        Blocks = IsInnerReduced ? ReducedCount * RunsPerSegment : ReducedCount;
        Chunks = IsInnerReduced ? 1 : (Inner + Columns - 1) / Columns;
        // Runs that are far apart, such as those of a channel in a batch, are joined in memory order and not output by
        // output.
        IsInMemoryOrder = IsInnerReduced && Elements >= ManyElements && Outputs <= MaxTotals
            && Kept.Count > 0 && Reduced.Count > 0 && Reduced[0].Step > Kept[0].Step;
        if (IsInMemoryOrder)
        {
            Parts = Math.Min(Reduced[0].Dimension, MaxParts);
            return;
        }

        int units = KeptCount * Chunks;
        int wanted = units >= EnoughUnits ? 1 : Math.Min(MaxParts, Elements / units / PartElements);
        Parts = Math.Clamp(wanted, 1, Blocks);
    }

    public int Outputs { get; }

    public int Elements { get; }

    /// <summary>Gets the length of the innermost loop over neighboring elements.</summary>
    public int Inner { get; }

    public bool IsInnerReduced { get; }

    /// <summary>Gets the other loops over kept axes, outermost first: their lengths and strides.</summary>
    public List<(int Dimension, int Step)> Kept { get; } = [];

    public List<(int Dimension, int Step)> Reduced { get; } = [];

    public int KeptCount { get; }

    public int ReducedCount { get; }

    /// <summary>
    /// Gets the number of runs (along the innermost loop) or rows (across it) that are reduced for one output.
    /// </summary>
    public int Blocks { get; }

    public int RunsPerSegment => (Inner + Run - 1) / Run;

    /// <summary>
    /// Gets the number of chunks of <see cref="Columns"/> columns of the innermost loop, if it is kept.
    /// </summary>
    public int Chunks { get; }

    /// <summary>Gets whether each part covers all outputs and a range of the outermost loop.</summary>
    public bool IsInMemoryOrder { get; }

    /// <summary>Gets the number of parts of the blocks.</summary>
    public int Parts { get; } = 1;

    /// <summary>Returns the offset of an iteration of some loops.</summary>
    public static long Offset(List<(int Dimension, int Step)> loops, int index)
    {
        if (loops.Count == 1)
        {
            return (long)index * loops[0].Step;
        }

        long offset = 0;
        for (int i = loops.Count - 1; i >= 0; i--)
        {
            (index, int at) = Math.DivRem(index, loops[i].Dimension);
            offset += (long)at * loops[i].Step;
        }

        return offset;
    }
}

/// <summary>Runs reductions on the CPU, with the widest vectors of the hardware.</summary>
internal static class ReduceLoop
{
    public static long Workspace(Shape from, OperandType to)
    {
        var plan = new ReducePlan(from, to.Shape);
        return plan.Parts == 1 ? 0 : (long)plan.Parts * plan.Outputs * to.DType.Size();
    }

    /// <param name="step">The step.</param>
    /// <param name="elements">
    /// Computes the elements from the step's inputs; null if they are those of the first input.
    /// </param>
    public static Phase[] Phases<TRow>(CpuStep step, Composite? elements = null) where TRow : struct, IReduction =>
        Promotion.Computed(step.OutDType()).Call(new Loops<TRow>(step), elements);

    private sealed class Loops<TRow>(CpuStep step) : IForElements<Composite?, Phase[]> where TRow : struct, IReduction
    {
        public Phase[] For<T>(Composite? elements) where T : unmanaged, INumber<T> =>
            Vector512.IsHardwareAccelerated ? new ReduceLoop<TRow, Simd512<T>, Vector512<T>, T>(step, elements).Phases
            : Vector256.IsHardwareAccelerated ? new ReduceLoop<TRow, Simd256<T>, Vector256<T>, T>(step, elements).Phases
            : new ReduceLoop<TRow, Simd128<T>, Vector128<T>, T>(step, elements).Phases;
    }
}

/// <summary>Runs one reduction for one vector width and element type.</summary>
[SkipLocalsInit]
internal sealed unsafe class ReduceLoop<TRow, S, V, T>
    where TRow : struct, IReduction
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int Grain = 8192;

    private readonly ReducePlan _plan;
    private readonly CompositeLoop? _elements;
    private readonly T* _x;
    private readonly T* _y;
    private readonly T* _parts;

    public ReduceLoop(CpuStep step, Composite? elements)
    {
        _plan = new ReducePlan(elements?.Shape ?? step.Shape(0), step.OutShape());
        _elements = elements is null ? null : CompositeLoop.Of(elements, step);
        _x = elements is null ? step.In<T>(0) : null;
        _y = step.Out<T>();
        _parts = _plan.Parts == 1 ? _y : (T*)step.Workspace;
    }

    public Phase[] Phases
    {
        get
        {
            if (_plan.Elements == 0)
            {
                return [new Phase(_plan.Outputs, Grain, Fill)];
            }

            int units = _plan.IsInMemoryOrder ? _plan.Parts : _plan.KeptCount * _plan.Chunks * _plan.Parts;
            int grain = Math.Max(1, Grain / ((_plan.Elements / units) + 1));
            var reduce = new Phase(
                units, grain, _plan.IsInMemoryOrder ? InMemoryOrder : _plan.IsInnerReduced ? Runs : Columns);
            return _plan.Parts == 1 ? [reduce] : [reduce, new Phase(_plan.Outputs, Grain, JoinParts)];
        }
    }

    private static T Start => T.CreateSaturating(TRow.Start);

    private void Fill(int start, int end, int worker) => new Span<T>(_y + start, end - start).Fill(Start);

    private (int First, int End) Blocks(int part) =>
        ((int)((long)_plan.Blocks * part / _plan.Parts), (int)((long)_plan.Blocks * (part + 1) / _plan.Parts));

    /// <summary>
    /// Joins the parts. Totals are double, whose rounding is negligible; totals of integers wrap around.
    /// </summary>
    private void JoinParts(int start, int end, int worker)
    {
        for (int i = start; i < end; i++)
        {
            double total = Begun;
            for (int part = 0; part < _plan.Parts; part++)
            {
                total = Joined(total, _parts[((long)part * _plan.Outputs) + i]);
            }

            _y[i] = Ended(total);
        }
    }

    /// <summary>
    /// Returns neighboring elements: in place or, if they must be computed, in <paramref name="buffer"/>, which stays in
    /// the first-level cache.
    /// </summary>
    private T* Elements(long first, int count, T* buffer)
    {
        if (_elements is null)
        {
            return _x + first;
        }

        _elements.Compute(first, count, buffer);
        return buffer;
    }

    /// <summary>Reduces the innermost loop; a unit is a part of one output.</summary>
    private void Runs(int start, int end, int worker)
    {
        T* buffer = stackalloc T[_elements is null ? 0 : ReducePlan.Run];
        for (int unit = start; unit < end; unit++)
        {
            (int output, int part) = Math.DivRem(unit, _plan.Parts);
            long x = ReducePlan.Offset(_plan.Kept, output);
            (int block, int endBlock) = Blocks(part);
            double total = Begun;
            for (; block < endBlock; block++)
            {
                (int segment, int run) = Math.DivRem(block, _plan.RunsPerSegment);
                int first = run * ReducePlan.Run, count = Math.Min(ReducePlan.Run, _plan.Inner - first);
                long at = x + ReducePlan.Offset(_plan.Reduced, segment) + first;
                T joined = JoinRun(Elements(at, count, buffer), count);
                total = Joined(total, joined);
            }

            _parts[((long)part * _plan.Outputs) + output] = Ended(total);
        }
    }

    /// <summary>
    /// Gets the start of a total. For 64-bit integers a total holds their bits, because a double cannot hold their
    /// values.
    /// </summary>
    private static double Begun => typeof(T) == typeof(long)
        ? BitConverter.Int64BitsToDouble(long.CreateSaturating(TRow.Start))
        : TRow.Start;

    private static T Ended(double total) => typeof(T) == typeof(long)
        ? T.CreateTruncating(BitConverter.DoubleToInt64Bits(total))
        : T.CreateSaturating(total);

    private static double Joined(double total, T value) =>
        typeof(T) == typeof(long)
            ? BitConverter.Int64BitsToDouble(long.CreateTruncating(TRow.Join(Ended(total), value)))
        : typeof(T) == typeof(int) ? double.CreateTruncating(TRow.Join(T.CreateSaturating(total), value))
        : TRow.Join(total, double.CreateTruncating(value));

    /// <summary>Reduces the innermost and the outermost loop; a unit is a range of the outermost.</summary>
    private void InMemoryOrder(int start, int end, int worker)
    {
        T* buffer = stackalloc T[_elements is null ? 0 : ReducePlan.Run];
        double* totals = stackalloc double[_plan.Outputs];
        int blocks = _plan.ReducedCount / _plan.Reduced[0].Dimension;
        for (int part = start; part < end; part++)
        {
            new Span<double>(totals, _plan.Outputs).Fill(Begun);
            int first = (int)((long)_plan.Reduced[0].Dimension * part / _plan.Parts);
            int last = (int)((long)_plan.Reduced[0].Dimension * (part + 1) / _plan.Parts);
            for (int i = first * _plan.Outputs; i < last * _plan.Outputs; i++)
            {
                (int outer, int output) = Math.DivRem(i, _plan.Outputs);
                long x = ReducePlan.Offset(_plan.Kept, output);
                for (int block = outer * blocks; block < (outer + 1) * blocks; block++)
                {
                    long segment = x + ReducePlan.Offset(_plan.Reduced, block);
                    for (int at = 0; at < _plan.Inner; at += ReducePlan.Run)
                    {
                        int count = Math.Min(ReducePlan.Run, _plan.Inner - at);
                        T joined = JoinRun(Elements(segment + at, count, buffer), count);
                        totals[output] = Joined(totals[output], joined);
                    }
                }
            }

            for (int output = 0; output < _plan.Outputs; output++)
            {
                _parts[((long)part * _plan.Outputs) + output] = Ended(totals[output]);
            }
        }
    }

    private static T JoinRun(T* x, int n)
    {
        T total = Start;
        int i = 0;
        if (n >= 4 * S.Count)
        {
            V a = S.Load(x), b = S.Load(x + S.Count), c = S.Load(x + (2 * S.Count)), d = S.Load(x + (3 * S.Count));
            for (i = 4 * S.Count; i <= n - (4 * S.Count); i += 4 * S.Count)
            {
                a = TRow.Join<S, V, T>(a, S.Load(x + i));
                b = TRow.Join<S, V, T>(b, S.Load(x + i + S.Count));
                c = TRow.Join<S, V, T>(c, S.Load(x + i + (2 * S.Count)));
                d = TRow.Join<S, V, T>(d, S.Load(x + i + (3 * S.Count)));
            }

            total = TRow.Lanes<S, V, T>(TRow.Join<S, V, T>(TRow.Join<S, V, T>(a, b), TRow.Join<S, V, T>(c, d)));
        }

        for (; i <= n - S.Count; i += S.Count)
        {
            total = TRow.Join(total, TRow.Lanes<S, V, T>(S.Load(x + i)));
        }

        for (; i < n; i++)
        {
            total = TRow.Join(total, x[i]);
        }

        return total;
    }

    /// <summary>Keeps the innermost loop; a unit is a part of some neighboring outputs.</summary>
    private void Columns(int start, int end, int worker)
    {
        for (int unit = start; unit < end; unit++)
        {
            (int chunk, int part) = Math.DivRem(unit, _plan.Parts);
            (int kept, int column) = Math.DivRem(chunk, _plan.Chunks);
            column *= ReducePlan.Columns;
            int columnEnd = Math.Min(column + ReducePlan.Columns, _plan.Inner);
            long x = ReducePlan.Offset(_plan.Kept, kept);
            T* y = _parts + ((long)part * _plan.Outputs) + ((long)kept * _plan.Inner);
            (int row, int rowEnd) = Blocks(part);
            for (; column <= columnEnd - (4 * S.Count); column += 4 * S.Count)
            {
                JoinFour(x + column, y + column, row, rowEnd);
            }

            for (; column < columnEnd; column += S.Count)
            {
                JoinOne(x + column, y + column, row, rowEnd, Math.Min(S.Count, columnEnd - column));
            }
        }
    }

    private void JoinFour(long x, T* y, int row, int rowEnd)
    {
        T* buffer = stackalloc T[4 * S.Count];
        V start = S.Splat(Start);
        V totalA = start, totalB = start, totalC = start, totalD = start;
        while (row < rowEnd)
        {
            V a = start, b = start, c = start, d = start;
            for (int blockEnd = Math.Min(rowEnd, row + ReducePlan.Rows); row < blockEnd; row++)
            {
                T* from = Elements(x + ReducePlan.Offset(_plan.Reduced, row), 4 * S.Count, buffer);
                a = TRow.Join<S, V, T>(a, S.Load(from));
                b = TRow.Join<S, V, T>(b, S.Load(from + S.Count));
                c = TRow.Join<S, V, T>(c, S.Load(from + (2 * S.Count)));
                d = TRow.Join<S, V, T>(d, S.Load(from + (3 * S.Count)));
            }

            totalA = TRow.Join<S, V, T>(totalA, a);
            totalB = TRow.Join<S, V, T>(totalB, b);
            totalC = TRow.Join<S, V, T>(totalC, c);
            totalD = TRow.Join<S, V, T>(totalD, d);
        }

        S.Store(y, totalA);
        S.Store(y + S.Count, totalB);
        S.Store(y + (2 * S.Count), totalC);
        S.Store(y + (3 * S.Count), totalD);
    }

    private void JoinOne(long x, T* y, int row, int rowEnd, int columns)
    {
        T* buffer = stackalloc T[S.Count];
        V start = S.Splat(Start), total = start;
        while (row < rowEnd)
        {
            V a = start;
            for (int blockEnd = Math.Min(rowEnd, row + ReducePlan.Rows); row < blockEnd; row++)
            {
                T* from = Elements(x + ReducePlan.Offset(_plan.Reduced, row), columns, buffer);
                a = TRow.Join<S, V, T>(a, S.LoadPartial(from, columns));
            }

            total = TRow.Join<S, V, T>(total, a);
        }

        S.StorePartial(y, total, columns);
    }
}
