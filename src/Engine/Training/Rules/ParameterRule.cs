using Engine.Graph;

namespace Engine.Training;

/// <summary>Represents a rule that treats each parameter by itself, by the same formulas.</summary>
public abstract record ParameterRule : UpdateRule
{
    /// <summary>Creates a rule with this learning rate.</summary>
    /// <exception cref="EngineException">The learning rate is negative or nan.</exception>
    protected ParameterRule(float learningRate) : base(learningRate)
    {
    }

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(gradients);
        return [.. parameters.Zip(gradients, (p, g) => Step(p, g, learningRate, state)).SelectMany(updates => updates)];
    }

    /// <summary>Returns the new values of a parameter and of what the rule keeps beside it.</summary>
    /// <param name="parameter">What to change.</param>
    /// <param name="gradient">Its gradient.</param>
    /// <param name="learningRate">The learning rate, a scalar.</param>
    /// <param name="state">Makes the rule's other settings and the variables that it keeps.</param>
    protected abstract IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state);
}
