using Engine.Graph;

namespace Engine.Ops;

/// <content>The gradient: a loop over the same rows from the last to the first.</content>
internal sealed partial record Scan
{
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        new ScanGradient(this, node, outputGrads).Build();
}

/// <summary>
/// Builds the gradient of a loop. Its step computes the gradient of the loop's step, from the rows of the inputs and of
/// the states, which the loop keeps. A gradient of a state is carried to the step that computed the state. Gradients of
/// an input that is the same at every step are added up. A gradient of a row becomes a row. A gradient that is cut
/// short is that of a loop of the last steps, which begins with what the steps before have left.
/// </summary>
internal sealed class ScanGradient
{
    private readonly Scan _scan;
    private readonly Apply _node;
    private readonly IReadOnlyList<Variable?> _outputGrads;
    private readonly FunctionGraph _body;
    private readonly IReadOnlyList<LoopRead> _reads;

    private readonly LoopDraft _draft = new();

    // The number of first steps that get no gradient, and that of the others; null if all get one.
    private readonly Variable? _skipped, _count;

    public ScanGradient(Scan scan, Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (_scan, _node, _outputGrads) = (scan, node, outputGrads);
        (_body, _reads) = (scan.Body, scan.StepReads);
        Variable? all = scan.CountInput < 0 ? null : node.Inputs[scan.CountInput];
        if (scan.Truncate is { } max)
        {
            all ??= Symbolic.DimensionOf(
                node.Outputs.First(output => scan.StepWrites[output.Index] is { HasRows: true, Like: < 0 }), 0);
            _count = Symbolic.Minimum(all, Symbolic.Constant(max, DType.Int32));
            _skipped = all - _count;
        }
        else
        {
            _count = all;
        }
    }

    public IReadOnlyList<Variable?> Build()
    {
        var flows = new Input?[_body.Outputs.Count];
        Variable?[] toInputs = Flow(flows);
        var onward = new Dictionary<Variable, Variable>();
        var carries = new List<(int Output, int Lag, int Result)>();
        for (int output = 0; output < flows.Length; output++)
        {
            if (flows[output] is { } flow)
            {
                onward.Add(flow, Incoming(output, flow, toInputs, carries));
            }
        }

        var sums = new List<(int Read, int Result)>();
        var rows = new List<(int Input, int Result, bool IsBackward)>();
        for (int i = 0; i < _reads.Count; i++)
        {
            if (toInputs[i] is { } grad)
            {
                Outgoing(i, grad, sums, rows);
            }
        }

        _draft.Replace(onward);
        AddForward(_draft.Results);
        _draft.Options = _draft.Options with
        {
            CountInput = _count is null ? -1 : _draft.Input(_count),
        };
        return Collect(_draft.Apply(), carries, sums, rows);
    }

    /// <summary>
    /// Returns the gradients with respect to the body's inputs, given those with respect to its outputs, which become
    /// inputs. An output has one if its own gradient is given, or if a later step depends on it.
    /// </summary>
    private Variable?[] Flow(Input?[] flows)
    {
        Variable[] wrt = [.. _body.Inputs];
        for (int output = 0; output < flows.Length; output++)
        {
            if (_outputGrads[output] is not null && _body.Outputs[output].DType.IsFloat())
            {
                flows[output] = new Input(_body.Outputs[output].Type, "gradient");
            }
        }

        while (true)
        {
            Variable?[] grads = Symbolic.Backward(_body.Outputs, flows, wrt);
            int[] more = [.. Enumerable.Range(0, wrt.Length)
                .Where(i => grads[i] is not null && _reads[i].Source is LoopSource.State or LoopSource.Carried)
                .Select(i => _reads[i].From)
                .Where(output => flows[output] is null)
                .Distinct()];
            if (more.Length == 0)
            {
                return grads;
            }

            foreach (int output in more)
            {
                flows[output] = new Input(_body.Outputs[output].Type, "gradient");
            }
        }
    }

