using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Computes the cross-entropies of a softmax together with their gradient, if both are needed and the gradient's factor
/// does not depend on the losses (that of a mean does not).
/// </summary>
internal sealed class JoinCrossEntropy
{
    private readonly Dictionary<Apply, Pair> _pairs = [];
    private readonly HashSet<Apply> _done = [];
    private readonly Dictionary<Variable, Variable> _map = [];

    public static FunctionGraph Apply(FunctionGraph graph)
    {
        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots, Reads);
        var join = new JoinCrossEntropy();
        join.FindPairs(order);
        if (join._pairs.Count == 0)
        {
            return graph;
        }

        foreach (Apply node in order)
        {
            join.Visit(node);
        }

        return graph.WithRoots([.. graph.Roots.Select(join.Mapped)]);
    }

    private void FindPairs(IReadOnlyList<Apply> order)
    {
        var losses = new Dictionary<(Variable X, Variable Labels), Apply>();
        var dependent = new HashSet<Variable>();
        foreach (Apply node in order)
        {
            if (node.Op is SoftmaxCrossEntropy)
            {
                losses.TryAdd((node.Inputs[0], node.Inputs[1]), node);
                dependent.Add(node.Outputs[0]);
            }
            else if (node.Inputs.Any(dependent.Contains))
            {
                dependent.UnionWith(node.Outputs);
            }
        }

        foreach (Apply grad in order.Where(
            node => node.Op is SoftmaxCrossEntropyGrad && !dependent.Contains(node.Inputs[2])))
        {
            if (losses.Remove((grad.Inputs[0], grad.Inputs[1]), out Apply? loss))
            {
                var pair = new Pair(loss, grad);
                _pairs.Add(loss, pair);
                _pairs.Add(grad, pair);
            }
        }
    }

    private void Visit(Apply node)
    {
        if (!_done.Add(node))
        {
            return;
        }

        if (!_pairs.TryGetValue(node, out Pair? pair))
        {
            Apply same = node.With([.. node.Inputs.Select(Mapped)]);
            foreach (Result output in node.Outputs)
            {
                _map[output] = same.Outputs[output.Index];
            }

            return;
        }

        // The losses may come before the inputs of the gradient's factor.
        foreach (Apply before in Traversal.Order(
            [pair.Grad.Inputs[2]], (from, input) => Reads(from, input) && !_done.Contains(from)))
        {
            Visit(before);
        }

        _done.UnionWith([pair.Loss, pair.Grad]);
        (Result loss, Result grad) = (pair.Loss.Outputs[0], pair.Grad.Outputs[0]);
        var both = new Apply(
            new SoftmaxCrossEntropyWithGrad(), [.. pair.Grad.Inputs.Select(Mapped)], pair.Grad.Origin);
        (both.Outputs[0].Name, both.Outputs[1].Name) = (grad.Name, loss.Name);
        _map[grad] = both.Outputs[0];
        _map[loss] = both.Outputs[1];
    }

    private Variable Mapped(Variable variable) => _map.GetValueOrDefault(variable, variable);

    private static bool Reads(Apply node, int input) => node.Op.Reads(input);

    private sealed record Pair(Apply Loss, Apply Grad);
}
