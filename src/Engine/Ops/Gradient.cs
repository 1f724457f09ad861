using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>The gradient of a scalar with respect to a variable.</summary>
    /// <exception cref="EngineException">The cost is no floating-point scalar, or does not depend on the variable.</exception>
    public static Variable Grad(Variable cost, Variable wrt) => Grad(cost, [wrt])[0];

    /// <summary>
    /// The gradients of a scalar with respect to variables, each of its variable's type: new graph, by reverse
    /// accumulation over the ops' own gradients.
    /// </summary>
    /// <exception cref="EngineException">The cost is no floating-point scalar, or does not depend on one of the variables.</exception>
    public static IReadOnlyList<Variable> Grad(Variable cost, IReadOnlyList<Variable> wrt)
    {
        ArgumentNullException.ThrowIfNull(cost);
        ArgumentNullException.ThrowIfNull(wrt);
        if (cost.Rank != 0 || !cost.DType.IsFloat())
        {
            throw new EngineException(
                $"Only a floating-point scalar has a gradient, and '{cost}' is {cost.Type}: take its mean or its sum.{Built(cost)}");
        }

        IReadOnlyList<Apply> order = Traversal.Order([cost]);
        HashSet<Variable> relevant = DependingOn(wrt, order);
        var grads = new Dictionary<Variable, Variable> { [cost] = Constant(1, cost.DType) };
        foreach (Apply node in order.Reverse())
        {
            Variable?[] outputGrads = [.. node.Outputs.Select(output => grads.GetValueOrDefault(output))];
            if (outputGrads.All(grad => grad is null) || !node.Inputs.Any(relevant.Contains))
            {
                continue;
            }

            using (Origin.Use(node.Origin with { IsGradient = true }))
            {
                IReadOnlyList<Variable?> inputGrads = node.Op.Grad(node, outputGrads);
                for (int i = 0; i < node.Inputs.Count; i++)
                {
                    if (inputGrads[i] is { } grad && relevant.Contains(node.Inputs[i]))
                    {
                        grads[node.Inputs[i]] = grads.TryGetValue(node.Inputs[i], out Variable? sum) ? Add(sum, grad) : grad;
                    }
                }
            }
        }

        return [.. wrt.Select(variable => grads.GetValueOrDefault(variable) ?? throw new EngineException(
            $"'{cost}' does not depend on '{variable}' ({variable.Type}) in a way that has a gradient.{Built(cost)}"))];
    }

    private static HashSet<Variable> DependingOn(IReadOnlyList<Variable> wrt, IReadOnlyList<Apply> order)
    {
        HashSet<Variable> relevant = [.. wrt.Where(variable => variable.DType.IsFloat())];
        foreach (Apply node in order)
        {
            if (node.Inputs.Where((input, i) => node.Op.Reads(i) && relevant.Contains(input)).Any())
            {
                relevant.UnionWith(node.Outputs.Where(output => output.DType.IsFloat()));
            }
        }

        return relevant;
    }

    private static string Built(Variable variable) => variable is Result result ? result.Owner.Origin.ToString() : "";
}
