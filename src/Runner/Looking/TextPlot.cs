using System.Globalization;

namespace Engine.Runner;

/// <summary>A curve of a text plot.</summary>
/// <param name="Mark">The letter it is drawn with.</param>
/// <param name="Name">The curve's name.</param>
/// <param name="Points">Its points, from left to right; those without a finite height are left out.</param>
internal sealed record TextCurve(char Mark, string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Draws curves as text, for a terminal.</summary>
internal static class TextPlot
{
    /// <summary>The mark of points where curves with different marks meet.</summary>
    private const char Several = '*';

    private const int LabelWidth = 8;

    /// <summary>Returns the lines of a plot; none if no curve has a point.</summary>
    /// <param name="title">The quantity of the vertical axis.</param>
    /// <param name="curves">The curves.</param>
    /// <param name="width">The letters in a line, at least 20.</param>
    /// <param name="height">The lines between the axes.</param>
    public static IReadOnlyList<string> Draw(string title, IReadOnlyList<TextCurve> curves, int width, int height)
    {
        (double X, double Y)[] all =
            [.. curves.SelectMany(curve => curve.Points).Where(point => double.IsFinite(point.Y))];
        if (all.Length == 0)
        {
            return [];
        }

        double left = all.Min(point => point.X), right = all.Max(point => point.X);
        double low = all.Min(point => point.Y), high = all.Max(point => point.Y);
        int columns = width - LabelWidth - 2;
        var cells = new char[height, columns];
        foreach (TextCurve curve in curves)
        {
            (double X, double Y)[] points = [.. curve.Points.Where(point => double.IsFinite(point.Y))];
            for (int i = 0; i < points.Length; i++)
            {
                (int column, int row) = Cell(points[i]);
                Put(column, row, curve.Mark);
                (int toColumn, int toRow) = Cell(points[Math.Min(i + 1, points.Length - 1)]);
                int steps = Math.Max(Math.Abs(toColumn - column), Math.Abs(toRow - row));
                for (int step = 1; step < steps; step++)
                {
                    double part = (double)step / steps;
                    Put(
                        column + (int)Math.Round(part * (toColumn - column)),
                        row + (int)Math.Round(part * (toRow - row)),
                        curve.Mark);
                }
            }
        }

        string legend = string.Join("   ", curves.Select(curve => $"{curve.Mark} {curve.Name}"));
        var lines = new List<string> { $"{title.PadLeft(LabelWidth)}    {legend}" };
        for (int row = 0; row < height; row++)
        {
            // A label at the top, in the middle and at the bottom.
            double value = high - ((high - low) * row / Math.Max(1, height - 1));
            bool isLabeled = row == 0 || row == height - 1 || row == (height - 1) / 2;
            string line = string.Concat(Enumerable.Range(0, columns).Select(column =>
                cells[row, column] == default ? ' ' : cells[row, column]));
            lines.Add($"{(isLabeled ? Number(value) : "").PadLeft(LabelWidth)} |{line}".TrimEnd());
        }

        lines.Add($"{"",LabelWidth} +{new string('-', columns)}");
        string first = left.ToString("0.##", CultureInfo.InvariantCulture),
            last = right.ToString("0.##", CultureInfo.InvariantCulture);
        lines.Add($"{"",LabelWidth}  {first}{last.PadLeft(columns - first.Length)}");
        return lines;

        (int Column, int Row) Cell((double X, double Y) point) => (
            right > left ? (int)Math.Round((point.X - left) / (right - left) * (columns - 1)) : 0,
            high > low ? (int)Math.Round((high - point.Y) / (high - low) * (height - 1)) : height / 2);

        void Put(int column, int row, char mark) =>
            cells[row, column] = cells[row, column] == default || cells[row, column] == mark ? mark : Several;
    }

    private static string Number(double value) => value.ToString(
        Math.Abs(value) switch { >= 1e5 or (> 0 and < 1e-3) => "0.0e0", >= 10 => "0.0", _ => "0.000" },
        CultureInfo.InvariantCulture);
}
