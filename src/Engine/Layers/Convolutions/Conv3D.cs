using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Convolves volumes or videos with filters: (batch, channels, depth, height, width) to (batch, filters, …), with W
/// (filters, channels / groups, depth, height, width of a filter) and one b per filter. The filters are flipped, unless
/// <see cref="FilterLayer.FlipFilters"/> is false.
/// </summary>
public sealed class Conv3D : FilterLayer
{
    /// <summary>
    /// Creates a layer with a number of filters. The size is one number for all three axes, or one for each.
    /// </summary>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public Conv3D(int filters, Shape size, Func<Variable, Variable>? nonlinearity = null) : base(nonlinearity)
    {
        Require(filters > 0, $"Conv3D needs at least 1 filter, not {filters}.");
        Require(IsOfThree(size) && size.All(dimension => dimension > 0),
            $"Conv3D needs filters of one or three dimensions from 1 on, not {size}.");
        (Filters, Size) = (filters, Three(size));
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the filters' depth, height and width.</summary>
    public Shape Size { get; }

    /// <summary>Gets or sets the stride, along all axes or each.</summary>
    public Shape Stride { get; init; } = [1];

    /// <summary>
    /// Gets or sets the number of zeros around the volume, along all axes or each; −1 to keep the dimensions at a
    /// stride of 1.
    /// </summary>
    public Shape Pad { get; init; } = [0];

    /// <summary>Gets or sets the distance between adjacent weights of a filter, along all axes or each.</summary>
    public Shape Dilation { get; init; } = [1];

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
        scope.Require(
            input.Rank == 5, $"Conv3D takes volumes, (batch, channels, depth, height, width), not {input.Shape}.");
        scope.Require(IsOfThree(Stride) && Stride.All(step => step > 0),
            $"Conv3D needs one or three strides from 1 on, not {Stride}.");
        scope.Require(IsOfThree(Dilation) && Dilation.All(step => step > 0),
            $"Conv3D needs one or three dilations from 1 on, not {Dilation}.");
        scope.Require(
            IsOfThree(Pad) && Pad.All(pad => pad >= -1), $"Conv3D needs one or three paddings from -1 on, not {Pad}.");
        int channels = input.Shape[1];
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [Filters, channels / Groups, .. Size], W);
        var options = new ConvOptions
        {
            Stride = Stride,
            Padding = Pad,
            Dilation = Dilation,
            Groups = Groups,
            FlipFilters = FlipFilters,
        };
        return Activated(scope, Filters, b => Symbolic.Convolve(scope.Floating(input), w, options, b));
    }

    private static bool IsOfThree(Shape dimensions) => dimensions.Rank is 1 or 3;

    private static Shape Three(Shape dimensions) =>
        dimensions.Rank == 3 ? dimensions : [dimensions[0], dimensions[0], dimensions[0]];
}
