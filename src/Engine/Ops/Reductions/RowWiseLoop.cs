using System.Runtime.CompilerServices;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Says where a value of a <see cref="RowWise"/> is stored.</summary>
internal enum RowMemory
{
    /// <summary>In registers, or computed again where it is used.</summary>
    None,

    /// <summary>In an input's or an output's memory.</summary>
    Operand,

    /// <summary>In the thread's memory while it works on a row.</summary>
    Scratch,
}

/// <summary>
/// Plans the passes over rows and the memory of a thread. Reductions that depend on one another are in different
/// passes; each pass is one loop. The shapes alone determine the plan.
/// </summary>
internal sealed class RowWisePlan
{
    private const int Alignment = 64;

    private RowWisePlan(RowWise op, TensorType[] types)
    {
        Op = op;
        Types = types;
        Levels = new int[types.Length];
        Memories = new RowMemory[types.Length];
        Offsets = new long[types.Length];
        StepLevels = new int[op.Steps.Length];
        FirstOutputs = new int[op.Steps.Length];
        int next = op.Inputs;
        for (int i = 0; i < op.Steps.Length; i++)
        {
            RowStep step = op.Steps[i];
            FirstOutputs[i] = next;
            StepLevels[i] = step.Inputs.Select(value => Levels[value]).DefaultIfEmpty().Max();
            int outputs = step.Op is Composite composite ? composite.Outputs.Length : 1;
            Array.Fill(Levels, StepLevels[i] + (step.Op is IReduce ? 1 : 0), next, outputs);
            next += outputs;
        }

        Steps = RowSteps.MadeAgain(op, types, StepLevels, FirstOutputs);
        long rowElements = op.Shape.Count / Math.Max(1, op.RowShape.Count);
        for (int value = 0; value < types.Length; value++)
        {
            Memories[value] = value < op.Inputs || op.Results.Contains(value) ? RowMemory.Operand
                : Enumerable.Range(0, Steps.Length).Any(i => Steps[i].Inputs.Contains(value) && IsLoaded(i, value))
                    ? RowMemory.Scratch
                : RowMemory.None;
            Offsets[value] = ScratchBytes;
            if (Memories[value] == RowMemory.Scratch)
            {
                long bytes = (IsNumber(value) ? 1 : rowElements) * types[value].DType.Size();
                ScratchBytes += (bytes + Alignment - 1) / Alignment * Alignment;
            }
        }
    }

    public RowWise Op { get; }

    /// <summary>Gets the op's steps, some of which compute values of earlier steps again.</summary>
    public RowStep[] Steps { get; }

    /// <summary>Gets the types of all values.</summary>
    public TensorType[] Types { get; }

    /// <summary>Gets the pass that computes each value; a reduction's is ready before the pass.</summary>
    public int[] Levels { get; }

    public int[] StepLevels { get; }

    /// <summary>Gets the index of each step's first output.</summary>
    public int[] FirstOutputs { get; }

    public RowMemory[] Memories { get; }

    /// <summary>Gets the offset of each value in a thread's memory.</summary>
    public long[] Offsets { get; }

    /// <summary>Gets the bytes of a thread's memory.</summary>
    public long ScratchBytes { get; }

    public static RowWisePlan Of(RowWise op, CpuStepTypes step) => new(
        op, op.Types([.. step.Inputs.Select(input => new TensorType(input.DType, input.Shape))]));

    /// <summary>Returns whether a value of the ops has one number for each row.</summary>
    public bool IsNumber(int value) => value >= Op.Inputs && Types[value].Shape != Op.Shape;

    /// <summary>Returns whether a step reads a value from memory, because an earlier pass has computed it.</summary>
    public bool IsLoaded(int step, int value) =>
        value < Op.Inputs || StepLevels[step] > Levels[value] || IsReduced(value);

    /// <summary>Returns whether a value is the result of a reduction.</summary>
    public bool IsReduced(int value) => value >= Op.Inputs
        && Steps[Array.FindLastIndex(FirstOutputs, first => first <= value)].Op is IReduce;
}

