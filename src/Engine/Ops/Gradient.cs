using System.Diagnostics;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes what <c>Symbolic.Grad</c> does about a variable that the cost does not depend on.</summary>
public enum DisconnectedInputs
{
    /// <summary>It throws.</summary>
    Raise,

    /// <summary>It writes a warning to <see cref="Trace"/> and gives zeros.</summary>
    Warn,

    /// <summary>It gives zeros.</summary>
    Ignore,
}

public static partial class Symbolic
{
    /// <summary>Returns the gradient of a scalar with respect to a variable.</summary>
    /// <exception cref="EngineException">
    /// The cost is not a floating-point scalar, or does not depend on the variable.
    /// </exception>
    public static Variable Grad(Variable cost, Variable wrt) => Grad(cost, [wrt])[0];

    /// <summary>
    /// Returns the gradients of a scalar with respect to variables, each of its variable's type. The gradients are new
    /// graph, built by reverse accumulation over the ops' own gradients.
    /// </summary>
    /// <param name="cost">The scalar; null if known gradients replace it.</param>
    /// <param name="wrt">The variables.</param>
    /// <param name="considerConstant">Variables through which no gradient flows, as if they were constants.</param>
    /// <param name="knownGrads">
    /// Variables whose gradient is given. It has the variable's shape and replaces the gradient that the cost would
    /// give.
    /// </param>
    /// <param name="disconnectedInputs">What to do about a variable that the cost does not depend on.</param>
    /// <exception cref="EngineException">
    /// The cost is not a floating-point scalar, or does not depend on one of the variables, a known gradient is of
    /// another type than its variable, or an op on the way has no gradient.
    /// </exception>
    public static IReadOnlyList<Variable> Grad(
        Variable? cost,
        IReadOnlyList<Variable> wrt,
        IReadOnlyCollection<Variable>? considerConstant = null,
        IReadOnlyDictionary<Variable, Variable>? knownGrads = null,
        DisconnectedInputs disconnectedInputs = DisconnectedInputs.Raise)
    {
        ArgumentNullException.ThrowIfNull(wrt);
        return [.. Connected(cost, wrt, considerConstant, knownGrads)
            .Zip(wrt, (grad, variable) => grad ?? Disconnected(cost, variable, disconnectedInputs))];
    }

    /// <summary>Returns the same gradients; null for a variable that the cost does not depend on.</summary>
    internal static Variable?[] Connected(
        Variable? cost,
        IReadOnlyList<Variable> wrt,
        IReadOnlyCollection<Variable>? considerConstant,
        IReadOnlyDictionary<Variable, Variable>? knownGrads)
    {
        Dictionary<Variable, Variable> grads = Starts(cost, knownGrads);
        HashSet<Variable> known = [.. grads.Keys];
        IReadOnlyList<Apply> order = Traversal.Order(known);
        HashSet<Variable> relevant = DependingOn(wrt, order, considerConstant ?? []);
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
                    Variable input = node.Inputs[i];
                    if (inputGrads[i] is { } grad && relevant.Contains(input) && !known.Contains(input))
                    {
                        grads[input] = grads.TryGetValue(input, out Variable? sum)
                            ? Cast(Add(sum, grad), input.DType)
                            : grad;
                    }
                }
            }
        }

        return [.. wrt.Select(variable => relevant.Contains(variable) ? grads.GetValueOrDefault(variable) : null)];
    }

    /// <summary>Returns the gradients that are known before any is computed.</summary>
    private static Dictionary<Variable, Variable> Starts(
        Variable? cost, IReadOnlyDictionary<Variable, Variable>? knownGrads)
    {
        Dictionary<Variable, Variable> grads = knownGrads is null ? [] : new(knownGrads);
        foreach ((Variable variable, Variable grad) in grads)
        {
            if (grad.DType != variable.DType || !variable.DType.IsFloat() || !variable.Shape.Admits(grad.Shape))
            {
                throw new EngineException(
                    $"The known gradient of '{variable}' ({variable.Type}) cannot be a {grad.Type}.{Built(variable)}");
            }
        }

        if (cost is null)
        {
            return grads.Count > 0
                ? grads
                : throw new EngineException("Without a cost there must be known gradients to begin with.");
        }

        if (cost.Rank != 0 || !cost.DType.IsFloat())
        {
            throw new EngineException(
                $"Only a floating-point scalar has a gradient, and '{cost}' is {cost.Type}: "
                + $"{(cost.DType.IsFloat() ? "take its mean or its sum" : "whole numbers and truths have no slope")}.{Built(cost)}");
        }

        grads.TryAdd(cost, Constant(1, cost.DType));
        return grads;
    }

    private static Variable Disconnected(Variable? cost, Variable variable, DisconnectedInputs what)
    {
        string subject = cost is null ? "What has a known gradient" : $"'{cost}'";
        string message = $"{subject} does not depend on '{variable}' ({variable.Type}) in a way that has a gradient.";
        switch (what)
        {
            case DisconnectedInputs.Raise:
                throw new EngineException(message + (cost is null ? "" : Built(cost)));
            case DisconnectedInputs.Warn:
                Trace.TraceWarning($"{message} Its gradient is taken as 0.");
                break;
        }

        return Zero(variable);
    }

    private static HashSet<Variable> DependingOn(
        IReadOnlyList<Variable> wrt, IReadOnlyList<Apply> order, IReadOnlyCollection<Variable> constants)
    {
        HashSet<Variable> relevant = [.. wrt.Where(variable => variable.DType.IsFloat())];
        relevant.ExceptWith(constants);
        HashSet<Variable> barriers = [.. constants];
        foreach (Apply node in order)
        {
            if (node.Inputs.Where((input, i) => node.Op.Reads(i) && relevant.Contains(input)).Any())
            {
                relevant.UnionWith(node.Outputs.Where(output => output.DType.IsFloat() && !barriers.Contains(output)));
            }
        }

        return relevant;
    }

    private static string Built(Variable variable) => variable is Result result ? result.Owner.Origin.ToString() : "";
}
