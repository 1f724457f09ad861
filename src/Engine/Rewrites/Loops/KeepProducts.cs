using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Makes loops keep the products of their states with values that are the same at every step, if the loop of their
/// gradient would compute them again: reading rows costs less than computing them.
/// </summary>
internal sealed class KeepProducts
{
    // For each loop, the products that it must keep, in the order in which their outputs are added.
    private readonly Dictionary<Apply, List<Variable>> _kept = [];

    // For each loop, the products that another loop keeps: the inner result, the other loop and the index of its
    // product.
    private readonly Dictionary<Apply, List<(Variable Product, Apply From, int Index)>> _read = [];

    public static FunctionGraph Apply(FunctionGraph graph)
    {
        var keep = new KeepProducts();
        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots);
        foreach (Apply node in order.Where(node => node.Op is Scan))
        {
            keep.Find(node, (Scan)node.Op);
        }

        if (keep._read.Count == 0)
        {
            return graph;
        }

        var map = new Dictionary<Variable, Variable>();
        var made = new Dictionary<Apply, Apply>();
        foreach (Apply node in order)
        {
            Apply same = node.With([.. node.Inputs.Select(input => map.GetValueOrDefault(input, input))]);
            if (keep._kept.ContainsKey(node) || keep._read.ContainsKey(node))
            {
                using Origin.Scope scope = Origin.Use(node.Origin);
                same = keep.Rebuilt(node, same, made);
            }

            made[node] = same;
            foreach (Result output in node.Outputs)
            {
                map[output] = same.Outputs[output.Index];
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(root => map.GetValueOrDefault(root, root))]);
    }

    /// <summary>Finds the products in a loop over the states of another loop that has already computed them.</summary>
    private void Find(Apply node, Scan scan)
    {
        int count = scan.Count([.. node.Inputs.Select(input => input.Type)]);
        foreach (Apply inner in Traversal.Order(scan.Body.Outputs, static (inner, input) => inner.Op.Reads(input)))
        {
            if (inner.Op is not Dot { TransposeA: false } dot
                || ReadOf(
                    scan, inner.Inputs[0]) is not { Source: LoopSource.Row, Before: >= 0, From: >= 0, Lag: > 0 } row
                || ReadOf(scan, inner.Inputs[1]) is not { Source: LoopSource.Whole } whole
                || node.Inputs[row.From] is not Result { Owner: { Op: Scan { Until: < 0 } maker } loop } states
                || maker.Count([.. loop.Inputs.Select(input => input.Type)]) != count || count == Shape.Unknown)
            {
                continue;
            }

            Variable? product = Traversal.Order(maker.Body.Outputs, static (inner, input) => inner.Op.Reads(input))
                .Where(other => other.Op.Equals(dot)
                    && ReadOf(maker, other.Inputs[0]) is { Source: LoopSource.State } state
                    && state.From == states.Index && state.Lag == row.Lag && !state.Backward
                    && ReferenceEquals(loop.Inputs[state.Before], node.Inputs[row.Before])
                    && ReadOf(maker, other.Inputs[1]) is { Source: LoopSource.Whole } same
                    && ReferenceEquals(loop.Inputs[same.From], node.Inputs[whole.From]))
                .Select(other => (Variable)other.Outputs[0]).FirstOrDefault();
            if (product is null)
            {
                continue;
            }

            List<Variable> kept = _kept.TryGetValue(loop, out List<Variable>? known) ? known : _kept[loop] = [];
            if (!kept.Contains(product))
            {
                kept.Add(product);
            }

            List<(Variable, Apply, int)> read = _read.TryGetValue(node, out List<(Variable, Apply, int)>? reads)
                ? reads
                : _read[node] = [];
            read.Add((inner.Outputs[0], loop, kept.IndexOf(product)));
        }
    }

    private Apply Rebuilt(Apply node, Apply same, Dictionary<Apply, Apply> made)
    {
        var scan = (Scan)same.Op;
        var draft = new LoopDraft(scan, same);
        foreach (Variable product in _kept.GetValueOrDefault(node, []))
        {
            draft.Write(product, new LoopWrite(HasRows: true));
        }

        var inside = new Dictionary<Variable, Variable>();
        foreach ((Variable product, Apply from, int index) in _read.GetValueOrDefault(node, []))
        {
            LoopRead row = ReadOf(scan, ((Result)product).Owner.Inputs[0])!.Value;
            Variable rows = made[from].Outputs[from.Outputs.Count + index];
            inside[product] = draft.Read(
                product.Type, new LoopRead(LoopSource.Row, draft.Input(rows), Backward: row.Backward), product.Name);
        }

        draft.Replace(inside);
        return draft.Apply();
    }

    /// <summary>Returns the source of a variable in a loop; null if the loop computes it.</summary>
    private static LoopRead? ReadOf(Scan scan, Variable variable)
    {
        int input = variable is Input given ? scan.Body.Inputs.ToList().IndexOf(given) : -1;
        return input < 0 ? null : scan.StepReads[input];
    }
}
