namespace Engine.Data.Pictures;

/// <summary>
/// Resizes a picture's middle square to another side, row by row, so that the picture need not be in memory. Equal
/// margins are cut off; an odd pixel is cut off on the right or at the bottom. A larger square is reduced by a box
/// filter: each new pixel is the mean of the area that it covers, and partly covered pixels count in part. A smaller
/// one is enlarged by linear interpolation. Means are computed from the stored values (sRGB), on white for transparent
/// pixels, and rounded once. A picture that already has the side keeps its values.
/// </summary>
internal ref struct Scaling
{
    private const int Channels = 4, Colors = 3;

    private readonly int _side, _square, _left, _top;
    private readonly Part[] _parts;
    private readonly Span<byte> _planes;
    private readonly double[] _sums;
    private double[] _row, _before;
    private int _y, _next;
    private bool _isBegun;

    /// <summary>Begins a picture.</summary>
    /// <param name="width">The number of pixels in a row.</param>
    /// <param name="height">The number of rows.</param>
    /// <param name="side">The side of the square.</param>
    /// <param name="planes">Receives its planes red, green and blue.</param>
    public Scaling(int width, int height, int side, Span<byte> planes)
    {
        _planes = planes;
        (_side, _square) = (side, Math.Min(width, height));
        (_left, _top, _y) = ((width - _square) / 2, (height - _square) / 2, 0);
        _parts = new Part[side];
        for (int i = 0; i < side; i++)
        {
            _parts[i] = Part.Of(i, _square, side);
        }

        (_sums, _row, _before) = (new double[side * Colors], new double[side * Colors], new double[side * Colors]);
    }

    /// <summary>Adds the picture's next row.</summary>
    /// <param name="pixels">Red, green, blue and opacity of each pixel.</param>
    public void Add(ReadOnlySpan<byte> pixels)
    {
        int y = _y++ - _top;
        if (y < 0 || _next == _side)
        {
            return;
        }

        (_row, _before) = (_before, _row);
        AddUp(pixels.Slice(_left * Channels, _square * Channels), _parts, _row);
        for (; _next < _side && _parts[_next].Start <= y; _next++)
        {
            Part part = _parts[_next];
            if (!_isBegun)
            {
                Array.Clear(_sums);
                if (part.Start < y)
                {
                    // Enlarged, new rows share two old ones.
                    Add(_sums, part.Weights[0], _before);
                }
            }

            Add(_sums, part.Weights[y - part.Start], _row);
            _isBegun = y - part.Start < part.Weights.Length - 1;
            if (_isBegun)
            {
                break;
            }

            Write(part.Sum);
        }
    }

    private readonly void Write(double height)
    {
        for (int j = 0; j < _side; j++)
        {
            double area = height * _parts[j].Sum;
            for (int color = 0; color < Colors; color++)
            {
                _planes[(((color * _side) + _next) * _side) + j] = (byte)((_sums[(j * Colors) + color] / area) + 0.5);
            }
        }
    }

    private static void Add(double[] sums, double weight, double[] row)
    {
        for (int j = 0; j < sums.Length; j++)
        {
            sums[j] += weight * row[j];
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
