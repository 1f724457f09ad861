using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Filters moved through volumes, or films: (batch, channels, depth, height, width) to (batch, filters, …), with W (filters,
/// channels / groups, depth, height, width of a filter) and one b a filter. Flipped unless <see cref="FlipFilters"/> says
/// otherwise.
/// </summary>
public sealed class Conv3D : Layer
{
    /// <summary>
    /// Creates a layer of so many filters, whose size is one number for all three axes or one for each.
    /// </summary>
    /// <exception cref="EngineException">There are no filters, or they are empty.</exception>
    public Conv3D(int filters, Shape size, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(filters > 0, $"Conv3D needs at least 1 filter, not {filters}.");
        Require(IsOfThree(size) && size.All(side => side > 0), $"Conv3D needs filters of one or three sides from 1 on, not {size}.");
        (Filters, Size, Nonlinearity) = (filters, Three(size), nonlinearity ?? Symbolic.Rectify);
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the filters' depth, height and width.</summary>
    public Shape Size { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>By how much the filters are moved on, along all axes or each.</summary>
    public Shape Stride { get; init; } = [1];

    /// <summary>
    /// Gets or sets the zeros around the volume, along all axes or each; −1 for as many as keep the sides with a stride
    /// of 1.
    /// </summary>
    public Shape Pad { get; init; } = [0];

    /// <summary>Gets or sets the steps from one weight of a filter to the next, along all axes or each.</summary>
    public Shape Dilation { get; init; } = [1];

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
        scope.Require(input.Rank == 5, $"Conv3D takes volumes, (batch, channels, depth, height, width), not {input.Shape}.");
        scope.Require(IsOfThree(Stride) && Stride.All(step => step > 0), $"Conv3D needs one or three strides from 1 on, not {Stride}.");
        scope.Require(IsOfThree(Dilation) && Dilation.All(step => step > 0), $"Conv3D needs one or three dilations from 1 on, not {Dilation}.");
        scope.Require(IsOfThree(Pad) && Pad.All(pad => pad >= -1), $"Conv3D needs one or three paddings from -1 on, not {Pad}.");
        int channels = input.Shape[1];
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [Filters, channels / Groups, .. Size], W);
        SharedVariable? b = B is null ? null : scope.Parameter("b", [Filters], B, isRegularized: false);
        var options = new ConvOptions { Stride = Stride, Padding = Pad, Dilation = Dilation, Groups = Groups, FlipFilters = FlipFilters };
        return Nonlinearity(Symbolic.Convolve(scope.Floating(input), w, options, b));
    }

    private static bool IsOfThree(Shape sides) => sides.Rank is 1 or 3;

    private static Shape Three(Shape sides) => sides.Rank == 3 ? sides : [sides[0], sides[0], sides[0]];
}
