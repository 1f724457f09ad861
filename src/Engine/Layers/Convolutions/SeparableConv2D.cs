using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Convolves each channel of images with its own filters: (batch, channels, height, width) to (batch, channels ·
/// multiplier, height', width'), with W (channels · multiplier, 1, filter height, filter width) and one b per filter.
/// </summary>
public sealed class DepthwiseConv2D : FilterLayer2D
{
    /// <summary>Creates a layer with a number of filters for each channel.</summary>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public DepthwiseConv2D(Size2D size, int multiplier = 1, Func<Variable, Variable>? nonlinearity = null)
        : base(size, nonlinearity)
    {
        Require(multiplier > 0, $"DepthwiseConv2D needs at least 1 filter for each channel, not {multiplier}.");
        Multiplier = multiplier;
    }

    /// <summary>Gets the number of filters of each channel.</summary>
    public int Multiplier { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        Images.Require(input, scope, this);
        int channels = input.Shape[1];
        return new Conv2D(channels * Multiplier, Size, Nonlinearity)
        {
            Stride = Stride,
            Pad = Pad,
            Dilation = Dilation,
            Groups = channels,
            FlipFilters = FlipFilters,
            W = W,
            B = B,
            UntieBiases = UntieBiases,
            Origin = Origin,
        }.Build(input, scope.Of(this));
    }
}

/// <summary>
/// Represents a depthwise convolution and then a 1x1 convolution that combines its channels: (batch, channels, height,
/// width) to (batch, filters, height', width'), with <c>depthwise.W</c> (channels · multiplier, 1, filter height,
/// filter width) and <c>pointwise.W</c> (filters, channels · multiplier, 1, 1) and <c>pointwise.b</c> (Chollet:
/// Xception. CVPR 2017).
/// </summary>
public sealed class SeparableConv2D : FilterLayer2D
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public SeparableConv2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null)
        : base(size, nonlinearity)
    {
        Require(filters > 0, $"SeparableConv2D needs at least 1 filter, not {filters}.");
        Filters = filters;
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets or sets the number of depthwise filters of each channel.</summary>
    public int Multiplier { get; init; } = 1;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        var depthwise = new DepthwiseConv2D(Size, Multiplier, Symbolic.Linear)
        {
            Stride = Stride,
            Pad = Pad,
            Dilation = Dilation,
            FlipFilters = FlipFilters,
            W = W,
            B = null,
            Origin = Origin,
        };
        var pointwise =
            new Conv2D(Filters, 1, Nonlinearity) { W = W, B = B, UntieBiases = UntieBiases, Origin = Origin };
        return pointwise.Build(
            depthwise.Build(input, scope.Child("depthwise", depthwise)), scope.Child("pointwise", pointwise));
    }
}
