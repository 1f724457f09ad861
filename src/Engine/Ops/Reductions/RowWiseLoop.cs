using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Says where a value of a <see cref="RowWise"/> is stored.</summary>
internal enum RowPlace
{
    /// <summary>In an input's or an output's memory.</summary>
    Operand,

    /// <summary>In the thread's memory while it works on a row.</summary>
    Row,

    /// <summary>In a buffer for the next functions of the same elements.</summary>
    Chunk,

    /// <summary>One number per row.</summary>
    Number,

    /// <summary>Nowhere: it is computed again where it is used, or joined when it is computed.</summary>
    None,
}

/// <summary>
/// Plans the passes over rows and the memory of a thread. Reductions that depend on one another are in different
/// passes. A pass handles a piece of a row at a time. The shapes alone determine the plan.
/// </summary>
internal sealed class RowWisePlan
{
    /// <summary>The greatest number of elements of a piece: several pieces fit into the first-level cache.</summary>
    public const int Chunk = 1024;

    private const int Alignment = 64;

    private RowWisePlan(RowWise op, TensorType[] types, int threads)
    {
        Op = op;
        Types = types;
        Threads = threads;
        Levels = new int[types.Length];
        Places = new RowPlace[types.Length];
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
        for (int value = op.Inputs; value < types.Length; value++)
        {
            int size = types[value].DType.Size();
            bool isNumber = types[value].Shape != op.Shape;
            int[] users = [.. Enumerable.Range(0, Steps.Length).Where(i => Steps[i].Inputs.Contains(value))];
            bool isJoined = users.Length == 1 && Steps[users[0]].Op is IReduce { Elements: null }
                && StepLevels[users[0]] == Levels[value];
            Places[value] = isNumber ? RowPlace.Number
                : op.Results.Contains(value) ? RowPlace.Operand
                : users.Length == 0 || isJoined ? RowPlace.None
                : users.Any(i => StepLevels[i] > Levels[value]) ? RowPlace.Row : RowPlace.Chunk;
            Offsets[value] = Take(Places[value] switch
            {
                RowPlace.Number => Alignment,
                RowPlace.Row => rowElements * size,
                RowPlace.Chunk => Chunk * size,
                _ => 0,
            });
        }

        long Take(long bytes)
        {
            long offset = ScratchBytes;
            ScratchBytes += (bytes + Alignment - 1) / Alignment * Alignment;
            return offset;
        }
    }

    public RowWise Op { get; }

    /// <summary>Gets the op's steps, some of which compute values of earlier steps again.</summary>
    public RowStep[] Steps { get; }

    /// <summary>Gets the types of all values.</summary>
    public TensorType[] Types { get; }

    public int Threads { get; }

    /// <summary>Gets the pass that computes each value; a single number is ready before the pass.</summary>
    public int[] Levels { get; }

    public int[] StepLevels { get; }

    /// <summary>Gets the index of each step's first output.</summary>
    public int[] FirstOutputs { get; }

    public RowPlace[] Places { get; }

    /// <summary>Gets the offset of each value in a thread's memory.</summary>
    public long[] Offsets { get; }

    /// <summary>Gets the bytes of a thread's memory.</summary>
    public long ScratchBytes { get; private set; }

    public static RowWisePlan Of(RowWise op, CpuStepTypes step) => new(
        op, op.Types([.. step.Inputs.Select(input => new TensorType(input.DType, input.Shape))]), step.Threads);
}

/// <summary>Runs the loop over rows on the CPU.</summary>
[SkipLocalsInit]
internal sealed unsafe class RowWiseLoop
{
    private const int Grain = 8192;

    private readonly RowWisePlan _plan;
    private readonly Pass[] _passes;
    private readonly Value[] _values;
    private readonly int[] _operands, _kept, _reduced;
    private readonly int _inner, _segments, _joins;
    private readonly nint _scratch;
    private readonly nint[] _written;

