using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Describes what pooling layers have in common: windows over images, (batch, channels, height, width).
/// </summary>
public abstract class Pool2D : Layer
{
    private protected Pool2D(Size2D size)
    {
        Require(size.IsPositive, $"{Kind} needs windows of at least 1x1, not {size}.");
        Size = size;
    }

    /// <summary>Gets the windows' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>
    /// By how many pixels the windows are moved on; null for their own size, so that they do not overlap.
    /// </summary>
    public Size2D? Stride { get; init; }

    /// <summary>Gets or sets the border around the image, smaller than a window.</summary>
    public Size2D Pad { get; init; }

    /// <summary>
    /// Gets or sets whether a last window that would stand over the lower or right edge is left out; else it is cut off
    /// there.
    /// </summary>
    public bool IgnoreBorder { get; init; } = true;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        Images.Require(input, scope, this);
        Size2D stride = Stride ?? Size;
        scope.Require(stride.IsPositive, $"{Kind} needs a stride of at least 1x1, not {stride}.");
        scope.Require(Pad is { Height: >= 0, Width: >= 0 } && Pad.Height < Size.Height && Pad.Width < Size.Width,
            $"{Kind} needs a padding smaller than its windows of {Size}, not {Pad}.");
        return Pool(scope.Floating(input), stride);
    }

    private protected abstract Variable Pool(Variable input, Size2D stride);
}

/// <summary>Represents the greatest value in each window; the padding is never the greatest.</summary>
public sealed class MaxPool2D : Pool2D
{
    /// <summary>Windows of this size, which do not overlap unless a stride is given.</summary>
    /// <exception cref="EngineException">The windows are empty.</exception>
    public MaxPool2D(Size2D size) : base(size)
    {
    }

    private protected override Variable Pool(Variable input, Size2D stride) =>
        Symbolic.MaxPool2D(input, Size.Tuple, stride.Tuple, Pad.Tuple, ignoreBorder: IgnoreBorder);
}

/// <summary>Represents the mean of each window's pixels, those of the padding not counted.</summary>
public sealed class AveragePool2D : Pool2D
{
    /// <summary>Windows of this size, which do not overlap unless a stride is given.</summary>
    /// <exception cref="EngineException">The windows are empty.</exception>
    public AveragePool2D(Size2D size) : base(size)
    {
    }

    private protected override Variable Pool(Variable input, Size2D stride) =>
        Symbolic.AveragePool2D(input, Size.Tuple, stride.Tuple, Pad.Tuple, ignoreBorder: IgnoreBorder);
}