/// <summary>Runs the loop over rows on the CPU.</summary>
[SkipLocalsInit]
internal sealed unsafe class RowWiseLoop
{
    private const int Grain = 8192;

    private readonly RowWisePlan _plan;
    private readonly Pass[] _passes;
    private readonly Value[] _values;
    private readonly int[] _operands, _kept, _pieces;
    private readonly int _inner, _pieceCount, _joins;
    private readonly nint _scratch;

    public RowWiseLoop(RowWise op, CpuStep step)
    {
        _plan = RowWisePlan.Of(op, step.Types);
        _scratch = (nint)step.Workspace;
        TensorType[] types = _plan.Types;
        Shape[] shapes = [op.RowShape, op.Shape, .. types.Select(type => type.Shape)];
        (int[] dimensions, int[][] strides) = Broadcasting.Loops(op.Shape, shapes);
        int[] outer = [.. Enumerable.Range(0, dimensions.Length - 1)];
        int[] kept = [.. outer.Where(loop => strides[0][loop] != 0)], reduced = [.. outer.Except(kept)];
        _kept = [.. kept.Select(loop => dimensions[loop])];
        _pieces = [.. reduced.Select(loop => dimensions[loop])];
        _inner = dimensions[^1];
        _pieceCount = _pieces.Aggregate(1, (product, dimension) => product * dimension);
        var own = new int[reduced.Length];
        for (int i = reduced.Length - 1, length = _inner; i >= 0; i--)
        {
            own[i] = length;
            length *= _pieces[i];
        }

        _values = [.. types.Select((type, i) =>
        {
            int size = type.DType.Size();
            int[] steps = strides[i + 2];
            long[] Bytes(IEnumerable<int> elements) => [.. elements.Select(element => (long)element * size)];
            return _plan.Memories[i] == RowMemory.Operand
                ? new Value(
                    i < op.Inputs ? (nint)step.In<byte>(i) : (nint)step.Out<byte>(Array.IndexOf(op.Results, i)),
                    Bytes(kept.Select(loop => steps[loop])), Bytes(reduced.Select(loop => steps[loop])),
                    steps[^1] * size)
                : new Value(
                    (nint)_plan.Offsets[i], new long[kept.Length],
                    _plan.IsNumber(i) ? new long[own.Length] : Bytes(own), _plan.IsNumber(i) ? 0 : size);
        })];
        _passes = [.. _plan.StepLevels.Distinct().Order().Select(PassOf)];
        _joins = op.Steps.Length;
        _operands = [.. Enumerable.Range(0, types.Length).Where(i => _plan.Memories[i] == RowMemory.Operand)];
    }

    public Phase Phase
    {
        get
        {
            int rows = checked((int)_plan.Op.RowShape.Count);
            long rowElements = _plan.Op.Shape.Count / Math.Max(rows, 1);
            return new Phase(rows, (int)Math.Max(1, Grain / Math.Max(1, rowElements)), Rows);
        }
    }

