using Engine.Graph;

namespace Engine.Ops;

/// <summary>Builds a <see cref="Scan"/> from the arguments of <c>Symbolic.Scan</c>.</summary>
internal sealed class ScanBuilder
{
    private readonly LoopDraft _draft = new();

    // The values of a step's inputs at the first step, for shapes only.
    private readonly Dictionary<Variable, Variable> _first = [];

    public required bool GoBackwards { get; init; }

    public required StepCount? Steps { get; init; }

    public required int? Truncate { get; init; }

    public ScanOutputs Build(
        Func<IReadOnlyList<Variable>, StepOutputs> step,
        IReadOnlyList<ScanSequence> sequences,
        IReadOnlyList<OutputInfo?> outputs,
        IReadOnlyList<Variable> others)
    {
        if (sequences.Count == 0 && Steps is null)
        {
            throw new EngineException(
                $"A loop without sequences needs to be told how many steps it makes, by nSteps.{Origin.Current}");
        }

        // Each sequence begins at its own last row, whatever the number of steps: if it may have more, it is reversed.
        bool isReversed = GoBackwards && (Steps is not null || sequences.Select(StepsOf).Distinct().Count() > 1);
        List<Variable> arguments = [];
        foreach (ScanSequence sequence in sequences)
        {
            arguments.AddRange(Slices(sequence, isReversed));
        }

        var states = new Input?[outputs.Count][];
        for (int i = 0; i < outputs.Count; i++)
        {
            states[i] = outputs[i] is { } info ? State(i, info) : [];
            arguments.AddRange(states[i]!);
        }

        // All nodes that are created from here on belong to the step.
        long before = new ShapeOnly(new TensorType(DType.Bool, Shape.Scalar)).Id;
        StepOutputs made = step([.. arguments, .. others]);
        if (outputs.Count > 0 && made.Outputs.Count != outputs.Count)
        {
            throw new EngineException(
                $"The step gives {made.Outputs.Count} outputs, "
                + $"and outputsInfo tells of {outputs.Count}.{Origin.Current}");
        }

        int count = made.Outputs.Count, until = -1;
        List<Variable> all =
            [.. made.Outputs.Select((output, i) => outputs.Count > 0 ? AsStored(output, outputs[i]) : output)];
        if (made.Until is { } end)
        {
            all.Add(end);
        }

        IReadOnlyList<Variable> results = DrawnAnew(all, before, counter: count, out Variable? next);
        foreach (Variable output in results.Take(count))
        {
            _draft.Write(output, new LoopWrite(HasRows: true));
        }

        if (next is not null)
        {
            _draft.Write(next, new LoopWrite(HasRows: false));
        }

        if (made.Until is not null)
        {
            until = EndWith(results[count], count);
        }

        Dictionary<Variable, Variable> captured = StepGraph.Captured(_draft.Given, _draft.Results, before);
        _draft.Replace(captured);
        foreach ((Variable outside, Variable inside) in captured)
        {
            _draft.Read((Input)inside, new LoopRead(LoopSource.Whole, _draft.Input(outside)));
        }

        _draft.Options = _draft.Options with
        {
            CountInput = Steps is null ? -1 : _draft.Input(Steps.Variable),
            Until = until,
            Truncate = Truncate,
        };
        Apply node = _draft.Apply();
        return new ScanOutputs(
            [.. node.Outputs.Take(count)], until < 0 ? null : node.Outputs[^1]);
    }

    /// <summary>Returns a result in the dtype of its state, if that only stores numbers, of 16 bits.</summary>
    private static Variable AsStored(Variable output, OutputInfo? info) =>
        info is not null && info.Initial.DType.IsHalf() && output.DType == DType.Float32
            ? Symbolic.Cast(output, info.Initial.DType)
            : output;

