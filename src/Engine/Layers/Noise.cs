using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Adds normally distributed noise to each value in training. In prediction, it changes nothing.</summary>
public sealed class GaussianNoise : Layer
{
    /// <summary>Creates noise with this standard deviation.</summary>
    /// <exception cref="EngineException">It is negative or not finite.</exception>
    public GaussianNoise(double std = 0.1)
    {
        Require(std >= 0 && double.IsFinite(std), FormattableString.Invariant(
            $"GaussianNoise needs a standard deviation from 0 on, not {std}."));
        Std = std;
    }

    /// <summary>Gets the standard deviation.</summary>
    public double Std { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        input = scope.Floating(input);
        return scope.IsTraining && Std > 0 ? input + (scope.Random.Normal(input) * Std) : input;
    }
}

/// <summary>
/// Represents the base of layers that drop groups of values together in training, and scale the others by 1 / (1 − p).
/// </summary>
public abstract class JointDropout : Layer
{
    private protected JointDropout(double p)
    {
        Require(p is >= 0 and < 1, FormattableString.Invariant(
            $"{Kind} needs a probability of at least 0 and less than 1, not {p}."));
        P = p;
    }

    /// <summary>Gets the probability that a group is dropped.</summary>
    public double P { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        input = scope.Floating(input);
        int first = FirstJoined(input, scope);
        if (!scope.IsTraining || P == 0 || first >= input.Rank)
        {
            return scope.IsTraining && P > 0 ? Symbolic.Dropout(input, P, scope.Random) : input;
        }

        // Only the shape of the sum is used, so the sum itself is never computed.
        Variable chance = scope.Random.Uniform(
            Symbolic.Sum(input, [.. Enumerable.Range(first, input.Rank - first)], keepDims: true));
        return input * Symbolic.Where(
            Symbolic.Less(chance, P), Symbolic.Constant(0, scope.FloatX), Symbolic.Constant(1 / (1 - P), scope.FloatX));
    }

    /// <summary>Returns the first axis along which all values are dropped together.</summary>
    private protected abstract int FirstJoined(Variable input, LayerScope scope);
}

/// <summary>
/// Sets each channel of a sample to 0 with probability p in training, and divides the others by 1 − p (Tompson,
/// Goroshin, Jain, LeCun, Bregler: Efficient object localization using convolutional networks. CVPR 2015).
/// </summary>
public sealed class SpatialDropout : JointDropout
{
    /// <summary>Creates a layer that drops channels with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public SpatialDropout(double p = 0.5) : base(p)
    {
    }

    private protected override int FirstJoined(Variable input, LayerScope scope) => 2;
}

/// <summary>
/// Sets all values of a sample to 0 with probability p in training, and divides other samples by 1 − p. On a residual
/// path, this is stochastic depth (Huang, Sun, Liu, Sedra, Weinberger: Deep networks with stochastic depth. ECCV 2016).
/// </summary>
public sealed class DropPath : JointDropout
{
    /// <summary>Creates a layer that drops samples with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public DropPath(double p = 0.1) : base(p)
    {
    }

    private protected override int FirstJoined(Variable input, LayerScope scope) => 1;
}
