using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents each channel of images is convolved with filters of its own: (batch, channels, height, width) to (batch,
/// channels · multiplier, height', width'), with W (channels · multiplier, 1, filter height, filter width) and one b a
/// filter.
/// </summary>
public sealed class DepthwiseConv2D : Layer
{
    /// <summary>So many filters for each channel.</summary>
    /// <exception cref="EngineException">There are none, or they are empty.</exception>
    public DepthwiseConv2D(Size2D size, int multiplier = 1, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(size.IsPositive && multiplier > 0, $"DepthwiseConv2D needs at least 1 filter of at least 1x1, not {multiplier} of {size}.");
        (Size, Multiplier, Nonlinearity) = (size, multiplier, nonlinearity ?? Symbolic.Rectify);
    }

    /// <summary>Gets the filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets how many filters each channel has.</summary>
    public int Multiplier { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>By how many pixels the filters are moved on.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>Gets or sets the zeros around the image.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Gets or sets the pixels from one weight of a filter to the next.</summary>
    public Size2D Dilation { get; init; } = 1;

    /// <summary>Gets or sets whether the filters are flipped (a convolution) or not (a correlation).</summary>
    public bool FlipFilters { get; init; } = true;

    /// <summary>Gets or sets how the weights begin.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets how the biases begin; null for a layer without.</summary>
    public Initializer? B { get; init; } = new Filled();

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
            Origin = Origin,
        }.Build(input, scope.Of(this));
    }
}

/// <summary>
/// Represents a depthwise convolution, and a 1x1 convolution behind it that joins its channels: (batch, channels,
/// height, width) to (batch, filters, height', width'), with <c>depthwise.W</c> (channels · multiplier, 1, filter
/// height, filter width) and <c>pointwise.W</c> (filters, channels · multiplier, 1, 1) and <c>pointwise.b</c> (Chollet:
/// Xception. CVPR 2017).
/// </summary>
public sealed class SeparableConv2D : Layer
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <exception cref="EngineException">There are none, or they are empty.</exception>
    public SeparableConv2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(filters > 0 && size.IsPositive, $"SeparableConv2D needs at least 1 filter of at least 1x1, not {filters} of {size}.");
        (Filters, Size, Nonlinearity) = (filters, size, nonlinearity ?? Symbolic.Rectify);
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the depthwise filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>Gets or sets how many depthwise filters each channel has.</summary>
    public int Multiplier { get; init; } = 1;

    /// <summary>By how many pixels the depthwise filters are moved on.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>Gets or sets the zeros around the image.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Gets or sets the pixels from one weight of a depthwise filter to the next.</summary>
    public Size2D Dilation { get; init; } = 1;

    /// <summary>Gets or sets whether the filters are flipped (a convolution) or not (a correlation).</summary>
    public bool FlipFilters { get; init; } = true;

    /// <summary>Gets or sets how the weights of both begin.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets how the biases begin; null for a layer without.</summary>
    public Initializer? B { get; init; } = new Filled();

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
        var pointwise = new Conv2D(Filters, 1, Nonlinearity) { W = W, B = B, Origin = Origin };
        return pointwise.Build(depthwise.Build(input, scope.Child("depthwise", depthwise)), scope.Child("pointwise", pointwise));
    }
}