    /// <summary>
    /// Returns the number of steps that a sequence has rows for, or, if it is unknown, the sequence and the rows that
    /// the taps need beside a step's own.
    /// </summary>
    private static (Variable? Rows, int Count) StepsOf(ScanSequence sequence)
    {
        (int min, int max) = TapRange(sequence);
        int dimension = sequence.Variable.Rank == 0 ? Shape.Unknown : sequence.Variable.Shape[0];
        return dimension == Shape.Unknown ? (sequence.Variable, min - max) : (null, dimension + min - max);
    }

    /// <summary>Returns the first and the last row that a step sees, counted from its own.</summary>
    private static (int Min, int Max) TapRange(ScanSequence sequence) =>
        (Math.Min(0, sequence.Taps.Append(0).Min()), Math.Max(0, sequence.Taps.Append(0).Max()));

    /// <summary>Returns the rows of a sequence that a step sees, as inputs of the step.</summary>
    private IEnumerable<Input> Slices(ScanSequence sequence, bool isReversed)
    {
        if (sequence.Variable.Rank == 0 || sequence.Taps.Count == 0)
        {
            throw new EngineException(
                $"'{sequence.Variable}' ({sequence.Variable.Type}) cannot be gone through: a sequence has rows, "
                + $"of which a step sees at least one.{Origin.Current}");
        }

        (int min, int max) = TapRange(sequence);
        Variable rows = isReversed ? Symbolic.Flip(sequence.Variable, [0]) : sequence.Variable;
        TensorType type = new(rows.DType, Shape.Create(rows.Shape.Dimensions[1..]));
        Variable first = RowOf(rows);

        // Steps without one of the rows are left out, even if no step reads the one farthest from the first step's own.
        int last = isReversed ? min : max;
        foreach (int tap in sequence.Taps.Contains(last) ? sequence.Taps : sequence.Taps.Append(last))
        {
            var read = new LoopRead(
                LoopSource.Row, _draft.Input(rows), -1, isReversed ? tap - max : min - tap, GoBackwards
                    && !isReversed);
            Input slice = Given(type, sequence.Variable.Name, first, read);
            if (sequence.Taps.Contains(tap))
            {
                yield return slice;
            }
        }
    }

    /// <summary>Returns the earlier results of an output that a step sees, as inputs of the step.</summary>
    private Input[] State(int output, OutputInfo info)
    {
        Variable initial = info.Initial;
        if (info.Taps.Count == 0 || info.Taps.Any(tap => tap >= 0))
        {
            throw new EngineException(
                $"The taps of output {output} "
                + $"are {string.Join(", ", info.Taps.Select(tap => InvariantText.Of($"{tap}")))}: "
                + "a step sees the results of steps before it, "
                + $"which are counted from -1 down.{Origin.Current}");
        }

        int oldest = -info.Taps.Min();
        if (info.IsSingle)
        {
            initial = Row(initial);
        }
        else if (initial.Rank == 0)
        {
            throw new EngineException(
                $"What output {output} begins with, '{initial}' ({initial.Type}), must have {oldest} rows: "
                + $"a step sees what was there {oldest} steps before.{Origin.Current}");
        }

        TensorType type = new(initial.DType, Shape.Create(initial.Shape.Dimensions[1..]));
        int before = _draft.Input(initial);
        Variable first = RowOf(initial);
        var states = new Input[info.Taps.Count];
        for (int i = 0; i < states.Length; i++)
        {
            states[i] = Given(
                type, info.Initial.Name, first, new LoopRead(LoopSource.State, output, before, -info.Taps[i]));
        }

        return states;
    }

