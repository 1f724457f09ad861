using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Sets each value to 0 with probability p in training, and divides the others by 1 − p. In prediction, it changes
/// nothing (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout. JMLR 15, 2014).
/// </summary>
public sealed class Dropout : Layer
{
    /// <summary>Creates a layer that drops values with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public Dropout(double p = 0.5)
    {
        Require(p is >= 0 and < 1, FormattableString.Invariant(
            $"Dropout needs a probability of at least 0 and less than 1, not {p}."));
        P = p;
    }

    /// <summary>Gets the probability that a value is dropped.</summary>
    public double P { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.IsTraining && P > 0
            ? Symbolic.Dropout(scope.Floating(input), P, scope.Random)
            : scope.Floating(input);
    }
}
