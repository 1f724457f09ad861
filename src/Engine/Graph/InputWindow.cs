namespace Engine.Graph;

/// <summary>Describes what of its images an op looks at for one pixel of those that it makes.</summary>
/// <param name="Size">The height and width of the part of the images.</param>
/// <param name="Stride">By how many pixels that part moves on for the next pixel, down and across.</param>
/// <param name="IsFilter">Whether a filter, whose weights are learned, stands over it.</param>
public readonly record struct InputWindow((int Height, int Width) Size, (int Height, int Width) Stride, bool IsFilter = false)
{
    /// <summary>Gets the pixel at the same place alone.</summary>
    public static InputWindow Pixel => new((1, 1), (1, 1));
}
