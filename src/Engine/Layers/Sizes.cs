namespace Engine.Layers;

/// <summary>Represents a height and a width; a single number stands for both.</summary>
/// <param name="Height">The height.</param>
/// <param name="Width">The width.</param>
public readonly record struct Size2D(int Height, int Width)
{
    /// <summary>Returns a square.</summary>
    public static implicit operator Size2D(int size) => new(size, size);

    /// <summary>Returns a height and a width.</summary>
    public static implicit operator Size2D((int Height, int Width) size) => new(size.Height, size.Width);

    /// <summary>Returns the size as text, such as <c>3x3</c>.</summary>
    public override string ToString() => $"{Height}x{Width}";

    internal bool IsPositive => Height > 0 && Width > 0;

    internal (int H, int W) Tuple => (Height, Width);

    /// <summary>Returns the size that dilated filters cover, with this distance between adjacent weights.</summary>
    internal Size2D Dilated(Size2D step) => new(((Height - 1) * step.Height) + 1, ((Width - 1) * step.Width) + 1);
}

/// <summary>
/// Describes the zeros that a convolution adds around an image: a number, a (height, width), or a name: <c>"valid"</c>
/// (none), <c>"same"</c> (the output is as large as the input; for odd filters) or <c>"full"</c> (all positions where
/// filter and image overlap).
/// </summary>
public readonly record struct Padding
{
    private readonly Size2D _size;
    private readonly string? _name;

    private Padding(Size2D size, string? name)
    {
        _size = size;
        _name = name;
    }

    /// <summary>Returns the same padding on all sides.</summary>
    public static implicit operator Padding(int size) => new(size, null);

    /// <summary>Returns a padding from its height (top and bottom) and width (left and right).</summary>
    public static implicit operator Padding((int Height, int Width) size) => new(size, null);

    /// <summary>Returns the padding of this name.</summary>
    /// <exception cref="EngineException">There is no padding of this name.</exception>
    public static implicit operator Padding(string name) => name is "valid" or "same" or "full"
        ? new Padding(default, name)
        : throw new EngineException(
            $"There is no padding '{name}': it is 'valid', 'same', 'full' or a number of pixels.");

    /// <summary>Returns the name or the size.</summary>
    public override string ToString() => _name ?? _size.ToString();

    internal bool IsValid => _size is { Height: >= 0, Width: >= 0 };

    internal Size2D For(Size2D filter) => _name switch
    {
        "same" when filter.Height % 2 == 0 || filter.Width % 2 == 0 => throw new EngineException(
            $"The padding 'same' needs a filter of odd dimensions, not {filter}: pad by numbers."),
        "same" => (filter.Height / 2, filter.Width / 2),
        "full" => (filter.Height - 1, filter.Width - 1),
        _ => _size,
    };
}