    private Pass PassOf(int level)
    {
        int[] steps = [.. Enumerable.Range(0, _plan.Steps.Length).Where(i => _plan.StepLevels[i] == level)];
        var values = new List<LoopValue>(_plan.Types.Select((type, value) =>
        {
            int maker = Array.FindLastIndex(_plan.FirstOutputs, first => first <= value);
            bool isMade = value >= _plan.Op.Inputs && !_plan.IsReduced(value) && steps.Contains(maker);
            return new LoopValue(
                type.DType, _values[value].Inner == 0
                    && (_plan.Memories[value] == RowMemory.Operand || _plan.IsNumber(value)),
                IsLoaded: steps.Any(i => _plan.Steps[i].Inputs.Contains(value) && _plan.IsLoaded(i, value)),
                IsStored: isMade && _plan.Memories[value] != RowMemory.None);
        }));
        var body = new List<LoopStep>();
        var joins = new List<Join>();
        DType dtype = DType.Float32;
        foreach (int i in steps)
        {
            (Op op, int[] inputs) = _plan.Steps[i];
            if (op is IReduce reduce)
            {
                dtype = reduce.Elements?.DType ?? _plan.Types[inputs[0]].DType;
                if (reduce.Elements is { } elements)
                {
                    body.Add(new LoopStep(elements, null, inputs, values.Count, IsNumber: false));
                    inputs = [values.Count];
                    values.Add(new LoopValue(elements.DType, IsNumber: false));
                }

                body.Add(new LoopStep(null, reduce.Row, inputs, -1, IsNumber: false));
                joins.Add(new Join(dtype, reduce.Start, _plan.FirstOutputs[i]));
            }
            else
            {
                var composite = (Composite)op;
                dtype = composite.DType;
                body.Add(new LoopStep(
                    composite, null, inputs, _plan.FirstOutputs[i], IsNumber: composite.Shape != _plan.Op.Shape));
            }
        }

        int[] used = [.. Enumerable.Range(0, _values.Length).Where(i => values[i].IsLoaded || values[i].IsStored)];
        return new Pass(new LoopRun(new LoopBody(dtype, [.. values], [.. body])), [.. joins], used);
    }

    private void Rows(int start, int end, int worker)
    {
        int count = _values.Length;
        nint scratch = _scratch + ((nint)worker * (nint)_plan.ScratchBytes);
        // Elements of reductions are numbered behind the values.
        nint* row = stackalloc nint[count + _joins], at = stackalloc nint[count + _joins];
        double* totals = stackalloc double[_joins];
        for (int i = 0; i < count; i++)
        {
            row[i] = _values[i].Base + (_plan.Memories[i] == RowMemory.Scratch ? scratch : 0);
        }

        for (int r = start; r < end; r++)
        {
            foreach (int i in _operands)
            {
                Value value = _values[i];
                row[i] = value.Base + Offset(value.Kept, _kept, r);
            }

            foreach (Pass pass in _passes)
            {
                Go(pass, row, at, totals);
            }
        }
    }

    /// <summary>Runs a pass over a row.</summary>
    private void Go(Pass pass, nint* row, nint* at, double* totals)
    {
        for (int i = 0; i < pass.Joins.Length; i++)
        {
            totals[i] = pass.Joins[i].Start;
        }

        if (_pieceCount == 1)
        {
            pass.Run.Run(row, totals, _inner);
        }

        for (int piece = 0; piece < _pieceCount && _pieceCount > 1; piece++)
        {
            foreach (int i in pass.Values)
            {
                at[i] = row[i] + Offset(_values[i].Pieces, _pieces, piece);
            }

            pass.Run.Run(at, totals, _inner);
        }

        for (int i = 0; i < pass.Joins.Length; i++)
        {
            Join join = pass.Joins[i];
            if (_plan.Memories[join.Output] == RowMemory.None)
            {
                continue;
            }

            if (join.Type == DType.Float32)
            {
                *(float*)row[join.Output] = (float)totals[i];
            }
            else
            {
                *(double*)row[join.Output] = totals[i];
            }
        }
    }

    private static nint Offset(long[] steps, int[] dimensions, int index)
    {
        if (steps.Length == 1)
        {
            return (nint)(index * steps[0]);
        }

        long offset = 0;
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            (index, int at) = Math.DivRem(index, dimensions[i]);
            offset += at * steps[i];
        }

        return (nint)offset;
    }

    /// <summary>
    /// Describes a value's address, and its stride in bytes from row to row, from piece to piece and within.
    /// </summary>
    private sealed record Value(nint Base, long[] Kept, long[] Pieces, int Inner);

    /// <summary>Describes a reduction: its dtype, start value and result.</summary>
    private readonly record struct Join(DType Type, double Start, int Output);

    /// <summary>Describes a pass: its loop, its reductions, and the values that it uses.</summary>
    private sealed record Pass(LoopRun Run, Join[] Joins, int[] Values);
}
