using ScottPlot;
using ScottPlot.Plottables;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>The figures of a training, an epoch each; nan where there is none.</summary>
/// <param name="Name">What the training is called.</param>
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

/// <summary>Draws how losses and accuracies went, epoch by epoch.</summary>
public static class LearningCurves
{
    /// <summary>One or several trainings, losses beside accuracies, or above them where it is narrow.</summary>
    /// <param name="trainings">The trainings, each in a colour of its own.</param>
    /// <param name="width">The picture's width.</param>
    /// <param name="height">The picture's height.</param>
    /// <param name="title">What stands above; null for nothing.</param>
    public static Picture Draw(
        IReadOnlyList<TrainingCurves> trainings, int width = 1000, int height = 420, string? title = null)
    {
        ArgumentNullException.ThrowIfNull(trainings);
        Typefaces.Register();
        bool hasAccuracy = trainings.Any(training => training.ValidAccuracy.Any(double.IsFinite));
        return new Picture(width, height, canvas =>
        {
            int top = title is null ? 0 : 34;
            if (title is not null)
            {
                using var font = new SKFont(Typefaces.Bold, 16);
                using var ink = new SKPaint { Color = Colours.Ink, IsAntialias = true };
                canvas.DrawText(title, width / 2f, 24, SKTextAlign.Center, font, ink);
            }

            bool isNarrow = width < 1.2 * height;
            float half = isNarrow ? top + ((height - top) / 2f) : width / 2f;
            PixelRect first = !hasAccuracy ? new(0, width, height, top)
                : isNarrow ? new(0, width, half, top)
                : new(0, half, height, top);
            using Plot losses = Losses(trainings);
            losses.Render(canvas, first);
            if (hasAccuracy)
            {
                using Plot accuracies = Accuracies(trainings);
                accuracies.Render(canvas, isNarrow ? new(0, width, height, half) : new(half, width, height, top));
            }
        });
    }

    private static Plot Losses(IReadOnlyList<TrainingCurves> trainings)
    {
        Plot plot = Framed("loss");
        for (int i = 0; i < trainings.Count; i++)
        {
            TrainingCurves training = trainings[i];
            Color colour = Color.FromSKColor(Colours.Series(i));
            string of = trainings.Count > 1 ? $"{training.Name}, " : "";
            Line(plot, training.Epochs, training.TrainLoss, colour.WithOpacity(0.45), $"{of}training");
            Line(plot, training.Epochs, training.ValidLoss, colour, $"{of}validation");
        }

        return Finished(plot, Alignment.UpperRight);
    }

    private static Plot Accuracies(IReadOnlyList<TrainingCurves> trainings)
    {
        Plot plot = Framed("accuracy, %");
        for (int i = 0; i < trainings.Count; i++)
        {
            TrainingCurves training = trainings[i];
            Line(
                plot, training.Epochs, [.. training.ValidAccuracy.Select(accuracy => accuracy * 100)],
                Color.FromSKColor(Colours.Series(i)),
                trainings.Count > 1 ? training.Name : "validation");
        }

        return Finished(plot, Alignment.LowerRight);
    }

    private static Plot Framed(string quantity)
    {
        var plot = new Plot { RenderManager = { ClearCanvasBeforeEachRender = false } };
        plot.Axes.Left.Label.Text = quantity;
        plot.Axes.Bottom.Label.Text = "epoch";
        plot.Axes.Left.Label.Bold = plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.Label.FontSize = plot.Axes.Bottom.Label.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = plot.Axes.Bottom.TickLabelStyle.FontSize = 13;
        plot.Axes.Top.FrameLineStyle.Width = plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.Grid.MajorLineColor = Colors.Black.WithOpacity(0.08);
        return plot;
    }

    private static Plot Finished(Plot plot, Alignment legend)
    {
        plot.Legend.FontSize = 12;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.Legend.BackgroundColor = Colors.White.WithOpacity(0.8);
        plot.ShowLegend(legend);
        plot.Axes.Margins(0.04, 0.08);
        return plot;
    }

    private static void Line(
        Plot plot, IReadOnlyList<double> x, IReadOnlyList<double> y, Color colour, string name)
    {
        (double X, double Y)[] points = [.. x.Zip(y).Where(point => double.IsFinite(point.Second))];
        if (points.Length == 0)
        {
            return;
        }

        Scatter line = plot.Add.Scatter(
            points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), colour);
        line.LegendText = name;
        line.LineWidth = 2;
        // A mark for each epoch as long as they can be told apart; a training of one epoch has nothing else.
        line.MarkerSize = points.Length <= 30 ? 5 : 0;
    }
}