    /// <summary>
    /// Returns the gradient with respect to an output at a step: the one from outside, plus those that later steps pass
    /// on. Each step that a gradient must still wait has its own carried value.
    /// </summary>
    private Variable Incoming(
        int output, Input flow, Variable?[] toInputs, List<(int Output, int Lag, int Result)> carries)
    {
        LoopWrite write = _scan.StepWrites[output];
        Variable? sum = null;
        if (write.HasRows && _outputGrads[output] is { } outside)
        {
            // Reads the gradient where the output was written; rows before row 0 likewise.
            int from = _draft.Input(write.Backward ? outside : Tail(outside));
            sum = _draft.Read(flow.Type, new LoopRead(
                LoopSource.Row, write.IsBefore ? -1 : from, write.IsBefore ? from : -1, write.Lag, !write.Backward));
        }

        int[] readers = [.. Enumerable.Range(0, _reads.Count).Where(i =>
            _reads[i].Source is LoopSource.State or LoopSource.Carried && _reads[i].From == output)];
        int max = readers.Select(i => _reads[i].Source == LoopSource.Carried ? 1 : _reads[i].Lag)
            .DefaultIfEmpty(write.HasRows ? 0 : 1).Max();
        if (max == 0)
        {
            return sum!;
        }

        Variable start = write.HasRows || _outputGrads[output] is null
            ? Symbolic.Zero(First(output, readers))
            : _outputGrads[output]!;
        var waiting = new Input[max];
        for (int lag = 1; lag <= max; lag++)
        {
            int result = _draft.Results.Count + lag - 1;
            Variable first = lag == 1 ? start : Symbolic.Zero(First(output, readers));
            waiting[lag - 1] = _draft.Read(flow.Type, new LoopRead(LoopSource.Carried, result, _draft.Input(first)));
            carries.Add((output, lag, result));
        }

        for (int lag = 1; lag <= max; lag++)
        {
            Variable? next = lag < max ? waiting[lag] : null;
            foreach (int reader in readers)
            {
                if (toInputs[reader] is { } grad && Math.Max(1, _reads[reader].Lag) == lag)
                {
                    next = next is null ? grad : Sum(next, grad);
                }
            }

            _draft.Write(next ?? Symbolic.Zero(waiting[lag - 1]), new LoopWrite(HasRows: false));
        }

        return sum is null ? waiting[0] : Sum(sum, waiting[0]);
    }

    /// <summary>Returns the sum of two gradients in their own dtype, also if that only stores numbers.</summary>
    private static Variable Sum(Variable a, Variable b) => Symbolic.Cast(Symbolic.Add(a, b), a.DType);

    /// <summary>
    /// Returns the rows of a forward sequence, or of results, from the first step with a gradient on.
    /// </summary>
    private Variable Tail(Variable rows) => _skipped is null
        ? rows
        : Symbolic.Cast(Part(rows), rows.DType);

    private Variable Part(Variable rows) =>
        rows[Symbolic.ARange(Symbolic.DimensionOf(rows, 0) - _skipped!) + _skipped!];

    /// <summary>Returns the gradient of all rows from that of the tail: 0 for the others.</summary>
    private Variable OfAll(Variable rows, Variable grad) => _skipped is null
        ? grad
        : Symbolic.Cast(Symbolic.IncSubtensor(Part(Symbolic.Zero(rows)), grad), rows.DType);

    /// <summary>
    /// Returns the rows of a state before the first step with a gradient, as many as there are before the first step.
    /// </summary>
    private Variable Before(Variable before, Variable rows)
    {
        if (_skipped is null)
        {
            return before;
        }

        Variable count = Symbolic.DimensionOf(before, 0), newer = Symbolic.Minimum(_skipped, count);
        Variable last = rows[Symbolic.ARange(newer) + (_skipped - newer)];
        return Symbolic.Cast(Symbolic.Concat(0, before, last)[Symbolic.ARange(count) + newer], before.DType);
    }

    /// <summary>Returns a value of the outer graph with the type of an output of one step.</summary>
    private Variable First(int output, int[] readers)
    {
        if (readers.Length == 0)
        {
            return _node.Outputs[output];
        }

        LoopRead read = _reads[readers[0]];
        Variable before = _node.Inputs[read.Before];
        return read.Source == LoopSource.Carried ? before : ScanBuilder.RowOf(before);
    }

    /// <summary>
    /// Writes the gradient of an input of the step, as rows or as a sum. States are handled elsewhere.
    /// </summary>
    private void Outgoing(
        int i, Variable grad, List<(int Read, int Result)> sums, List<(int Input, int Result, bool IsBackward)> rows)
    {
        LoopRead read = _reads[i];
        if (read.Source == LoopSource.Whole)
        {
            // Sums of numbers of 16 bits are kept in float32.
            Variable zero = Symbolic.Zero(_node.Inputs[read.From]).Widened;
            Input sum = _draft.Read(
                new TensorType(zero.DType, _body.Inputs[i].Shape),
                new LoopRead(LoopSource.Carried, _draft.Results.Count, _draft.Input(zero)));
            sums.Add((i, _draft.Results.Count));
            _draft.Write(Symbolic.Add(sum, grad), new LoopWrite(HasRows: false));
        }
        else if (read.Source == LoopSource.Row)
        {
            Write(read.From, isBefore: false);
            Write(read.Before, isBefore: true);
        }

        void Write(int input, bool isBefore)
        {
            if (input < 0)
            {
                return;
            }

            rows.Add((input, _draft.Results.Count, read.Backward));
            _draft.Write(grad, new LoopWrite(HasRows: true, !read.Backward)
            {
                Lag = read.Lag,
                Like = _draft.Input(read.Backward ? _node.Inputs[input] : Tail(_node.Inputs[input])),
                IsBefore = isBefore,
            });
        }
    }

