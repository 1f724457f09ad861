namespace Engine.Graph;

/// <summary>Walks through graphs without recursion, because a graph may be deeper than the stack.</summary>
public static class Traversal
{
    /// <summary>
    /// Returns the applications that <paramref name="roots"/> depend on, each after those that it depends on. The order
    /// depends only on the graph.
    /// </summary>
    public static IReadOnlyList<Apply> Order(IEnumerable<Variable> roots) => Order(roots, static (_, _) => true);

    /// <summary>Does the same, but follows only the inputs for which <paramref name="follow"/> returns true.</summary>
    internal static IReadOnlyList<Apply> Order(IEnumerable<Variable> roots, Func<Apply, int, bool> follow)
    {
        var order = new List<Apply>();
        var seen = new HashSet<Apply>();
        var stack = new Stack<(Apply Node, int Next)>();
        foreach (Variable root in roots)
        {
            Push(root);
            while (stack.TryPop(out (Apply Node, int Next) top))
            {
                if (top.Next == top.Node.Inputs.Count)
                {
                    order.Add(top.Node);
                    continue;
                }

                stack.Push((top.Node, top.Next + 1));
                if (follow(top.Node, top.Next))
                {
                    Push(top.Node.Inputs[top.Next]);
                }
            }
        }

        return order;

        void Push(Variable variable)
        {
            if (variable is Result { Owner: var owner } && seen.Add(owner))
            {
                stack.Push((owner, 0));
            }
        }
    }

    /// <summary>
    /// Returns the same outputs with some variables replaced by others. Applications that do not depend on a replaced
    /// variable are kept; the others are built anew.
    /// </summary>
    public static IReadOnlyList<Variable> Replace(
        IReadOnlyList<Variable> outputs, IReadOnlyDictionary<Variable, Variable> replacements)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(replacements);
        var map = new Dictionary<Variable, Variable>(replacements);

        // Nodes that only a replaced variable depends on are skipped.
        IEnumerable<Variable> kept = outputs.Where(output => !replacements.ContainsKey(output));
        foreach (Apply node in Order(kept, (node, input) => !replacements.ContainsKey(node.Inputs[input])))
        {
            if (!node.Inputs.Any(map.ContainsKey))
            {
                continue;
            }

            Apply copy = node.With([.. node.Inputs.Select(Mapped)]);
            foreach (Result output in node.Outputs)
            {
                map.TryAdd(output, copy.Outputs[output.Index]);
            }
        }

        return [.. outputs.Select(Mapped)];

        Variable Mapped(Variable variable) => map.GetValueOrDefault(variable, variable);
    }
}
