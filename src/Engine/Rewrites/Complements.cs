using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Replaces 1 − sigmoid(x), which loses digits where the sigmoid is almost 1, by sigmoid(−x). It is not done where the
/// sigmoid itself is needed too, as in a layer and its gradient s·(1 − s), or in gates: one of two would be computed
/// again. Theano has the same condition.
/// </summary>
internal sealed class Complements
{
    private readonly ILookup<Variable, Apply> _users;
    private readonly HashSet<Variable> _roots;

    private Complements(FunctionGraph graph)
    {
        _users = Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input))
            .SelectMany(node => node.Inputs.Where((_, i) => node.Op.Reads(i)).Distinct().Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node);
        _roots = [.. graph.Roots];
    }

    public static FunctionGraph Apply(FunctionGraph graph) => LocalRules.Apply(graph, new Complements(graph).Rule);

    private Variable? Rule(Apply node)
    {
        Variable rest = node.Outputs[0];
        return Stabilize.IsOneLess(rest, out Variable? s) && Match.Is<Sigmoid>(s, out Variable? x)
            && !_roots.Contains(s) && _users[s].All(user => user == node || IsSlope(user, rest) || Leads(user, rest))
            && (_roots.Contains(rest) || _users[rest].Any(user => !IsOfSlope(user, rest, s)))
                ? Match.Of<Sigmoid>(Match.Of<Negate>(x))
                : null;
    }

    /// <summary>Returns whether an op multiplies by 1 − s.</summary>
    private static bool IsSlope(Apply user, Variable rest) => user.Op is Binary<Multiply> && user.Inputs.Contains(rest);

    /// <summary>Returns whether all that is computed of an op is multiplied by 1 − s: g·s in g·s·(1 − s).</summary>
    private bool Leads(Apply user, Variable rest) => user.Op is Binary<Multiply> && !_roots.Contains(user.Outputs[0])
        && _users[user.Outputs[0]].All(next => IsSlope(next, rest));

    /// <summary>Returns whether an op is the last product in g·s·(1 − s).</summary>
    private static bool IsOfSlope(Apply user, Variable rest, Variable s) => IsSlope(user, rest)
        && user.Inputs.Any(
            input => input == s || (Match.Is<Multiply>(input, out Variable? a, out Variable? b) && (a == s || b == s)));
}
