using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents the base of layers that normalize each sample by its own values, and then apply learned gamma and beta.
/// </summary>
public abstract class SampleNorm : Layer
{
    private protected SampleNorm()
    {
    }

    /// <summary>Gets or sets the small number that is added to the variance.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Gets or sets the initializer of gamma; null for no gamma.</summary>
    public Initializer? Gamma { get; init; } = new Full(1);

    /// <summary>Returns (x − mean) / √(variance + epsilon) over some axes, or x / √(mean of x² + epsilon).</summary>
    private protected Variable Normal(Variable x, Shape axes, bool isCentered)
    {
        Variable centered = isCentered ? x - Symbolic.Mean(x, axes, keepDims: true) : x;
        return centered / Symbolic.Sqrt(Symbolic.Mean(Symbolic.Square(centered), axes, keepDims: true) + Epsilon);
    }
}

/// <summary>
/// Normalizes each sample to mean 0 and variance 1 over its last axes, then multiplies by gamma and adds beta, which
/// have the shape of these axes (Ba, Kiros, Hinton: Layer normalization. arXiv:1607.06450). Training and prediction are
/// the same.
/// </summary>
public sealed class LayerNorm : SampleNorm
{
    /// <summary>Creates a normalization over the axes from this one on; a negative axis counts from the end.</summary>
    /// <exception cref="EngineException">The axis is the batch's.</exception>
    public LayerNorm(int firstAxis = -1)
    {
        Require(firstAxis != 0, "LayerNorm is over axes of a sample, from 1 on: axis 0 is the batch's.");
        FirstAxis = firstAxis;
    }

    /// <summary>Gets the first axis.</summary>
    public int FirstAxis { get; }

    /// <summary>Gets or sets the initializer of beta; null for no beta.</summary>
    public Initializer? Beta { get; init; } = new Full();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        int first = FirstAxis < 0 ? input.Rank + FirstAxis : FirstAxis;
        scope.Require(first > 0 && first < input.Rank,
            $"LayerNorm is over axis {FirstAxis} and those behind, not of {input.Shape}.");
        Shape dimensions = [.. input.Shape.Skip(first)];
        Variable y = Normal(scope.Floating(input), [.. Enumerable.Range(first, dimensions.Rank)], isCentered: true);
        y = Gamma is null ? y : y * scope.Parameter("gamma", dimensions, Gamma);
        return Beta is null ? y : y + scope.Parameter("beta", dimensions, Beta, isRegularized: false);
    }
}

/// <summary>
/// Divides each sample by the root mean square over the last axis, then multiplies by gamma (Zhang, Sennrich: Root mean
/// square layer normalization. NeurIPS 2019).
/// </summary>
public sealed class RmsNorm : SampleNorm
{
    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        scope.Require(input.Rank > 1, $"RmsNorm is over a sample's last axis, and {input.Shape} has none.");
        Variable y = Normal(scope.Floating(input), [input.Rank - 1], isCentered: false);
        return Gamma is null ? y : y * scope.Parameter("gamma", [input.Shape[-1]], Gamma);
    }
}

/// <summary>
/// Normalizes groups of each sample's channels, axis 1, to mean 0 and variance 1, then multiplies each channel by its
/// gamma and adds its beta (Wu, He: Group normalization. ECCV 2018). With as many groups as channels, this is instance
/// normalization.
/// </summary>
public sealed class GroupNorm : SampleNorm
{
    /// <summary>Creates a normalization over a number of groups of neighboring channels.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    public GroupNorm(int groups)
    {
        Require(groups > 0, $"GroupNorm needs at least 1 group, not {groups}.");
        Groups = groups;
    }

    /// <summary>Gets the number of groups.</summary>
    public int Groups { get; }

    /// <summary>Gets or sets the initializer of beta; null for no beta.</summary>
    public Initializer? Beta { get; init; } = new Full();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        int channels = input.Rank > 1 ? input.Shape[1] : 0;
        scope.Require(channels > 0 && channels % Groups == 0,
            $"GroupNorm needs channels, axis 1, that are a multiple of its {Groups} groups, not {input.Shape}.");
        Variable x = Symbolic.Reshape(
            scope.Floating(input), [-1, Groups, input.Shape.Product(1, input.Rank) / Groups]);
        Variable y = Symbolic.Reshape(Normal(x, [2], isCentered: true), [-1, .. input.Shape.Skip(1)]);
        y = Gamma is null ? y : y * scope.PerChannel("gamma", input, Gamma, isRegularized: true);
        return Beta is null ? y : y + scope.PerChannel("beta", input, Beta, isRegularized: false);
    }
}

/// <summary>
/// Divides each value by (k + alpha · Σ x²) ^ beta. The sum is over neighboring channels, <see cref="Channels"/> in all
/// (Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks. NeurIPS 2012,
/// section 3.3; as in Lasagne, alpha is not divided by their number).
/// </summary>
public sealed class LocalResponseNorm : Layer
{
    /// <summary>Gets or sets the number of channels in the sum; it must be odd.</summary>
    public int Channels { get; init; } = 5;

    /// <summary>Gets or sets the factor of the sum.</summary>
    public double Alpha { get; init; } = 1e-4;

    /// <summary>Gets or sets the exponent.</summary>
    public double Beta { get; init; } = 0.75;

    /// <summary>Gets or sets the number that is added to the sum.</summary>
    public double K { get; init; } = 2;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(input.Rank > 1, $"LocalResponseNorm takes (batch, channels, …), not {input.Shape}.");
        scope.Require(Channels > 0 && Channels % 2 == 1,
            $"LocalResponseNorm takes an odd number of channels together, not {Channels}.");
        Variable x = scope.Floating(input), squares = Pad.Around(Symbolic.Square(x), 1, Channels / 2, 0);
        Variable sum = Enumerable.Range(0, Channels).Select(first => Symbolic.Slice(squares, 1, first, input.Shape[1]))
            .Aggregate((a, b) => a + b);
        return x / Symbolic.Power(K + (Alpha * sum), Beta);
    }
}
