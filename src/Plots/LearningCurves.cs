using ScottPlot;
using ScottPlot.Plottables;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Represents the learning curves of a training: a point for each epoch, NaN where there is none.</summary>
/// <param name="Name">The name of the training.</param>
/// <param name="Epochs">The epochs' numbers.</param>
/// <param name="TrainLoss">The training losses.</param>
/// <param name="ValidLoss">The validation losses.</param>
/// <param name="ValidAccuracy">The validation accuracies, from 0 to 1.</param>
public sealed record TrainingCurves(
    string Name,
    IReadOnlyList<double> Epochs,
    IReadOnlyList<double> TrainLoss,
    IReadOnlyList<double> ValidLoss,
    IReadOnlyList<double> ValidAccuracy);

/// <summary>Draws losses and accuracies, epoch by epoch.</summary>
public static class LearningCurves
{
    /// <summary>
    /// Returns a picture of one or several trainings, with losses beside accuracies, or above them if it is narrow.
    /// </summary>
    /// <param name="trainings">The trainings, each in its own color.</param>
    /// <param name="width">The picture's width.</param>
    /// <param name="height">The picture's height.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    public static Picture Draw(
        IReadOnlyList<TrainingCurves> trainings, int width = 1000, int height = 420, string? title = null,
        Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(trainings);
        Theme colors = theme ?? Theme.Light;
        Typefaces.Register();
        bool hasAccuracy = trainings.Any(training => training.ValidAccuracy.Any(double.IsFinite));
        return new Picture(width, height, colors, canvas =>
        {
            int top = title is null ? 0 : 34;
            if (title is not null)
            {
                new Pen(canvas, colors).Text(title, width / 2f, 24, 16, align: SKTextAlign.Center, isBold: true);
            }

            bool isNarrow = width < 1.2 * height;
            float half = isNarrow ? top + ((height - top) / 2f) : width / 2f;
            PixelRect first = !hasAccuracy ? new(0, width, height, top)
                : isNarrow ? new(0, width, half, top)
                : new(0, half, height, top);
            using Plot losses = Losses(trainings, colors);
            Render(losses, canvas, first);
            if (hasAccuracy)
            {
                using Plot accuracies = Accuracies(trainings, colors);
                Render(accuracies, canvas, isNarrow ? new(0, width, height, half) : new(half, width, height, top));
            }
        });
    }

    /// <summary>
    /// Draws only once: on the first call, ScottPlot draws again over the picture when it knows the axes' limits.
    /// </summary>
    internal static void Render(Plot plot, SKCanvas canvas, PixelRect where)
    {
        plot.RenderInMemory((int)where.Width, (int)where.Height);
        plot.Render(canvas, where);
    }

    private static Plot Losses(IReadOnlyList<TrainingCurves> trainings, Theme theme)
    {
        Plot plot = Framed("loss", "epoch", theme);
        for (int i = 0; i < trainings.Count; i++)
        {
            TrainingCurves training = trainings[i];
            Color color = Color.FromSKColor(theme.Series(i));
            string prefix = trainings.Count > 1 ? $"{training.Name}, " : "";
            Line(plot, training.Epochs, training.TrainLoss, color.WithOpacity(0.45), $"{prefix}training");
            Line(plot, training.Epochs, training.ValidLoss, color, $"{prefix}validation");
        }

        return Finished(plot, Alignment.UpperRight, theme);
    }

    private static Plot Accuracies(IReadOnlyList<TrainingCurves> trainings, Theme theme)
    {
        Plot plot = Framed("accuracy, %", "epoch", theme);
        for (int i = 0; i < trainings.Count; i++)
        {
            TrainingCurves training = trainings[i];
            Line(
                plot, training.Epochs, [.. training.ValidAccuracy.Select(accuracy => accuracy * 100)],
                Color.FromSKColor(theme.Series(i)),
                trainings.Count > 1 ? training.Name : "validation");
        }

        return Finished(plot, Alignment.LowerRight, theme);
    }

    internal static Plot Framed(string quantity, string along, Theme theme)
    {
        var plot = new Plot { RenderManager = { ClearCanvasBeforeEachRender = false } };
        plot.Axes.Left.Label.Text = quantity;
        plot.Axes.Bottom.Label.Text = along;
        plot.Axes.Left.Label.Bold = plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.Label.FontSize = plot.Axes.Bottom.Label.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = plot.Axes.Bottom.TickLabelStyle.FontSize = 13;
        plot.Axes.Top.FrameLineStyle.Width = plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.FigureBackground.Color = plot.DataBackground.Color = Colors.Transparent;
        plot.Axes.Color(Color.FromSKColor(theme.Ink));
        plot.Grid.MajorLineColor = Color.FromSKColor(theme.Line);
        return plot;
    }

    internal static Plot Finished(Plot plot, Alignment legend, Theme theme)
    {
        plot.Legend.FontSize = 12;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.Legend.BackgroundColor = Color.FromSKColor(theme.Paper).WithOpacity(0.8);
        plot.Legend.FontColor = Color.FromSKColor(theme.Ink);
        plot.ShowLegend(EmptiestCorner(plot, legend));
        plot.Axes.Margins(0.04, 0.08);
        return plot;
    }

    /// <summary>
    /// Returns the corner where a legend covers the fewest points of the curves. If several are equal, it returns the
    /// preferred one.
    /// </summary>
    private static Alignment EmptiestCorner(Plot plot, Alignment preferred)
    {
        // The approximate share of a plot's sides that a legend covers.
        const double Width = 0.45, Height = 0.3;
        Coordinates[] points = [.. plot.GetPlottables<Scatter>().SelectMany(line => line.Data.GetScatterPoints())];
        if (points.Length == 0)
        {
            return preferred;
        }

        double left = points.Min(point => point.X), bottom = points.Min(point => point.Y);
        double width = Math.Max(points.Max(point => point.X) - left, double.Epsilon);
        double height = Math.Max(points.Max(point => point.Y) - bottom, double.Epsilon);
        Alignment[] corners =
            [preferred, Alignment.UpperRight, Alignment.LowerRight, Alignment.LowerLeft, Alignment.UpperLeft];
        return corners.MinBy(corner => points.Count(point =>
        {
            double x = (point.X - left) / width, y = (point.Y - bottom) / height;
            bool isBeside = corner is Alignment.UpperRight or Alignment.LowerRight ? x > 1 - Width : x < Width;
            return isBeside && (corner is Alignment.UpperRight or Alignment.UpperLeft ? y > 1 - Height : y < Height);
        }));
    }

    private static void Line(
        Plot plot, IReadOnlyList<double> x, IReadOnlyList<double> y, Color color, string name)
    {
        (double X, double Y)[] points = [.. x.Zip(y).Where(point => double.IsFinite(point.Second))];
        if (points.Length == 0)
        {
            return;
        }

        Scatter line = plot.Add.Scatter(
            points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), color);
        line.LegendText = name;
        line.LineWidth = 2;
        // Each epoch has a mark, as long as marks are distinguishable; a training of one epoch has only a mark.
        line.MarkerSize = points.Length <= 30 ? 5 : 0;
    }
}
