using System.Globalization;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Draws the weights that a layer applies to images.</summary>
public static class FilterSheet
{
    private const int Margin = 14, Gap = 8, CaptionSize = 9;

    /// <summary>Returns a tile for each filter, with its number.</summary>
    /// <param name="filters"> The planes of each filter: one, drawn from blue through the paper's color to red, or
    /// three, drawn as red, green and blue around gray.
    /// </param>
    /// <param name="width">The picture's width; its height depends on the tiles.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="note">The note below; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    /// <exception cref="ArgumentException">There is no filter, or a filter does not have one or three
    /// planes.</exception>
    public static Picture Draw(
        IReadOnlyList<IReadOnlyList<Raster>> filters, int width = 800, string? title = null, string? note = null,
        Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(filters);
        if (filters.Count == 0 || filters.Any(filter => filter.Count is not (1 or 3)))
        {
            throw new ArgumentException("There must be filters, each of one plane or of three.", nameof(filters));
        }

        Theme colors = theme ?? Theme.Light;
        (int rows, int columns) = (filters[0][0].Height, filters[0][0].Width);
        // Small filters are enlarged until their pixels are clear; large ones have the size of images.
        float side = Math.Max(rows, columns) <= 12 ? 64 : 72;
        float tileHeight = side * rows / Math.Max(rows, columns), tileWidth = side * columns / Math.Max(rows, columns);
        int max = Math.Clamp((int)((width - (2 * Margin) + Gap) / (tileWidth + Gap)), 1, filters.Count);
        // Each row has the same number of tiles; the remaining width enlarges them.
        int across = Balanced(filters.Count, max);
        float grown = Math.Min(1.35f, (width - (2 * Margin) + Gap - (across * Gap)) / (across * tileWidth));
        float pitchAcross = (tileWidth * grown) + Gap;
        (tileHeight, tileWidth) = (Pen.Sharp(tileHeight * grown, rows), Pen.Sharp(tileWidth * grown, columns));
        int down = (filters.Count + across - 1) / across;
        double extent = Raster.Extent(filters.SelectMany(filter => filter));
        IReadOnlyList<string> noteLines = note is null ? [] : Pen.Lines(note, width - (2 * Margin), 11);

        float top = title is null ? Margin : 44;
        float pitch = tileHeight + CaptionSize + Gap + 3;
        float height = top + (down * pitch) + 26 + (noteLines.Count * 16);
        return new Picture(width, (int)Math.Ceiling(height), colors, canvas =>
        {
            var pen = new Pen(canvas, colors);
            if (title is not null)
            {
                pen.Text(Pen.Fit(title, width - (2 * Margin), 15, isBold: true), Margin, 26, 15, isBold: true);
            }

            for (int i = 0; i < filters.Count; i++)
            {
                float x = Margin + (i % across * pitchAcross), y = top + (i / across * pitch);
                pen.Pixels(rows, columns, Color(filters[i], extent, colors), x, y, tileWidth, tileHeight);
                pen.Frame(x, y, tileWidth, tileHeight, colors.Line);
                pen.Text(
                    i.ToString(CultureInfo.InvariantCulture), x + (tileWidth / 2), y + tileHeight + CaptionSize + 2,
                    CaptionSize, colors.Gray, SKTextAlign.Center);
            }

            float below = top + (down * pitch) + 6;
            string end = extent.ToString("0.###", CultureInfo.InvariantCulture);
            if (filters[0].Count == 1)
            {
                pen.Scale(Margin, below, 120, $"-{end}", end, share => colors.Diverging((2 * share) - 1));
            }
            else
            {
                string scale = $"gray is 0, each of red, green and blue from -{end} to {end}";
                pen.Text(scale, Margin, below + 9, 10, colors.Gray);
            }

            if (note is not null)
            {
                pen.Paragraph(note, Margin, below + 30, width - (2 * Margin), 11, colors.Gray);
            }
        });
    }

    /// <summary>
    /// Returns the number of tiles per row, so that the number of rows stays the same and the last row is as full as
    /// possible.
    /// </summary>
    internal static int Balanced(int count, int max)
    {
        int rows = (count + max - 1) / max;
        return (count + rows - 1) / rows;
    }

    private static Func<int, int, SKColor> Color(IReadOnlyList<Raster> planes, double extent, Theme theme)
    {
        double scale = extent > 0 ? 1 / extent : 0;
        return planes.Count == 1
            ? (row, column) => theme.Diverging(planes[0].At(row, column) * scale)
            : (row, column) => new SKColor(
                Level(planes[0].At(row, column)), Level(planes[1].At(row, column)), Level(planes[2].At(row, column)));

        byte Level(float weight) => (byte)Math.Round(127.5 * (1 + Math.Clamp(weight * scale, -1, 1)));
    }
}