    public RowWiseLoop(RowWise op, CpuStep step)
    {
        _plan = RowWisePlan.Of(op, step.Types);
        _scratch = (nint)step.Workspace;
        TensorType[] types = _plan.Types;
        Shape[] shapes = [op.RowShape, op.Shape, .. types.Select(type => type.Shape)];
        (int[] sides, int[][] strides) = Broadcasting.Loops(op.Shape, shapes);
        int[] outer = [.. Enumerable.Range(0, sides.Length - 1)];
        int[] kept = [.. outer.Where(loop => strides[0][loop] != 0)], reduced = [.. outer.Except(kept)];
        _kept = [.. kept.Select(loop => sides[loop])];
        _reduced = [.. reduced.Select(loop => sides[loop])];
        _inner = sides[^1];
        _segments = _reduced.Aggregate(1, (product, side) => product * side);
        var own = new int[reduced.Length];
        for (int i = reduced.Length - 1, length = _inner; i >= 0; i--)
        {
            own[i] = length;
            length *= _reduced[i];
        }

        _written = new nint[types.Length];
        for (int i = 0; i < op.Results.Length; i++)
        {
            _written[op.Results[i]] = (nint)step.Out<byte>(i);
        }

        _values = [.. types.Select((type, i) =>
        {
            int size = type.DType.Size();
            int[] steps = strides[i + 2];
            long[] Bytes(IEnumerable<int> elements) => [.. elements.Select(element => (long)element * size)];
            return _plan.Places[i] switch
            {
                RowPlace.Operand => new Value(
                    i < op.Inputs ? (nint)step.In<byte>(i) : _written[i], i < op.Inputs, false, size,
                    Bytes(kept.Select(loop => steps[loop])), Bytes(reduced.Select(loop => steps[loop])), steps[^1] * size),
                RowPlace.Row => new((nint)_plan.Offsets[i], false, true, size, new long[kept.Length], Bytes(own), size),
                _ => new((nint)_plan.Offsets[i], false, true, size, new long[kept.Length], new long[own.Length], 0),
            };
        })];
        _passes = [.. Enumerable.Range(0, _plan.Levels.Max() + 1).Select(PassOf)];
        _joins = op.Steps.Length;
        _operands = [.. Enumerable.Range(0, types.Length).Where(i => _plan.Places[i] == RowPlace.Operand)];
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
        var numbers = new List<Kernel>();
        var drafts = new List<Draft>();
        var joins = new List<Join>();
        for (int i = 0; i < _plan.Steps.Length; i++)
        {
            RowStep step = _plan.Steps[i];
            int first = _plan.FirstOutputs[i];
            if (_plan.StepLevels[i] != level)
            {
                continue;
            }

            if (step.Op is IReduce reduce)
            {
                DType type = reduce.Elements?.DType ?? _plan.Types[step.Inputs[0]].DType;
                if (reduce.Elements is { } made)
                {
                    drafts.Add(new Draft(made, step.Inputs, [step.Inputs[0]]));
                }

                // Elements that are joined when they are computed are never stored.
                Draft? maker = reduce.Elements is not null ? drafts[^1]
                    : _plan.Places[step.Inputs[0]] == RowPlace.None
                        ? drafts.Find(draft => draft.Outputs.Contains(step.Inputs[0])) : null;
                var how = new OutputJoin(reduce.Row, reduce.Joins(type));
                maker?.Joins.Add((Array.IndexOf(maker.Outputs, step.Inputs[0]), joins.Count, how));
                joins.Add(new Join(step.Inputs[0], type, reduce.Start, maker is null ? how.Run : null, first));
                continue;
            }

            var composite = (Composite)step.Op;
            bool isNumber = composite.Shape != _plan.Op.Shape;
            int[] kept =
                [.. Enumerable.Range(0, composite.Outputs.Length).Where(output => isNumber || IsUsed(first + output))];
            if (kept.Length > 0)
            {
                var draft = new Draft(
                    composite with { Outputs = [.. kept.Select(output => composite.Outputs[output])] }, step.Inputs,
                    [.. kept.Select(output => first + output)]);
                if (isNumber)
                {
                    numbers.Add(KernelOf(draft, isNumber: true));
                }
                else
                {
                    drafts.Add(draft);
                }
            }
        }

        Kernel[] kernels = [.. drafts.Select(draft => KernelOf(draft, isNumber: false))];
        int[] values = [.. kernels.SelectMany(kernel => kernel.Inputs.Concat(kernel.Outputs))
            .Concat(joins.Select(join => join.Input)).Distinct().Order()];
        return new Pass([.. numbers], kernels, [.. joins], values);
    }

    private bool IsUsed(int value) => _plan.Places[value] != RowPlace.None
        || Array.Exists(_plan.Steps, step => step.Inputs.Contains(value));

    private Kernel KernelOf(Draft draft, bool isNumber)
    {
        CompositeInput[] read = [.. draft.Inputs.Select(value =>
            new CompositeInput(_plan.Types[value].DType, isNumber || IsNumber(value)))];
        var joins = new OutputJoin?[draft.Outputs.Length];
        foreach ((int output, _, OutputJoin join) in draft.Joins)
        {
            joins[output] = join;
        }

        return new Kernel(
            new CompositeRun(draft.Composite, read, joins), draft.Inputs, draft.Outputs,
            [.. draft.Joins.Select(join => (join.Output, join.Total))]);
    }

    /// <summary>Returns whether a value is a single number along the innermost loop.</summary>
    private bool IsNumber(int value) =>
        _plan.Places[value] is not (RowPlace.Chunk or RowPlace.None) && _values[value].Inner == 0;

