using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Represents the base of layers that move filters over their input, along any number of axes.</summary>
public abstract class FilterLayer : Layer
{
    private protected FilterLayer(Func<Variable, Variable>? nonlinearity, bool flipFilters = true) =>
        (Nonlinearity, FlipFilters) = (nonlinearity ?? Symbolic.Rectify, flipFilters);

    /// <summary>Gets the function that is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>Gets or sets whether the filters are flipped (a convolution) or not (a correlation).</summary>
    public bool FlipFilters { get; init; }

    /// <summary>Gets or sets the initializer of the weights.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets the initializer of the biases; null for no biases.</summary>
    public Initializer? B { get; init; } = new Full();

    /// <summary>
    /// Gets or sets whether each position of the output has a bias of its own: <c>b</c> is then (filters, height,
    /// width) instead of (filters).
    /// </summary>
    public bool UntieBiases { get; init; }

    /// <summary>Sets what a description says of every layer with filters.</summary>
    internal FilterSettings Common
    {
        init => (Origin, FlipFilters, W, B, UntieBiases) =
            (value.Origin, value.FlipFilters, value.W, value.B, value.UntieBiases);
    }

    /// <summary>
    /// Returns the nonlinearity of the sums, which are computed with these biases, or without if there are none.
    /// </summary>
    private protected Variable Activated(LayerScope scope, int filters, Func<SharedVariable?, Variable> sums)
    {
        if (B is null || !UntieBiases)
        {
            return Nonlinearity(sums(B is null ? null : scope.Parameter("b", [filters], B, isRegularized: false)));
        }

        Variable untied = sums(null);
        Shape own = [.. untied.Shape.Skip(1)];
        scope.Require(own.IsKnown,
            $"{Kind} has a bias for each position, but {own} is not known: give the Input layer all dimensions.");
        return Nonlinearity(untied + scope.Parameter("b", own, B, isRegularized: false));
    }
}

/// <summary>Contains what a description says of every layer with filters.</summary>
/// <param name="Origin">Where the layer is described.</param>
/// <param name="FlipFilters">Whether the filters are flipped.</param>
/// <param name="W">The initializer of the weights.</param>
/// <param name="B">The initializer of the biases; null for no biases.</param>
/// <param name="UntieBiases">Whether each position has a bias of its own.</param>
internal readonly record struct FilterSettings(
    Origin Origin, bool FlipFilters, Initializer W, Initializer? B, bool UntieBiases);

/// <summary>Represents the base of layers that move filters over images.</summary>
public abstract class FilterLayer2D : FilterLayer
{
    private protected FilterLayer2D(Size2D size, Func<Variable, Variable>? nonlinearity, bool flipFilters = true)
        : base(nonlinearity, flipFilters)
    {
        Require(size.IsPositive, $"{Kind} needs filters of at least 1x1, not {size}.");
        Size = size;
    }

    /// <summary>Gets the filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets or sets the stride in pixels.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>Gets or sets the padding with zeros around the image.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Gets or sets the distance in pixels between adjacent weights of a filter.</summary>
    public Size2D Dilation { get; init; } = 1;

    /// <summary>Sets the stride, the padding and the dilation.</summary>
    internal (Size2D Stride, Padding Pad, Size2D Dilation) Steps
    {
        init => (Stride, Pad, Dilation) = value;
    }

    /// <summary>Checks the input and the settings, and returns the padding in pixels.</summary>
    private protected Size2D Padded(Variable input, LayerScope scope)
    {
        Images.Require(input, scope, this);
        scope.Require(Stride.IsPositive, $"{Kind} needs a stride of at least 1x1, not {Stride}.");
        scope.Require(Dilation.IsPositive, $"{Kind} needs a dilation of at least 1x1, not {Dilation}.");
        scope.Require(Pad.IsValid, $"{Kind} cannot have the padding {Pad}.");
        return scope.Checked(() => Pad.For(Size.Dilated(Dilation)));
    }
}
