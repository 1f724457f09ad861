using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// In training, each value is set to 0 with probability p and the others divided by 1 − p; in use, nothing is changed
/// (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout. JMLR 15, 2014).
/// </summary>
public sealed class Dropout : Layer
{
    /// <summary>Drops values with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public Dropout(double p = 0.5)
    {
        Require(p is >= 0 and < 1, FormattableString.Invariant(
            $"Dropout needs a probability of at least 0 and less than 1, not {p}."));
        P = p;
    }

    /// <summary>Gets the probability with which a value is dropped.</summary>
    public double P { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.IsTraining && P > 0 ? Symbolic.Dropout(scope.Floating(input), P, scope.Random) : scope.Floating(input);
    }
}
