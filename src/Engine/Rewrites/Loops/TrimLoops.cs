using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Removes unused parts of loops: results, states and what only they need. If only the last value of a state is used,
/// its rows are not kept.
/// </summary>
internal sealed class TrimLoops
{
    // The variables that are used; of some loops' results only the last row is.
    private readonly HashSet<Variable> _wanted = [], _lastWanted = [];
    private readonly HashSet<Apply> _lastRows = [];
    private readonly Dictionary<Apply, LoopDraft> _drafts = [];
    private readonly Dictionary<Variable, Func<Apply, Variable>> _results = [];

    public static FunctionGraph Apply(FunctionGraph graph)
    {
        var trim = new TrimLoops();
        trim._wanted.UnionWith(graph.Roots);
        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input));
        foreach (Apply node in order.Reverse())
        {
            trim.Look(node);
        }

        var map = new Dictionary<Variable, Variable>();
        foreach (Apply node in order)
        {
            trim.Rebuild(node, map);
        }

        return graph.WithRoots([.. graph.Roots.Select(root => map.GetValueOrDefault(root, root))]);
    }

    /// <summary>Returns whether an op takes the last row of its input.</summary>
    private static bool IsLastRow(Apply node)
    {
        if (node.Op is not Subtensor { Parts: { Arrays: 0 } parts })
        {
            return false;
        }

        Shape shape = node.Inputs[0].Shape;
        return parts.Axes[0].Of(shape[0], 0) == (shape[0] - 1, 1)
            && Enumerable.Range(1, shape.Rank - 1)
                .All(axis => parts.Axes[axis] is { Kind: AxisIndexKind.Range, Step: 1 } part
                && part.Of(shape[axis], axis) == (0, shape[axis]));
    }

    /// <summary>Decides which parts of a loop remain, and marks the inputs that these use.</summary>
    private void Look(Apply node)
    {
        if (!node.Outputs.Any(output => _wanted.Contains(output) || _lastWanted.Contains(output)))
        {
            return;
        }

        if (node.Op is Scan scan)
        {
            LoopDraft draft = Trimmed(scan, node);
            _drafts.Add(node, draft);
            _wanted.UnionWith(draft.Inputs);
        }
        else if (IsLastRow(node) && node.Inputs[0] is Result { Owner.Op: Scan })
        {
            _lastWanted.Add(node.Inputs[0]);
            _lastRows.Add(node);
        }
        else
        {
            _wanted.UnionWith(node.Inputs.Where((_, input) => node.Op.Reads(input)));
        }
    }

    private LoopDraft Trimmed(Scan scan, Apply node)
    {
        int[] kept = Needed(scan, node);
        int IndexOf(int output) => Array.IndexOf(kept, output);

        // Nodes that compute an input whose shape alone is read are not in the order, so they are not rebuilt.
        Variable Given(int input) =>
            scan.Reads(input) || node.Inputs[input] is ShapeOnly
                ? node.Inputs[input]
                : new ShapeOnly(node.Inputs[input].Type);

        int count = scan.Count([.. node.Inputs.Select(input => input.Type)]);
        var draft = new LoopDraft
        {
            Options = scan with { Until = scan.Until < 0 ? -1 : IndexOf(scan.Until) },
        };
        bool[] isCarried = [.. kept.Select(output => MayCarry(scan, node, output, count))];
        HashSet<Variable> used = [.. FunctionGraph.Leaves(kept.Select(output => scan.Body.Outputs[output]))];
        for (int i = 0; i < scan.StepReads.Count; i++)
        {
            LoopRead read = scan.StepReads[i];
            if (!used.Contains(scan.Body.Inputs[i]))
            {
                continue;
            }

            Variable? before = read.Before < 0 ? null : Given(read.Before);
            if (read.Source == LoopSource.State && isCarried[IndexOf(read.From)])
            {
                Variable first = Match.Under(scan.Body.Inputs[i].Shape, before!);
                draft.Read(
                    scan.Body.Inputs[i], new LoopRead(LoopSource.Carried, IndexOf(read.From), draft.Input(first)));
                continue;
            }

            draft.Read(scan.Body.Inputs[i], read with
            {
                From = read.Source is LoopSource.State or LoopSource.Carried ? IndexOf(read.From)
                    : read.From < 0 ? -1 : draft.Input(Given(read.From)),
                Before = before is null ? -1 : draft.Input(before),
            });
        }

        for (int i = 0; i < kept.Length; i++)
        {
            Result output = node.Outputs[kept[i]];
            LoopWrite write = scan.StepWrites[kept[i]];
            int index = draft.Write(scan.Body.Outputs[kept[i]], isCarried[i]
                ? new LoopWrite(HasRows: false)
                : write with { Like = write.Like < 0 ? -1 : draft.Input(Given(write.Like)) });
            if (isCarried[i])
            {
                _results.Add(
                    output, made => Match.Under([1, .. made.Outputs[index].Shape.Dimensions], made.Outputs[index]));
            }
            else
            {
                _results.Add(output, made => made.Outputs[index]);
            }
        }

        draft.Options = draft.Options with
        {
            CountInput = draft.Input(Symbolic.Constant(count, DType.Int32)),
        };
        return draft;
    }

    /// <summary>Returns the outputs that are used, and the states that these need.</summary>
    private int[] Needed(Scan scan, Apply node)
    {
        var needed = new SortedSet<int>(Enumerable.Range(0, node.Outputs.Count).Where(output =>
            output == scan.Until || _wanted.Contains(node.Outputs[output])
                || _lastWanted.Contains(node.Outputs[output])));
        for (int before = -1; before < needed.Count;)
        {
            before = needed.Count;
            HashSet<Variable> used = [.. FunctionGraph.Leaves(needed.Select(output => scan.Body.Outputs[output]))];
            needed.UnionWith(scan.StepReads
                .Where((read, i) =>
                    read.Source is LoopSource.State or LoopSource.Carried && used.Contains(scan.Body.Inputs[i]))
                .Select(read => read.From));
            if (needed.Count == before)
            {
                break;
            }
        }

        return [.. needed];
    }

    /// <summary>
    /// Returns whether an output needs no rows, because other ops and the next step use only the last one.
    /// </summary>
    private bool MayCarry(Scan scan, Apply node, int output, int count)
    {
        LoopRead[] readers = [.. scan.StepReads.Where(read =>
            read.Source == LoopSource.State && read.From == output)];
        return scan.StepWrites[output] is { HasRows: true, Backward: false, Like: < 0 }
            && output != scan.Until && count > 0
            && !_wanted.Contains(node.Outputs[output])
            && (readers.Length == 0
                || (readers is [{ Lag: 1, Before: >= 0 and var before }] && scan.Reads(before)
                    && node.Inputs[before].Shape[0] == 1));
    }

    private void Rebuild(Apply node, Dictionary<Variable, Variable> map)
    {
        if (_drafts.TryGetValue(node, out LoopDraft? draft))
        {
            using Origin.Scope scope = Origin.Use(node.Origin);
            Apply made = draft.Apply(Traversal.Replace(draft.Inputs, map));
            foreach (Result output in node.Outputs)
            {
                if (_results.TryGetValue(output, out Func<Apply, Variable>? result))
                {
                    map[output] = result(made);
                }
            }

            return;
        }

        if (_lastRows.Contains(node) && map.GetValueOrDefault(node.Inputs[0]) is { } row && row.Shape[0] == 1)
        {
            map[node.Outputs[0]] = Match.Under(node.Outputs[0].Shape, row);
            return;
        }

        Apply same = node.With([.. node.Inputs.Select(Mapped)]);
        foreach (Result output in node.Outputs)
        {
            map[output] = same.Outputs[output.Index];
        }

        Variable Mapped(Variable variable) => map.GetValueOrDefault(variable, variable);
    }
}
