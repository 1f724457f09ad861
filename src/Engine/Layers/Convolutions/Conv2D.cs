using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Filters moved over images: (batch, channels, height, width) to (batch, filters, height', width'), with W (filters,
/// channels / groups, filter height, filter width) and one b a filter. A true convolution, the filters flipped, unless
/// <see cref="FlipFilters"/> says otherwise.
/// </summary>
public sealed class Conv2D : Layer
{
    /// <summary>Creates a layer of this many filters.</summary>
    /// <param name="filters">The number of output channels.</param>
    /// <param name="size">The filters' height and width.</param>
    /// <param name="nonlinearity">What is applied to the sums; <see cref="Symbolic.Rectify"/> unless told
    /// otherwise.</param>
    /// <exception cref="EngineException">There are no filters, or they are empty.</exception>
    public Conv2D(int filters, Size2D size, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(filters > 0, $"Conv2D needs at least 1 filter, not {filters}.");
        Require(size.IsPositive, $"Conv2D needs filters of at least 1x1, not {size}.");
        Filters = filters;
        Size = size;
        Nonlinearity = nonlinearity ?? Symbolic.Rectify;
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>By how many pixels the filters are moved on.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>Gets or sets the zeros around the image.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Gets or sets the pixels from one weight of a filter to the next.</summary>
    public Size2D Dilation { get; init; } = 1;

    /// <summary>Into how many groups channels and filters are split: a filter sees the channels of its own group alone.</summary>
    public int Groups { get; init; } = 1;

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
        scope = scope.Of(this);
        Images.Require(input, scope, this);
        int channels = input.Shape[1];
        scope.Require(Stride.IsPositive, $"Conv2D needs a stride of at least 1x1, not {Stride}.");
        scope.Require(Dilation.IsPositive, $"Conv2D needs a dilation of at least 1x1, not {Dilation}.");
        scope.Require(Pad.IsValid, $"Conv2D cannot have the padding {Pad}.");
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [Filters, channels / Groups, Size.Height, Size.Width], W);
        SharedVariable? b = B is null ? null : scope.Parameter("b", [Filters], B, isRegularized: false);
        Size2D pad = scope.Checked(() => Pad.For(Size.Dilated(Dilation)));
        Variable x = scope.Floating(input);
        return Nonlinearity(Dilation == 1 && Groups == 1
            ? Symbolic.Conv2D(x, w, Stride.Tuple, pad.Tuple, FlipFilters, b)
            : Symbolic.Convolve(x, w, Images.Options(Stride, pad, Dilation, Groups, FlipFilters), b));
    }
}

/// <summary>What the layers for images have in common.</summary>
internal static class Images
{
    /// <summary>Refuses an input that is no batch of images.</summary>
    public static void Require(Variable input, LayerScope scope, Layer layer)
    {
        if (input.Rank != 4)
        {
            throw scope.Error(
                $"{layer.Kind} takes images, (batch, channels, height, width), not {input.Shape}: "
                + "give the Input layer three sides or put a Reshape before.");
        }
    }

    /// <summary>Refuses groups that channels or filters cannot be split into.</summary>
    public static void RequireGroups(int groups, int channels, int filters, LayerScope scope, Layer layer) => scope.Require(
        groups > 0 && channels % groups == 0 && filters % groups == 0,
        $"{layer.Kind} has {channels} channels and {filters} filters, which cannot both be split into {groups} groups of as many.");

    /// <summary>Returns how a convolution steps over images.</summary>
    public static ConvOptions Options(Size2D stride, Size2D pad, Size2D dilation, int groups, bool flipFilters) => new()
    {
        Stride = [stride.Height, stride.Width],
        Padding = [pad.Height, pad.Width],
        Dilation = [dilation.Height, dilation.Width],
        Groups = groups,
        FlipFilters = flipFilters,
    };
}
