using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents a transposed convolution (deconvolution), the adjoint of a convolution: (batch, channels, height, width)
/// to (batch, filters, height', width'). The output has the size of the convolution's input, (height − 1) · stride +
/// size − 2 · padding. Each pixel becomes as many pixels as the stride, and the padding is cut off on all sides. By
/// default, filters are not flipped. W is (channels, filters / groups, filter height, filter width), with one b per
/// filter.
/// </summary>
public sealed class ConvTranspose2D : FilterLayer2D
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <param name="filters">The number of output channels.</param>
    /// <param name="size">The filters' height and width.</param>
    /// <param name="nonlinearity">
    /// The function that is applied to the sums. The default is <see cref="Symbolic.Rectify"/>.
    /// </param>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public ConvTranspose2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null)
        : base(size, nonlinearity, flipFilters: false)
    {
        Require(filters > 0, $"ConvTranspose2D needs at least 1 filter, not {filters}.");
        Filters = filters;
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>
    /// Gets or sets the number of extra rows at the bottom and columns at the right, less than the stride.
    /// </summary>
    public Size2D Extra { get; init; }

    /// <summary>Gets or sets the number of groups of channels and filters.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Size2D covered = Size.Dilated(Dilation), pad = Padded(input, scope);
        int channels = input.Shape[1];
        scope.Require(
            Extra.Height >= 0 && Extra.Width >= 0 && Extra.Height < Stride.Height && Extra.Width < Stride.Width,
            $"ConvTranspose2D has {Extra} rows and columns more: they are fewer than its stride, {Stride}.");
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [channels, Filters / Groups, Size.Height, Size.Width], W);
        int height = ((input.Shape[2] - 1) * Stride.Height) + covered.Height - (2 * pad.Height) + Extra.Height;
        int width = ((input.Shape[3] - 1) * Stride.Width) + covered.Width - (2 * pad.Width) + Extra.Width;
        scope.Require(height > 0 && width > 0,
            $"ConvTranspose2D cuts {pad} off on all sides of {input.Shape}, and nothing is left.");
        return Activated(scope, Filters, b => Symbolic.ConvTranspose(
            scope.Floating(input), w, Images.Options(Stride, pad, Dilation, Groups, FlipFilters), [height, width], b));
    }
}
