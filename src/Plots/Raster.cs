using SkiaSharp;

namespace Engine.Plots;

/// <summary>Represents a number for each pixel of a small picture, in rows.</summary>
/// <param name="Height">The number of rows.</param>
/// <param name="Width">The count of numbers in a row.</param>
/// <param name="Values">The numbers.</param>
public sealed record Raster(int Height, int Width, IReadOnlyList<float> Values)
{
    /// <summary>Gets the largest absolute value; 0 if there is none.</summary>
    internal static double Extent(IEnumerable<Raster> rasters) =>
        rasters.SelectMany(raster => raster.Values).Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();

    internal float At(int row, int column) => Values[(row * Width) + column];
}

/// <summary>Represents a small picture of three planes, red, green and blue, each of values from 0 to 255.</summary>
/// <param name="Height">The number of rows.</param>
/// <param name="Width">The number of pixels in a row.</param>
/// <param name="Planes">The planes one after the other, each in rows.</param>
public sealed record PlanarImage(int Height, int Width, IReadOnlyList<byte> Planes)
{
    internal SKColor At(int row, int column)
    {
        int plane = Height * Width, at = (row * Width) + column;
        return new SKColor(Planes[at], Planes[plane + at], Planes[(2 * plane) + at]);
    }

    /// <summary>Returns the brightness of a pixel, from 0 to 1: the luma of ITU-R BT.601.</summary>
    internal double Luma(int row, int column)
    {
        SKColor color = At(row, column);
        return ((0.299 * color.Red) + (0.587 * color.Green) + (0.114 * color.Blue)) / 255;
    }
}
