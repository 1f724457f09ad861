using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>In training, normally distributed noise is added to each value; in use, nothing is changed.</summary>
public sealed class GaussianNoise : Layer
{
    /// <summary>Noise of this standard deviation.</summary>
    /// <exception cref="EngineException">It is negative or not finite.</exception>
    public GaussianNoise(double deviation = 0.1)
    {
        Require(deviation >= 0 && double.IsFinite(deviation), FormattableString.Invariant(
            $"GaussianNoise needs a standard deviation from 0 on, not {deviation}."));
        Deviation = deviation;
    }

    /// <summary>Gets the standard deviation.</summary>
    public double Deviation { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        input = scope.Floating(input);
        return scope.IsTraining && Deviation > 0 ? input + (scope.Random.Normal(input) * Deviation) : input;
    }
}

/// <summary>Layers that in training drop all values of a kind together, and make up for it by 1 / (1 − p).</summary>
public abstract class JointDropout : Layer
{
    private protected JointDropout(double p)
    {
        Require(p is >= 0 and < 1, FormattableString.Invariant(
            $"{Kind} needs a probability of at least 0 and less than 1, not {p}."));
        P = p;
    }

    /// <summary>Gets the probability with which values are dropped.</summary>
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

        // Of the sum nothing but the shape is wanted, and nothing else is computed.
        Variable chance = scope.Random.Uniform(
            Symbolic.Sum(input, [.. Enumerable.Range(first, input.Rank - first)], keepDims: true));
        return input * Symbolic.Where(
            Symbolic.Less(chance, P), Symbolic.Constant(0, scope.FloatX), Symbolic.Constant(1 / (1 - P), scope.FloatX));
    }

    /// <summary>The first axis along which all values are dropped together.</summary>
    private protected abstract int FirstJoined(Variable input, LayerScope scope);
}

/// <summary>
/// In training, each channel of a sample is set to 0 as a whole with probability p and the others divided by 1 − p
/// (Tompson, Goroshin, Jain, LeCun, Bregler: Efficient object localization using convolutional networks. CVPR 2015).
/// </summary>
public sealed class SpatialDropout : JointDropout
{
    /// <summary>Drops channels with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public SpatialDropout(double p = 0.5) : base(p)
    {
    }

    private protected override int FirstJoined(Variable input, LayerScope scope) => 2;
}

/// <summary>
/// In training, all values of a sample are set to 0 with probability p and those of other samples divided by 1 − p: on a
/// residual path, stochastic depth (Huang, Sun, Liu, Sedra, Weinberger: Deep networks with stochastic depth. ECCV 2016).
/// </summary>
public sealed class DropPath : JointDropout
{
    /// <summary>Drops samples with this probability.</summary>
    /// <exception cref="EngineException">The probability is not at least 0 and less than 1.</exception>
    public DropPath(double p = 0.1) : base(p)
    {
    }

    private protected override int FirstJoined(Variable input, LayerScope scope) => 1;
}