    /// <summary>Adds the inputs of the loop's step that the gradient's step needs.</summary>
    private void AddForward(IReadOnlyList<Variable> results)
    {
        HashSet<Variable> needed = [.. FunctionGraph.Leaves(results)];
        HashSet<Variable> values = [.. Scan.Used(new FunctionGraph([], results, []))];
        Apply? extended = null;
        for (int i = 0; i < _reads.Count; i++)
        {
            LoopRead read = _reads[i];
            bool tellsCount = _count is null && read is { Source: LoopSource.Row, From: >= 0 };
            if (!needed.Contains(_body.Inputs[i]) && !tellsCount)
            {
                continue;
            }

            _draft.Read(_body.Inputs[i], read.Source switch
            {
                LoopSource.Whole => read with { From = _draft.Input(_node.Inputs[read.From]) },
                LoopSource.Row => read with
                {
                    From = read.From < 0
                        ? -1
                        : _draft.Input(read.Backward ? _node.Inputs[read.From] : Tail(_node.Inputs[read.From])),
                    Before = read.Before < 0 ? -1 : _draft.Input(_node.Inputs[read.Before]),
                    Backward = !read.Backward,
                },
                LoopSource.State => Earlier(_node.Outputs[read.From], _node.Inputs[read.Before], read.Lag),
                _ when !values.Contains(_body.Inputs[i]) =>
                    new LoopRead(LoopSource.Whole, _draft.Input(_node.Inputs[read.Before])),
                _ => Kept(read),
            });
        }

        // A carried value that is needed must be kept: the loop runs with an extra output.
        LoopRead Kept(LoopRead read)
        {
            extended ??= Extended();
            int rank = _node.Inputs[read.Before].Rank;
            Variable before = Symbolic.DimShuffle(
                _node.Inputs[read.Before], [Symbolic.NewAxis, .. Enumerable.Range(0, rank)]);
            return Earlier(extended.Outputs[_body.Outputs.Count + read.From], before, 1);
        }

        LoopRead Earlier(Variable rows, Variable before, int lag) =>
            new(LoopSource.Row, _draft.Input(Tail(rows)), _draft.Input(Before(before, rows)), lag, true);
    }

    /// <summary>Returns the loop with the rows of all its results as further outputs.</summary>
    private Apply Extended() => (_scan with
    {
        Body = _body with { Outputs = [.. _body.Outputs, .. _body.Outputs] },
        StepWrites = [.. _scan.StepWrites, .. _body.Outputs.Select(_ => new LoopWrite(HasRows: true))],
    }).Apply([.. _node.Inputs]);

    private Variable?[] Collect(
        Apply made,
        List<(int Output, int Lag, int Result)> carries,
        List<(int Read, int Result)> sums,
        List<(int Input, int Result, bool IsBackward)> rows)
    {
        var grads = new Variable?[_node.Inputs.Count];
        foreach ((int read, int result) in sums)
        {
            Join(_reads[read].From, made.Outputs[result]);
        }

        foreach ((int input, int result, bool isBackward) in rows)
        {
            Join(input, isBackward ? made.Outputs[result] : OfAll(_node.Inputs[input], made.Outputs[result]));
        }

        foreach (IGrouping<int, (int Output, int Lag, int Result)> state in carries.GroupBy(carry => carry.Output))
        {
            LoopRead? read = _reads.Cast<LoopRead?>().FirstOrDefault(read =>
                read!.Value.Source is LoopSource.State or LoopSource.Carried && read.Value.From == state.Key);
            if (read is { Source: LoopSource.Carried, Before: var before })
            {
                Join(before, OfFirst(made.Outputs[state.Single().Result]));
            }
            else if (read is { Before: var earlier })
            {
                // The value that waits for k more steps is the gradient of the row k before the first.
                Variable[] waiting =
                    [.. state.OrderByDescending(carry => carry.Lag).Select(carry => Symbolic.DimShuffle(
                        made.Outputs[carry.Result],
                        [Symbolic.NewAxis, .. Enumerable.Range(0, made.Outputs[carry.Result].Rank)]))];
                Join(earlier, OfFirst(Symbolic.Concat(0, waiting)));
            }
        }

        return grads;

        // What was there before the first step gets nothing if that step does not.
        Variable OfFirst(Variable grad) =>
            _skipped is null ? grad : Symbolic.Where(Symbolic.Equal(_skipped, 0), grad, 0);

        void Join(int input, Variable grad) => grads[input] = Symbolic.Cast(
            grads[input] is { } sum ? Symbolic.Add(sum, grad) : grad, _node.Inputs[input].DType);
    }
}
