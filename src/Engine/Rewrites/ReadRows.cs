using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Makes ops on GPUs read the rows of a data set in place, so that no launch gathers them, if all ops that use the
/// rows, or views of them, can do so.
/// </summary>
internal sealed class ReadRows
{
    private readonly Dictionary<Variable, Variable> _map = [];

    // The rows and their views, each with the op that takes the rows.
    private readonly Dictionary<Variable, Apply> _rows = [];

    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        if (!device.IsGpu)
        {
            return graph;
        }

        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input));
        var rewrite = new ReadRows();
        rewrite.Find(order, [.. graph.Roots]);
        if (rewrite._rows.Count == 0)
        {
            return graph;
        }

        foreach (Apply node in order)
        {
            rewrite.Build(node);
        }

        return graph.WithRoots([.. graph.Roots.Select(root => rewrite._map.GetValueOrDefault(root, root))]);
    }

    private void Find(IReadOnlyList<Apply> order, HashSet<Variable> roots)
    {
        // The ops whose rows another op needs as a copy.
        var kept = new HashSet<Apply>();
        foreach (Apply node in order)
        {
            if (node.Op is TakeRows)
            {
                _rows.Add(node.Outputs[0], node);
            }
            else if (node.IsView && _rows.TryGetValue(node.Inputs[0], out Apply? viewed)
                && node.Outputs[0].Rank > 0 && node.Outputs[0].Shape[0] == viewed.Outputs[0].Shape[0])
            {
                _rows.Add(node.Outputs[0], viewed);
            }
            else
            {
                kept.UnionWith(node.Inputs
                    .Where((input, i) => node.Op.Reads(i) && _rows.ContainsKey(input)
                        && (node.IsView || (node.Op as ICudaOp)?.TakesRows(i) != true))
                    .Select(input => _rows[input]));
            }
        }

        kept.UnionWith(_rows.Where(each => roots.Contains(each.Key)).Select(each => each.Value));
        foreach (Variable variable in _rows.Where(each => kept.Contains(each.Value)).Select(each => each.Key).ToArray())
        {
            _rows.Remove(variable);
        }
    }

    private void Build(Apply node)
    {
        if (_rows.ContainsKey(node.Outputs[0]))
        {
            return;
        }

        bool runsFirst = node.Inputs.Where((input, i) => node.Op.Reads(i) && !_rows.ContainsKey(input)).All(IsThere);
        Variable[] inputs = [.. node.Inputs.Select(input => _map.GetValueOrDefault(input, input))];
        List<RowsInput> rows = [];
        List<Variable> numbers = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            if (_rows.TryGetValue(node.Inputs[i], out Apply? taken) && node.Op.Reads(i))
            {
                (Variable number, int scale) = First(taken.Inputs[1], runsFirst);
                rows.Add(new RowsInput(i, node.Inputs[i].Type, scale));
                numbers.Add(_map.GetValueOrDefault(number, number));
                inputs[i] = _map.GetValueOrDefault(taken.Inputs[0], taken.Inputs[0]);
            }
        }

        Apply built = rows.Count == 0
            ? node.With(inputs)
            : new Apply(new OfRows(node.Op, inputs.Length, [.. rows]), [.. inputs, .. numbers], node.Origin);
        foreach (Result output in node.Outputs)
        {
            built.Outputs[output.Index].Name = output.Name;
            _map[output] = built.Outputs[output.Index];
        }
    }

    /// <summary>
    /// Returns the number that determines the first row, and its factor. An op that can run at once does not wait for a
    /// launch that multiplies. Ops that run later read the product, so that the number, a counter of batches, can be
    /// increased meanwhile.
    /// </summary>
    private static (Variable Number, int Scale) First(Variable start, bool runsFirst) =>
        runsFirst && Match.Is<Multiply>(start, out Variable? a, out Variable? b) && IsThere(a)
            && Match.IsNumber(b, out double scale)
            ? (a, (int)scale)
            : (start, 1);

    private static bool IsThere(Variable variable) => variable is not Result;
}