    /// <summary>
    /// Returns the step's results with new random draws at every step: a carried counter, the output
    /// <paramref name="counter"/>, moves the streams. <paramref name="next"/> is its next value.
    /// </summary>
    private IReadOnlyList<Variable> DrawnAnew(
        IReadOnlyList<Variable> results, long before, int counter, out Variable? next)
    {
        const int Apart = unchecked((int)0x9E3779B1);
        Variable[] used = [.. Traversal.Order(results)
            .Where(node => node.Outputs[0].Id > before).SelectMany(node => node.Inputs).Distinct()];
        SharedVariable[] streams = [.. used.OfType<SharedVariable>().Where(shared => shared.IsRandomState)];
        next = null;
        if (streams.Length == 0)
        {
            return results;
        }

        Variable zero = Symbolic.Constant(0, DType.Int32);
        Input number = Given(
            new TensorType(DType.Int32, Shape.Scalar), "step", zero,
            new LoopRead(LoopSource.Carried, counter, _draft.Input(zero)));
        next = number + 1;

        // Draws outside the step do not change.
        var map = used.OfType<Result>().Where(result => result.Id <= before).ToDictionary(
            result => (Variable)result, result => (Variable)result);
        foreach (SharedVariable stream in streams)
        {
            map[stream] = stream + (number * Symbolic.Constant(Tensor.From([0, Apart, 0])));
        }

        return Traversal.Replace(results, map);
    }

    /// <summary>
    /// Keeps the outputs unchanged after the first step whose condition is true. The device learns that the loop is
    /// over and need not compute the rest.
    /// </summary>
    /// <returns>The index of the output that says that the loop is over.</returns>
    private int EndWith(Variable condition, int outputs)
    {
        if (condition.Rank != 0)
        {
            throw new EngineException(
                $"'{condition}' ({condition.Type}) cannot end a loop: the condition must be a scalar.{Origin.Current}");
        }

        Variable no = Symbolic.Constant(0, DType.Bool), zero = Symbolic.Constant(0, DType.Int32);
        int over = _draft.Results.Count;
        Input isOver = Given(
            new TensorType(DType.Bool, Shape.Scalar), "over", no,
            new LoopRead(LoopSource.State, over, _draft.Input(Row(no)), 1));
        Input steps = Given(
            new TensorType(DType.Int32, Shape.Scalar), "steps", zero,
            new LoopRead(LoopSource.Carried, over + 1, _draft.Input(zero)));
        for (int output = 0; output < outputs; output++)
        {
            Variable result = _draft.Results[output];
            _draft.Results[output] = Symbolic.Cast(Symbolic.Where(isOver, Last(output), result), result.DType);
        }

        Variable isMet = Symbolic.Or(isOver, condition);
        _draft.Write(isMet, new LoopWrite(HasRows: true));
        Variable made = Symbolic.Where(isOver, zero, Symbolic.Constant(1, DType.Int32));
        _draft.Write(steps + made, new LoopWrite(HasRows: false));
        return over;
    }

    /// <summary>Returns the previous step's result for an output.</summary>
    private Input Last(int output)
    {
        int known = _draft.Reads.FindIndex(read => read is { Source: LoopSource.State, Lag: 1 } && read.From == output);
        if (known >= 0)
        {
            return _draft.Given[known];
        }

        int other = _draft.Reads.FindIndex(read => read.Source == LoopSource.State && read.From == output);
        int before = other >= 0
            ? _draft.Reads[other].Before
            : _draft.Input(Row(Symbolic.Zero(Traversal.Replace([_draft.Results[output]], _first)[0])));
        return Given(
            _draft.Results[output].Type, null, RowOf(_draft.Inputs[before]),
            new LoopRead(LoopSource.State, output, before, 1));
    }

    private Input Given(TensorType type, string? name, Variable first, LoopRead read)
    {
        Input input = _draft.Read(type, read, name);
        _first.Add(input, first);
        return input;
    }

    /// <summary>Returns an array with one row.</summary>
    private static Variable Row(Variable value) =>
        Symbolic.DimShuffle(value, [Symbolic.NewAxis, .. Enumerable.Range(0, value.Rank)]);

    /// <summary>Returns a value of the type of a row; there may be no row.</summary>
    internal static Variable RowOf(Variable rows) => Symbolic.Cast(
        Symbolic.BroadcastTo(Symbolic.Constant(0, rows.DType.Computes()), [.. Symbolic.DimensionsOf(rows).Skip(1)]),
        rows.DType);
}
