using ScottPlot;

namespace Engine.Plots;

/// <summary>Represents a curve in the square from 0 to 1.</summary>
/// <param name="Name">The name of the curve.</param>
/// <param name="X">The horizontal coordinates.</param>
/// <param name="Y">The vertical coordinates.</param>
public sealed record RateCurve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>Draws ROC curves and the calibration of a classifier.</summary>
public static class QualityCurves
{
    /// <summary>Returns ROC curves beside calibration, or above it if the picture is narrow.</summary>
    /// <param name="rocs">The true positive rate of each class over the false positive rate; each with its
    /// name.</param>
    /// <param name="calibration">The accuracy over the confidence.</param>
    /// <param name="width">The picture's width.</param>
    /// <param name="height">The picture's height.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    public static Picture Draw(
        IReadOnlyList<RateCurve> rocs, RateCurve calibration, int width = 880, int height = 400, Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(rocs);
        ArgumentNullException.ThrowIfNull(calibration);
        Theme colors = theme ?? Theme.Light;
        Typefaces.Register();
        return new Picture(width, height, colors, canvas =>
        {
            bool isNarrow = width < 1.2 * height;
            (PixelRect first, PixelRect second) = isNarrow
                ? (new PixelRect(0, width, height / 2f, 0), new PixelRect(0, width, height, height / 2f))
                : (new PixelRect(0, width / 2f, height, 0), new PixelRect(width / 2f, width, height, 0));
            using Plot apart =
                Square("taken for it, of the class", "taken for it, of all others", rocs, colors, markers: false);
            LearningCurves.Render(apart, canvas, first);
            using Plot sure = Square("right", "sure", [calibration], colors, markers: true);
            LearningCurves.Render(sure, canvas, second);
        });
    }

    private static Plot Square(string up, string along, IReadOnlyList<RateCurve> curves, Theme theme, bool markers)
    {
        Plot plot = LearningCurves.Framed(up, along, theme);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic();
        ScottPlot.Plottables.Scatter diagonal =
            plot.Add.Scatter((double[])[0, 1], (double[])[0, 1], Color.FromSKColor(theme.Line));
        diagonal.LineWidth = 1.5f;
        diagonal.MarkerSize = 0;
        foreach ((int i, RateCurve curve) in curves.Index())
        {
            if (curve.X.Count == 0)
            {
                continue;
            }

            ScottPlot.Plottables.Scatter line =
                plot.Add.Scatter(curve.X.ToArray(), curve.Y.ToArray(), Color.FromSKColor(theme.Series(i)));
            line.LineWidth = 2;
            line.MarkerSize = markers ? 6 : 0;
            line.LegendText = curve.Name;
        }

        LearningCurves.Finished(plot, Alignment.LowerRight, theme);
        plot.Axes.SetLimits(-0.02, 1.02, -0.02, 1.02);
        return plot;
    }
}
