using Engine.Graph;

namespace Engine.Training;

/// <summary>Represents a rule that applies the same formulas to each parameter separately.</summary>
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

    /// <summary>Returns the updates of a parameter and of the rule's state for it.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient.</param>
    /// <param name="learningRate">The learning rate, a scalar.</param>
    /// <param name="state">Creates the rule's other settings and its state variables.</param>
    protected abstract IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state);
}
