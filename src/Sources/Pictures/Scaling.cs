namespace Engine.Data.Pictures;

/// <summary>
/// Brings a picture to a square of another side. Of its middle square (what is over stays out in equal parts; an odd
/// pixel on the right or below) each new pixel is the mean of the area that it covers, pixels that it covers in part
/// counting in part; where there are more new pixels than old ones, the value between the nearest old ones on a
/// straight line. Means are taken of the values as they are stored (sRGB), on white where the picture is transparent,
/// and rounded once. A picture that has the side already keeps its values.
/// </summary>
internal static class Scaling
{
    private const int Channels = 4, Colors = 3;

    /// <summary>Brings a picture to a square.</summary>
    /// <param name="pixels">Red, green, blue and opacity of each pixel, row by row.</param>
    /// <param name="width">How many pixels are in a row.</param>
    /// <param name="height">How many rows there are.</param>
    /// <param name="side">The side of the square.</param>
    /// <param name="planes">Takes its planes red, green and blue.</param>
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
                // A row that two new rows share is not summed up again.
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

    /// <summary>The weighted sums of a row's pixels.</summary>
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
    /// What a new pixel is made of along one side: old ones from a first one on, each with its weight.
    /// </summary>
    private readonly record struct Part(int Start, double[] Weights, double Sum)
    {
        public static Part Of(int index, int old, int side)
        {
            double step = (double)old / side, from = index * step, to = (index + 1) * step;
            if (old < side)
            {
                // Between the middles of old pixels; before the first and after the last middle these themselves.
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