    private void Rows(int start, int end, int worker)
    {
        int count = _values.Length;
        nint scratch = _scratch + ((nint)worker * (nint)_plan.ScratchBytes);
        nint* row = stackalloc nint[count], at = stackalloc nint[count];
        nint* operands = stackalloc nint[Composite.MaxInputs + Composite.MaxTerms];
        double* totals = stackalloc double[_joins];
        for (int i = 0; i < count; i++)
        {
            row[i] = _values[i].Base + (_values[i].IsScratch ? scratch : 0);
        }

        for (int r = start; r < end; r++)
        {
            foreach (int i in _operands)
            {
                row[i] = _values[i].Base + Offset(_values[i].Kept, _kept, r);
                Prefetch(_values[i], row[i]);
            }

            foreach (Pass pass in _passes)
            {
                foreach (Kernel kernel in pass.Numbers)
                {
                    nint* outputs = Gather(kernel.Outputs, row, operands + kernel.Inputs.Length);
                    kernel.Run.RunOne(Gather(kernel.Inputs, row, operands), outputs);
                    foreach (int output in kernel.Outputs)
                    {
                        Write(output, row[output], r);
                    }
                }

                if (pass.Kernels.Length + pass.Joins.Length > 0)
                {
                    Go(pass, scratch, row, at, operands, totals);
                }

                foreach (Join join in pass.Joins)
                {
                    Write(join.Output, row[join.Output], r);
                }
            }
        }
    }

    /// <summary>Runs a pass over a row.</summary>
    private void Go(Pass pass, nint scratch, nint* row, nint* at, nint* operands, double* totals)
    {
        bool isOnePiece = _segments == 1 && _inner <= RowWisePlan.Chunk;
        at = isOnePiece ? row : at;
        for (int i = 0; i < pass.Joins.Length; i++)
        {
            totals[i] = pass.Joins[i].Start;
        }

        for (int segment = 0; segment < _segments; segment++)
        {
            for (int first = 0; first < _inner; first += RowWisePlan.Chunk)
            {
                int count = Math.Min(RowWisePlan.Chunk, _inner - first);
                foreach (int i in isOnePiece ? [] : pass.Values)
                {
                    Value value = _values[i];
                    at[i] = row[i] + Offset(value.Reduced, _reduced, segment) + ((nint)first * value.Inner);
                }

                foreach (Kernel kernel in pass.Kernels)
                {
                    nint* outputs = Gather(kernel.Outputs, at, operands + kernel.Inputs.Length);
                    foreach ((int output, int total) in kernel.Totals)
                    {
                        outputs[output] = (nint)(totals + total);
                    }

                    kernel.Run.Run(Gather(kernel.Inputs, at, operands), outputs, count);
                }

                for (int i = 0; i < pass.Joins.Length; i++)
                {
                    Join join = pass.Joins[i];
                    if (join.Run is { } run)
                    {
                        totals[i] = run(totals[i], at[join.Input], count);
                    }
                }
            }
        }

        for (int i = 0; i < pass.Joins.Length; i++)
        {
            Join join = pass.Joins[i];
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

    /// <summary>
    /// Prefetches the current row of an output and the next row of an input, if they are short and contiguous. Memory
    /// would otherwise be idle while the row is processed in the caches.
    /// </summary>
    private void Prefetch(Value value, nint row)
    {
        if (_segments > 1 || _inner > RowWisePlan.Chunk || value.Kept.Length != 1 || !Sse.IsSupported)
        {
            return;
        }

        long step = value.Kept[0];
        for (nint at = value.IsInput ? row + (nint)step : row, end = at + (nint)step; at < end; at += 64)
        {
            Sse.Prefetch1((void*)at);
        }
    }

    private static nint* Gather(int[] values, nint* at, nint* to)
    {
        for (int i = 0; i < values.Length; i++)
        {
            to[i] = at[values[i]];
        }

        return to;
    }

    /// <summary>Copies a row's number to the output's memory, if it is a result.</summary>
    private void Write(int value, nint from, int row)
    {
        if (_written[value] != 0)
        {
            int size = _values[value].Size;
            Buffer.MemoryCopy((void*)from, (byte*)_written[value] + ((nint)row * size), size, size);
        }
    }

    private static nint Offset(long[] steps, int[] sides, int index)
    {
        if (steps.Length == 1)
        {
            return (nint)(index * steps[0]);
        }

        long offset = 0;
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            (index, int place) = Math.DivRem(index, sides[i]);
            offset += place * steps[i];
        }

        return (nint)offset;
    }

    /// <summary>Describes a value's address, and its stride in bytes in each loop.</summary>
    private sealed record Value(nint Base, bool IsInput, bool IsScratch, int Size, long[] Kept, long[] Reduced, int Inner);

    /// <summary>
    /// Describes a composite of values with these indices, and which of its outputs are joined to which totals.
    /// </summary>
    private sealed record Draft(Composite Composite, int[] Inputs, int[] Outputs)
    {
        public List<(int Output, int Total, OutputJoin Join)> Joins { get; } = [];
    }

    private sealed record Kernel(CompositeRun Run, int[] Inputs, int[] Outputs, (int Output, int Total)[] Totals);

    /// <summary>Describes a reduction of a value. Run is null if a kernel joins the elements.</summary>
    private sealed record Join(int Input, DType Type, double Start, RunJoin? Run, int Output);

    /// <summary>
    /// Describes a pass: kernels for a row's numbers, kernels for its elements, the reductions of those, and the values
    /// that it uses.
    /// </summary>
    private sealed record Pass(Kernel[] Numbers, Kernel[] Kernels, Join[] Joins, int[] Values);
}
