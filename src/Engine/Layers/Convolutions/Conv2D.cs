using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Convolves images with filters: (batch, channels, height, width) to (batch, filters, height', width'), with W
/// (filters, channels / groups, filter height, filter width) and one b per filter. It is a true convolution with
/// flipped filters, unless <see cref="FilterLayer.FlipFilters"/> is false.
/// </summary>
public sealed class Conv2D : FilterLayer2D
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <param name="filters">The number of output channels.</param>
    /// <param name="size">The filters' height and width.</param>
    /// <param name="nonlinearity">
    /// The function that is applied to the sums. The default is <see cref="Symbolic.Rectify"/>.
    /// </param>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public Conv2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null) : base(size, nonlinearity)
    {
        Require(filters > 0, $"Conv2D needs at least 1 filter, not {filters}.");
        Filters = filters;
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>
    /// Gets or sets the number of groups of channels and filters. A filter sees only the channels of its own group.
    /// </summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Size2D pad = Padded(input, scope);
        int channels = input.Shape[1];
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [Filters, channels / Groups, Size.Height, Size.Width], W);
        Variable x = scope.Floating(input);
        return Activated(scope, Filters, b => Dilation == 1 && Groups == 1
            ? Symbolic.Conv2D(x, w, Stride.Tuple, pad.Tuple, FlipFilters, b)
            : Symbolic.Convolve(x, w, Images.Options(Stride, pad, Dilation, Groups, FlipFilters), b));
    }
}

/// <summary>Contains helpers for layers of images.</summary>
internal static class Images
{
    /// <summary>Refuses an input that is not a batch of images.</summary>
    public static void Require(Variable input, LayerScope scope, Layer layer)
    {
        if (input.Rank != 4)
        {
            throw scope.Error(
                $"{layer.Kind} takes images, (batch, channels, height, width), not {input.Shape}: "
                + "give the Input layer three dimensions or put a Reshape before.");
        }
    }

    /// <summary>Refuses a number of groups that does not divide the channels or filters.</summary>
    public static void RequireGroups(int groups, int channels, int filters, LayerScope scope, Layer layer) =>
        scope.Require(
            groups > 0 && channels % groups == 0 && filters % groups == 0,
            $"{layer.Kind} has {channels} channels and {filters} filters, which cannot both be split into {groups} "
            + $"groups of as many.");

    /// <summary>Returns the options of a convolution.</summary>
    public static ConvOptions Options(Size2D stride, Size2D pad, Size2D dilation, int groups, bool flipFilters) => new()
    {
        Stride = [stride.Height, stride.Width],
        Padding = [pad.Height, pad.Width],
        Dilation = [dilation.Height, dilation.Width],
        Groups = groups,
        FlipFilters = flipFilters,
    };
}
