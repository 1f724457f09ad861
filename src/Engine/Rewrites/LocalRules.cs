using Engine.Graph;

namespace Engine.Rewrites;

/// <summary>
/// Returns a replacement for the only output of an op: an expression over its inputs, and over theirs, of the same
/// dtype and shape; null if the rule does not apply.
/// </summary>
internal delegate Variable? Rule(Apply node);

/// <summary>
/// Applies rules until none applies. One walk from the leaves to the roots ensures that a rule sees only inputs to
/// which no rule applies any more, and the rules are applied again to the result of a rule. Every rule reduces the
/// work, so the time is proportional to the graph. An input that an op does not read is replaced by its shape, so that
/// the graph keeps nothing that is not computed.
/// </summary>
internal sealed class LocalRules
{
    /// <summary>
    /// The maximum number of steps per op. Two rules that undo each other would never end; the tests check that none
    /// do.
    /// </summary>
    private const int MaxSteps = 100;

    private readonly Rule[] _rules;
    private readonly Dictionary<Variable, Variable> _map = [];
    private readonly HashSet<Apply> _done = [];
    private int _steps;

    private LocalRules(Rule[] rules) => _rules = rules;

    public static FunctionGraph Apply(FunctionGraph graph, params Rule[] rules)
    {
        var local = new LocalRules(rules);
        foreach (Apply node in Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input)))
        {
            local._steps = MaxSteps;
            using (Origin.Use(node.Origin))
            {
                local.Visit(node);
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(local.Mapped)]);
    }

    private void Visit(Apply node)
    {
        Apply same = node.With(
            [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? Mapped(input) : ShapeOf(input))]);
        if (same.Outputs.Count == 1 && _steps > 0 && Better(same) is { } better)
        {
            _steps--;
            bool isNew = better is Result { Owner: var owner } && !_done.Contains(owner);
            Variable result = Finished(better);
            if (isNew && result is Result)
            {
                result.Name ??= node.Outputs[0].Name;
            }

            _map[node.Outputs[0]] = result;
            return;
        }

        _done.Add(same);
        foreach (Result output in node.Outputs)
        {
            _map[output] = same.Outputs[output.Index];
        }
    }

    /// <summary>Returns the result of a rule after the rules are applied to its new parts.</summary>
    private Variable Finished(Variable variable)
    {
        if (variable is not Result { Owner: var owner } || _done.Contains(owner))
        {
            return variable;
        }

        for (int i = 0; i < owner.Inputs.Count; i++)
        {
            if (owner.Op.Reads(i))
            {
                _map[owner.Inputs[i]] = Finished(owner.Inputs[i]);
            }
        }

        Visit(owner);
        return Mapped(variable);
    }

    private Variable? Better(Apply node)
    {
        foreach (Rule rule in _rules)
        {
            if (rule(node) is { } better && better != node.Outputs[0])
            {
                TensorType type = node.Outputs[0].Type;
                return better.DType == type.DType && better.Shape == type.Shape
                    ? better
                    : throw new InvalidOperationException(
                        $"For {node}, a {type}, a rule gave {better}, a {better.Type}.");
            }
        }

        return null;
    }

    private static Variable ShapeOf(Variable variable) => variable as ShapeOnly ?? new ShapeOnly(variable.Type);

    private Variable Mapped(Variable variable) => _map.GetValueOrDefault(variable, variable);
}
