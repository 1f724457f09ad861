using System.Globalization;
using ScottPlot;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Draws the loss at increasing learning rates, as a learning-rate finder tries them.</summary>
public static class LearningRateCurve
{
    /// <summary>
    /// Returns the losses over the learning rates on a logarithmic axis, with the suggested rate.
    /// </summary>
    /// <param name="rates">The learning rates, greater than 0.</param>
    /// <param name="losses">The loss of each.</param>
    /// <param name="suggestion">The learning rate to begin with; it is marked.</param>
    /// <param name="width">The picture's width.</param>
    /// <param name="height">The picture's height.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    /// <exception cref="ArgumentException">There is no rate, or not one loss for each.</exception>
    public static Picture Draw(
        IReadOnlyList<double> rates, IReadOnlyList<double> losses, double suggestion, int width = 640, int height = 420,
        string? title = null, Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(rates);
        ArgumentNullException.ThrowIfNull(losses);
        if (rates.Count == 0 || rates.Count != losses.Count || !rates.All(rate => rate > 0))
        {
            throw new ArgumentException(
                "There must be learning rates greater than 0, and a loss for each.", nameof(rates));
        }

        Theme colors = theme ?? Theme.Light;
        Typefaces.Register();
        return new Picture(width, height, colors, canvas =>
        {
            int top = title is null ? 0 : 34;
            if (title is not null)
            {
                new Pen(canvas, colors).Text(title, width / 2f, 24, 16, align: SKTextAlign.Center, isBold: true);
            }

            using Plot plot = LearningCurves.Framed("loss", "learning rate", colors);
            plot.Axes.Bottom.Label.Text = "learning rate";
            double[] powers = [.. rates.Select(Math.Log10)];
            int first = (int)Math.Floor(powers.Min()), last = (int)Math.Ceiling(powers.Max());
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
                [.. Enumerable.Range(first, last - first + 1).Select(power => (double)power)],
                [.. Enumerable.Range(first, last - first + 1)
                    .Select(power => Math.Pow(10, power).ToString("G3", CultureInfo.InvariantCulture))]);
            var line = plot.Add.ScatterLine(powers, [.. losses], Color.FromSKColor(colors.Series(0)));
            line.LineWidth = 2;
            if (suggestion > 0)
            {
                var mark = plot.Add.VerticalLine(Math.Log10(suggestion), 1.5f, Color.FromSKColor(colors.Series(1)));
                mark.LinePattern = LinePattern.Dashed;
            }

            plot.Axes.Margins(0.04, 0.08);
            LearningCurves.Render(plot, canvas, new PixelRect(0, width, height, top));
        });
    }
}
