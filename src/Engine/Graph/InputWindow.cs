namespace Engine.Graph;

/// <summary>Describes which part of its images an op reads for one pixel of its output.</summary>
/// <param name="Size">The height and width of the part.</param>
/// <param name="Stride">The step of the part from one pixel to the next, down and across, in pixels.</param>
/// <param name="IsFilter">Whether a filter with learned weights is applied to it.</param>
public readonly record struct InputWindow(
    (int Height, int Width) Size, (int Height, int Width) Stride, bool IsFilter = false)
{
    /// <summary>Gets the window of a single pixel, at the same position.</summary>
    public static InputWindow Pixel => new((1, 1), (1, 1));
}
