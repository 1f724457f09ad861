using ScottPlot;
using ScottPlot.Plottables;

namespace Engine.Plots;

/// <summary>Represents a trial of a search.</summary>
/// <param name="X">The setting on the horizontal axis.</param>
/// <param name="Score">The score; NaN if there is none.</param>
/// <param name="Series">The series: the epochs of its round.</param>
public sealed record SearchPoint(double X, double Score, string Series);

/// <summary>Draws the scores of a search's trials over one of their settings.</summary>
public static class SearchPlot
{
    /// <summary>Returns a picture with a mark for each trial, in the color of its series.</summary>
    /// <param name="points">The trials.</param>
    /// <param name="setting">The label of the horizontal axis.</param>
    /// <param name="score">The label of the vertical axis.</param>
    /// <param name="isLogarithmic">Whether the horizontal axis is logarithmic.</param>
    /// <param name="width">The picture's width.</param>
    /// <param name="height">The picture's height.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    public static Picture Draw(
        IReadOnlyList<SearchPoint> points, string setting, string score, bool isLogarithmic, int width = 800,
        int height = 420,
        Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(points);
        Theme colors = theme ?? Theme.Light;
        Typefaces.Register();
        return new Picture(width, height, colors, canvas =>
        {
            using Plot plot = LearningCurves.Framed(score, setting, colors);
            plot.Axes.Bottom.TickGenerator = isLogarithmic
                ? new ScottPlot.TickGenerators.NumericAutomatic
                {
                    LabelFormatter =
                        power => Math.Pow(10, power).ToString("G2", System.Globalization.CultureInfo.InvariantCulture),
                }
                : new ScottPlot.TickGenerators.NumericAutomatic();
            foreach ((int i, IGrouping<string, SearchPoint> series) in points.GroupBy(point => point.Series).Index())
            {
                SearchPoint[] known =
                    [.. series.Where(point => double.IsFinite(point.Score) && (!isLogarithmic || point.X > 0))];
                if (known.Length == 0)
                {
                    continue;
                }

                Scatter marks = plot.Add.ScatterPoints(
                    known.Select(point => isLogarithmic ? Math.Log10(point.X) : point.X).ToArray(),
                    known.Select(point => point.Score).ToArray(), Color.FromSKColor(colors.Series(i)));
                marks.MarkerSize = 8;
                marks.LegendText = series.Key;
            }

            LearningCurves.Render(LearningCurves.Finished(plot, Alignment.LowerRight, colors), canvas,
                new PixelRect(0, width, height, 0));
        });
    }
}
