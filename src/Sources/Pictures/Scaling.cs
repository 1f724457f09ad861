namespace Engine.Data.Pictures;

/// <summary>
/// Resizes a picture's middle square to another side. Equal margins are cut off; an odd pixel is cut off on the right
/// or at the bottom. A larger square is reduced by a box filter: each new pixel is the mean of the area that it covers,
/// and partly covered pixels count in part. A smaller one is enlarged by linear interpolation. Means are computed from
/// the stored values (sRGB), on white for transparent pixels, and rounded once. A picture that already has the side
/// keeps its values.
/// </summary>
internal static class Scaling
{
    private const int Channels = 4, Colors = 3;

    /// <summary>Resizes a picture's middle square.</summary>
    /// <param name="pixels">Red, green, blue and opacity of each pixel, row by row.</param>
    /// <param name="width">The number of pixels in a row.</param>
    /// <param name="height">The number of rows.</param>
    /// <param name="side">The side of the square.</param>
    /// <param name="planes">Receives its planes red, green and blue.</param>
    public static void ToSquare(ReadOnlySpan<byte> pixels, int width, int height, int side, Span<byte> planes)
    {
        int square = Math.Min(width, height), left = (width - square) / 2, top = (height - square) / 2;
        Part[] parts = [.. Enumerable.Range(0, side).Select(i => Part.Of(i, square, side))];
        double[] row = new double[side * Colors], sums = new double[side * Colors];
        int y = -1;
        for (int i = 0; i < side; i++)
        {
            Array.Clear(sums);
            for (int k = 0; k < parts[i].Weights.Length; k++)
            {
                // A row that two new rows share is summed only once.
                if (parts[i].Start + k != y)
                {
                    y = parts[i].Start + k;
                    AddUp(pixels.Slice((((top + y) * width) + left) * Channels, square * Channels), parts, row);
                }

                for (int j = 0; j < sums.Length; j++)
                {
                    sums[j] += parts[i].Weights[k] * row[j];
                }
            }

            for (int j = 0; j < side; j++)
            {
                double area = parts[i].Sum * parts[j].Sum;
                for (int color = 0; color < Colors; color++)
                {
                    planes[(((color * side) + i) * side) + j] = (byte)((sums[(j * Colors) + color] / area) + 0.5);
                }
            }
        }
    }

    /// <summary>Computes the weighted sums of a row's pixels.</summary>
    private static void AddUp(ReadOnlySpan<byte> pixels, Part[] parts, double[] sums)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            double red = 0, green = 0, blue = 0;
            for (int k = 0; k < parts[i].Weights.Length; k++)
            {
                ReadOnlySpan<byte> pixel = pixels.Slice((parts[i].Start + k) * Channels, Channels);
                double weight = parts[i].Weights[k];
                red += weight * OnWhite(pixel[0], pixel[3]);
                green += weight * OnWhite(pixel[1], pixel[3]);
                blue += weight * OnWhite(pixel[2], pixel[3]);
            }

            (sums[i * Colors], sums[(i * Colors) + 1], sums[(i * Colors) + 2]) = (red, green, blue);
        }
    }

    private static double OnWhite(byte value, byte opacity) =>
        opacity == byte.MaxValue ? value : 255 + ((value - 255) * (opacity / 255.0));

    /// <summary>
    /// The sources of a new pixel along one side: the old pixels from a first one on, each with its weight.
    /// </summary>
    private readonly record struct Part(int Start, double[] Weights, double Sum)
    {
        public static Part Of(int index, int old, int side)
        {
            double step = (double)old / side, from = index * step, to = (index + 1) * step;
            if (old < side)
            {
                // Interpolates between the centers of old pixels; outside the first and last center the value is that
                // pixel's.
                double at = Math.Clamp(((from + to) / 2) - 0.5, 0, old - 1);
                int first = Math.Min((int)at, Math.Max(old - 2, 0));
                return old == 1 ? new Part(0, [1], 1) : new Part(first, [first + 1 - at, at - first], 1);
            }

            int start = (int)from, end = Math.Min((int)Math.Ceiling(to), old);
            double[] weights =
                [.. Enumerable.Range(start, end - start).Select(i => Math.Min(to, i + 1) - Math.Max(from, i))];
            return new Part(start, weights, weights.Sum());
        }
    }
}
