using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Represents the base of pooling layers: windows over images, (batch, channels, height, width).</summary>
public abstract class Pool2D : Layer
{
    private protected Pool2D(Size2D size)
    {
        Require(size.IsPositive, $"{Kind} needs windows of at least 1x1, not {size}.");
        Size = size;
    }

    /// <summary>Gets the windows' height and width.</summary>
    public Size2D Size { get; }

    /// <summary>Gets or sets the stride in pixels; null for the windows' size, so that they do not overlap.</summary>
    public Size2D? Stride { get; init; }

    /// <summary>Gets or sets the padding around the image, which is smaller than a window.</summary>
    public Size2D Pad { get; init; }

    /// <summary>
    /// Gets or sets whether a last window that extends beyond the lower or right edge is left out. Else it is cut off
    /// there (PyTorch's <c>ceil_mode</c>), unless it would begin in the padding behind the edge.
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

/// <summary>Computes the largest value in each window; the padding is never the largest.</summary>
public sealed class MaxPool2D : Pool2D
{
    /// <summary>Creates windows of this size, which do not overlap unless a stride is set.</summary>
    /// <exception cref="EngineException">The size is not positive.</exception>
    public MaxPool2D(Size2D size) : base(size)
    {
    }

    private protected override Variable Pool(Variable input, Size2D stride) =>
        Symbolic.MaxPool2D(input, Size.Tuple, stride.Tuple, Pad.Tuple, ignoreBorder: IgnoreBorder);
}

/// <summary>Computes the mean of each window's pixels, without the padding.</summary>
public sealed class AveragePool2D : Pool2D
{
    /// <summary>Creates windows of this size, which do not overlap unless a stride is set.</summary>
    /// <exception cref="EngineException">The size is not positive.</exception>
    public AveragePool2D(Size2D size) : base(size)
    {
    }

    private protected override Variable Pool(Variable input, Size2D stride) =>
        Symbolic.AveragePool2D(input, Size.Tuple, stride.Tuple, Pad.Tuple, ignoreBorder: IgnoreBorder);
}
