using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Convolves sequences or signals with filters: (batch, channels, length) to (batch, filters, length'), with W
/// (filters, channels / groups, size) and one b per filter. Filters are flipped, as in Conv2D, unless
/// <see cref="FilterLayer.FlipFilters"/> is false.
/// </summary>
public sealed class Conv1D : FilterLayer
{
    /// <summary>Creates a layer with a number of filters.</summary>
    /// <exception cref="EngineException">The number or the size of filters is not positive.</exception>
    public Conv1D(int filters, int size, Func<Variable, Variable>? nonlinearity = null) : base(nonlinearity)
    {
        Require(filters > 0 && size > 0, $"Conv1D needs at least 1 filter of at least 1, not {filters} of {size}.");
        (Filters, Size) = (filters, size);
    }

    /// <summary>Gets the number of output channels.</summary>
    public int Filters { get; }

    /// <summary>Gets the filters' length.</summary>
    public int Size { get; }

    /// <summary>Gets or sets the stride.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>
    /// Gets or sets the number of zeros at both ends: a number, <c>"valid"</c>, <c>"same"</c> or <c>"full"</c>.
    /// </summary>
    public Padding Pad { get; init; } = 0;

    /// <summary>Gets or sets the distance between adjacent weights of a filter.</summary>
    public int Dilation { get; init; } = 1;

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
        Signals.Require(input, scope, this);
        int channels = input.Shape[1];
        scope.Require(Stride > 0, $"Conv1D needs a stride of at least 1, not {Stride}.");
        scope.Require(Dilation > 0, $"Conv1D needs a dilation of at least 1, not {Dilation}.");
        scope.Require(Pad.IsValid, $"Conv1D cannot have the padding {Pad}.");
        Images.RequireGroups(Groups, channels, Filters, scope, this);
        SharedVariable w = scope.Parameter("W", [Filters, channels / Groups, Size], W);
        int pad = scope.Checked(() => Pad.For(new Size2D(1, Size).Dilated((1, Dilation)))).Width;
        var options = new ConvOptions
        {
            Stride = [Stride],
            Padding = [pad],
            Dilation = [Dilation],
            Groups = Groups,
            FlipFilters = FlipFilters,
        };
        return Activated(scope, Filters, b => Symbolic.Convolve(scope.Floating(input), w, options, b));
    }
}

/// <summary>Represents the base of pooling layers of signals: windows along (batch, channels, length).</summary>
public abstract class Pool1D : Layer
{
    private protected Pool1D(int size)
    {
        Require(size > 0, $"{Kind} needs windows of at least 1, not {size}.");
        Size = size;
    }

    /// <summary>Gets the windows' length.</summary>
    public int Size { get; }

    /// <summary>Gets or sets the stride; null for the windows' length.</summary>
    public int? Stride { get; init; }

    /// <summary>Gets or sets the padding at both ends, which is smaller than a window.</summary>
    public int Pad { get; init; }

    /// <summary>
    /// Gets or sets whether a last window that extends beyond the end is left out; else it is cut off there, unless it
    /// would begin in the padding behind the end (PyTorch's <c>ceil_mode</c>).
    /// </summary>
    public bool IgnoreBorder { get; init; } = true;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        Variable x = Signals.AsImages(input, scope, this);
        scope.Require((Stride ?? Size) > 0, $"{Kind} needs a stride of at least 1, not {Stride}.");
        scope.Require(Pad >= 0 && Pad < Size, $"{Kind} needs a padding smaller than its windows of {Size}, not {Pad}.");
        return Signals.AsSignals(Pool(x, (1, Size), (1, Stride ?? Size), (0, Pad)));
    }

    private protected abstract Variable Pool(Variable x, (int, int) size, (int, int) stride, (int, int) pad);
}

/// <summary>Computes the largest value in each window of a signal; the padding is never the largest.</summary>
public sealed class MaxPool1D : Pool1D
{
    /// <summary>Creates windows of this length, which do not overlap unless a stride is set.</summary>
    /// <exception cref="EngineException">The length is not positive.</exception>
    public MaxPool1D(int size) : base(size)
    {
    }

    private protected override Variable Pool(Variable x, (int, int) size, (int, int) stride, (int, int) pad) =>
        Symbolic.MaxPool2D(x, size, stride, pad, ignoreBorder: IgnoreBorder);
}

/// <summary>Computes the mean of each window of a signal, without the padding.</summary>
public sealed class AveragePool1D : Pool1D
{
    /// <summary>Creates windows of this length, which do not overlap unless a stride is set.</summary>
    /// <exception cref="EngineException">The length is not positive.</exception>
    public AveragePool1D(int size) : base(size)
    {
    }

    private protected override Variable Pool(Variable x, (int, int) size, (int, int) stride, (int, int) pad) =>
        Symbolic.AveragePool2D(x, size, stride, pad, ignoreBorder: IgnoreBorder);
}

/// <summary>Converts signals, (batch, channels, length), to images of height 1 and back.</summary>
internal static class Signals
{
    public static void Require(Variable input, LayerScope scope, Layer layer) => scope.Require(
        input.Rank == 3, $"{layer.Kind} takes signals, (batch, channels, length), not {input.Shape}.");

    public static Variable AsImages(Variable input, LayerScope scope, Layer layer)
    {
        Require(input, scope, layer);
        return Symbolic.Reshape(scope.Floating(input), [-1, input.Shape[1], 1, input.Shape[2]]);
    }

    public static Variable AsSignals(Variable images) =>
        Symbolic.Reshape(images, [-1, images.Shape[1], images.Shape[3]]);
}
