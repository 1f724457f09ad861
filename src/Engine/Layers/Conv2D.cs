using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Filters moved over images: (batch, channels, height, width) to (batch, filters, height', width'), with W (filters,
/// channels, filter height, filter width) and one b a filter. A true convolution, the filters flipped, unless
/// <see cref="FlipFilters"/> says otherwise.
/// </summary>
public sealed class Conv2D : Layer
{
    /// <summary>A layer of this many filters.</summary>
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

    /// <summary>The number of output channels.</summary>
    public int Filters { get; }

    /// <summary>The filters' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>What is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>By how many pixels the filters are moved on.</summary>
    public Size2D Stride { get; init; } = 1;

    /// <summary>The zeros around the image.</summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Whether the filters are flipped (a convolution) or not (a correlation).</summary>
    public bool FlipFilters { get; init; } = true;

    /// <summary>How the weights begin.</summary>
    public Initialiser W { get; init; } = new GlorotUniform();

    /// <summary>How the biases begin; null for a layer without.</summary>
    public Initialiser? B { get; init; } = new Filled();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Images.Require(input, scope, this);
        scope.Require(Stride.IsPositive, $"Conv2D needs a stride of at least 1x1, not {Stride}.");
        scope.Require(Pad.IsValid, $"Conv2D cannot have the padding {Pad}.");
        SharedVariable w = scope.Parameter("W", [Filters, input.Shape[1], Size.Height, Size.Width], W);
        SharedVariable? b = B is null ? null : scope.Parameter("b", [Filters], B, isRegularized: false);
        return Nonlinearity(Symbolic.Conv2D(scope.Floating(input), w, Stride.Tuple, scope.Checked(() => Pad.For(Size)).Tuple, FlipFilters, b));
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
}
