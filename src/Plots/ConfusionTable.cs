using System.Globalization;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Draws confusion matrices.</summary>
public static class ConfusionTable
{
    private const int Margin = 14;

    /// <summary>
    /// Returns a row for each class, in percent of its samples: right predictions in blue, wrong ones in orange, darker
    /// for higher shares.
    /// </summary>
    /// <param name="counts">The number of samples of the class of the row that are predicted as the class of the
    /// column.</param>
    /// <param name="names">The classes' names.</param>
    /// <param name="width">The picture's width; its height depends on the rows.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    /// <exception cref="ArgumentException">The numbers of rows, columns and names differ.</exception>
    public static Picture Draw(
        int[,] counts, IReadOnlyList<string> names, int width = 640, string? title = null, Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(names);
        int classes = names.Count;
        if (classes == 0 || counts.GetLength(0) != classes || counts.GetLength(1) != classes)
        {
            throw new ArgumentException(
                $"{classes} names do not fit counts of {counts.GetLength(0)}x{counts.GetLength(1)}.", nameof(names));
        }

        Theme colors = theme ?? Theme.Light;
        bool isNarrow = width < 480;
        float nameSize = isNarrow ? 10 : 12;
        const string Rows = "is ↓";
        float longest =
            Math.Max(Math.Min(names.Max(name => Pen.Measure(name, nameSize)), width / 4f), Pen.Measure(Rows, nameSize));
        float left = Margin + longest + 8;
        // A slanted name extends beyond the last column.
        const float Degrees = 50;
        float lean = longest * MathF.Cos(Degrees * MathF.PI / 180);
        float rise = longest * MathF.Sin(Degrees * MathF.PI / 180);
        float cell = Math.Min(64, (width - left - Math.Max(Margin, lean - 4)) / classes);
        float cellHeight = Math.Min(cell, 44);
        float top = (title is null ? 26 : 58) + rise + 12;
        const string Explained =
            "A row's percentages are of the samples of its class; a column is what they are taken for. "
            + "Blue is right, orange is wrong.";
        int noteLines = Pen.Lines(Explained, width - (2 * Margin), 11).Count;
        float height = top + (classes * cellHeight) + 18 + (noteLines * 16);
        double worst = Worst(counts, classes);

        return new Picture(width, (int)Math.Ceiling(height), colors, canvas =>
        {
            var pen = new Pen(canvas, colors);
            if (title is not null)
            {
                pen.Text(Pen.Fit(title, width - (2 * Margin), 15, isBold: true), Margin, 26, 15, isBold: true);
            }

            pen.Text("taken for →", left, top - rise - 16, nameSize, colors.Gray);
            pen.Text(Rows, left - 8, top - 8, nameSize, colors.Gray, SKTextAlign.Right);
            for (int i = 0; i < classes; i++)
            {
                string name = Pen.Fit(names[i], longest, nameSize);
                float baseLine = top + ((i + 0.5f) * cellHeight) + (nameSize * 0.36f);
                pen.Text(name, left - 8, baseLine, nameSize, align: SKTextAlign.Right);
                pen.Slanted(name, left + ((i + 0.5f) * cell) + 2, top - 6, nameSize, Degrees);
                int samples = Samples(counts, classes, i);
                for (int j = 0; j < classes; j++)
                {
                    double share = samples == 0 ? 0 : (double)counts[i, j] / samples;
                    SKColor shade = i == j
                        ? colors.Shade(colors.Good, share)
                        : colors.Shade(colors.Bad, worst > 0 ? 0.85 * share / worst : 0);
                    float x = left + (j * cell), y = top + (i * cellHeight);
                    pen.Box(x, y, cell - 1, cellHeight - 1, samples == 0 ? colors.Line : shade);
                    if (counts[i, j] > 0 && cell >= 15)
                    {
                        string percent = (100 * share).ToString("0", CultureInfo.InvariantCulture);
                        float size = isNarrow ? Math.Min(10, cell * 0.45f) : 13;
                        pen.Text(
                            percent, x + ((cell - 1) / 2), y + ((cellHeight - 1) / 2) + (size * 0.36f), size,
                            Theme.TextOn(shade), SKTextAlign.Center, i == j);
                    }
                }
            }

            pen.Paragraph(Explained, Margin, top + (classes * cellHeight) + 20, width - (2 * Margin), 11, colors.Gray);
        });
    }

    private static int Samples(int[,] counts, int classes, int label) =>
        Enumerable.Range(0, classes).Sum(predicted => counts[label, predicted]);

    /// <summary>Returns the largest share of a class that is predicted as another one.</summary>
    private static double Worst(int[,] counts, int classes) => Enumerable.Range(0, classes)
        .Max(label => Enumerable.Range(0, classes).Where(predicted => predicted != label)
            .Select(predicted => (double)counts[label, predicted] / Math.Max(1, Samples(counts, classes, label)))
            .DefaultIfEmpty().Max());
}
