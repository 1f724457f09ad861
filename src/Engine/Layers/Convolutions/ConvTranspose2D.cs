using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents the adjoint of a convolution, called transposed convolution or deconvolution: (batch, channels, height,
/// width) to (batch, filters, height', width') of the size of the images of which the convolution makes the input,
/// (height − 1) · stride + size − 2 · padding. W is (channels, filters / groups, filter height, filter width), and one
/// b a filter.
/// </summary>
public sealed class ConvTranspose2D : Layer
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <param name="filters">The number of output channels.</param>
    /// <param name="size">The filters' height and width.</param>
    /// <param name="nonlinearity">What is applied to the sums; <see cref="Symbolic.Rectify"/> unless told otherwise.</param>
    /// <exception cref="EngineException">There are no filters, or they are empty.</exception>
    public ConvTranspose2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(filters > 0, $"ConvTranspose2D needs at least 1 filter, not {filters}.");
        Require(size.IsPositive, $"ConvTranspose2D needs filters of at least 1x1, not {size}.");
        (Filters, Size, Nonlinearity) = (filters, size, nonlinearity ?? Symbolic.Rectify);
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>Gets or sets the stride of the convolution: how many pixels come out for one.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>Gets or sets the padding of the convolution: what is cut off on all sides.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>
    /// Gets or sets how many rows below and columns at the right come out beside, fewer than the stride.
    /// </summary>
    public Size2D Extra { get; init; }

    /// <summary>Gets or sets the pixels from one weight of a filter to the next.</summary>
    public Size2D Dilation { get; init; } = 1;

    /// <summary>Into how many groups channels and filters are split.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Gets or sets whether the convolution's filters are flipped.</summary>
    public bool FlipFilters { get; init; }

    /// <summary>Gets or sets how the weights begin.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets how the biases begin; null for a layer without.</summary>
    public Initializer? B { get; init; } = new Filled();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Images.Require(input, scope, this);
        int channels = input.Shape[1];
        scope.Require(Stride.IsPositive && Dilation.IsPositive,
            $"ConvTranspose2D needs a stride and a dilation of at least 1x1, not {Stride} and {Dilation}.");
        scope.Require(Pad.IsValid, $"ConvTranspose2D cannot have the padding {Pad}.");
        scope.Require(
            Extra.Height >= 0 && Extra.Width >= 0 && Extra.Height < Stride.Height && Extra.Width < Stride.Width,
            $"ConvTranspose2D has {Extra} rows and columns more: they are fewer than its stride, {Stride}.");
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [channels, Filters / Groups, Size.Height, Size.Width], W);
        SharedVariable? b = B is null ? null : scope.Parameter("b", [Filters], B, isRegularized: false);
        Size2D covered = Size.Dilated(Dilation), pad = scope.Checked(() => Pad.For(covered));
        int height = ((input.Shape[2] - 1) * Stride.Height) + covered.Height - (2 * pad.Height) + Extra.Height;
        int width = ((input.Shape[3] - 1) * Stride.Width) + covered.Width - (2 * pad.Width) + Extra.Width;
        scope.Require(height > 0 && width > 0, $"ConvTranspose2D cuts {pad} off on all sides of {input.Shape}, and nothing is left.");
        return Nonlinearity(Symbolic.ConvTranspose(
            scope.Floating(input), w, Images.Options(Stride, pad, Dilation, Groups, FlipFilters), [height, width], b));
    }
}
