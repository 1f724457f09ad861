using System.Globalization;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Draws the weights with which a layer looks at images.</summary>
public static class FilterSheet
{
    private const int Margin = 14, Gap = 8, CaptionSize = 9;

    /// <summary>Returns a tile for each filter, with its number.</summary>
    /// <param name="filters">
    /// For each filter its planes: one, drawn from blue over the paper's color to red, or three, drawn as red, green
    /// and blue around gray.
    /// </param>
    /// <param name="width">The picture's width; its height is what the tiles need.</param>
    /// <param name="title">What stands above; null for nothing.</param>
    /// <param name="note">What stands below; null for nothing.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    /// <exception cref="ArgumentException">There is no filter, or one has neither one plane nor three.</exception>
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
        // Small filters as large as can be told apart, large ones as images are shown.
        float side = Math.Max(rows, columns) <= 12 ? 64 : 72;
        float tileHeight = side * rows / Math.Max(rows, columns), tileWidth = side * columns / Math.Max(rows, columns);
        int most = Math.Clamp((int)((width - (2 * Margin) + Gap) / (tileWidth + Gap)), 1, filters.Count);
        // As many in each row; what is left over goes into the tiles.
        int across = Balanced(filters.Count, most);
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
    /// How many tiles to put side by side, so that as many rows are needed and the last is as full as can be.
    /// </summary>
    internal static int Balanced(int count, int most)
    {
        int rows = (count + most - 1) / most;
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
