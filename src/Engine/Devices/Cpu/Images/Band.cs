namespace Engine.Devices.Cpu;

/// <summary>
/// A part of a result's plane whose pixels are contiguous: rows <paramref name="Top"/> to <paramref name="Bottom"/>,
/// complete unless there is only one, and their columns <paramref name="Left"/> to <paramref name="Right"/>.
/// </summary>
internal readonly record struct Band(int Top, int Bottom, int Left, int Right)
{
    internal int Rows => Bottom - Top;

    internal int Columns => Right - Left;

    internal int Pixels => Rows * Columns;
}

/// <summary>
/// A result's plane cut into bands. There are <paramref name="Down"/> bands of nearly equal numbers of rows. If a
/// single row is too long, each row is cut into <paramref name="Across"/> pieces.
/// </summary>
internal readonly record struct Bands(int Height, int Width, int Down, int Across)
{
    /// <summary>Cuts a plane into bands of at most this many pixels, but at least one.</summary>
    internal static Bands Of(int height, int width, long maxPixels)
    {
        long max = Math.Max(1, maxPixels);
        return width <= max
            ? new Bands(height, width, Ceiling(height, Math.Max(1, max / Math.Max(width, 1))), 1)
            : new Bands(height, width, height, Ceiling(width, max));
    }

    internal int Count => Down * Across;

    /// <summary>The pixels of the largest band.</summary>
    internal int MaxPixels => MaxRows * Ceiling(Width, Across);

    /// <summary>The rows of the highest band.</summary>
    internal int MaxRows => Ceiling(Height, Math.Max(Down, 1));

    internal Band this[int index]
    {
        get
        {
            (int i, int j) = Math.DivRem(index, Across);
            (int top, int bottom) = (Part(Height, i, Down), Part(Height, i + 1, Down));
            return new Band(top, bottom, Part(Width, j, Across), Part(Width, j + 1, Across));
        }
    }

    private static int Part(int length, int i, int parts) => (int)((long)length * i / parts);

    private static int Ceiling(int value, long divisor) => (int)((value + divisor - 1) / divisor);
}
