using System.Globalization;

namespace Engine.Runner;

/// <summary>Prints several trainings as a table, from their histories.</summary>
internal static class RunComparison
{
    /// <summary>Returns a row for each training, with its results and its time. The best figures have a star.</summary>
    public static string Print(IReadOnlyList<History> runs)
    {
        var table = new TextTable("run", ">epochs", ">train loss", ">valid loss ", ">valid accuracy ", ">in epoch",
            ">test accuracy ", ">s an epoch ");
        EpochFigures[] best = [.. runs.Select(run => Best(run.Epochs))];
        double[] seconds =
            [.. runs.Select(run =>
                run.Epochs.Select(epoch => epoch.Seconds).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average())];
        double loss = Min(best.Select(epoch => epoch.ValidLoss)),
            accuracy = -Min(best.Select(epoch => -epoch.ValidAccuracy));
        double test = -Min(runs.Select(run => -(run.TestAccuracy ?? double.NaN))), fastest = Min(seconds);
        foreach ((int i, History run) in runs.Index())
        {
            table.Add(
                run.Name, Text(run.Epochs.Count, "0"), Text(best[i].TrainLoss, "F4"),
                Text(best[i].ValidLoss, "F4", loss), Text(best[i].ValidAccuracy, "F4", accuracy),
                Text(best[i].Epoch, "0"), Text(run.TestAccuracy ?? double.NaN, "F4", test),
                Text(seconds[i], "F3", fastest));
        }

        return $"{table}* the best; losses and accuracies are those of the epoch with the smallest loss of the "
            + "validation samples\n";

        static string Text(double value, string format, double? best = null) =>
            (double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture))
                + (best is null ? "" : value == best ? "*" : " ");

        static double Min(IEnumerable<double> values) =>
            values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();
    }

    /// <summary>
    /// Returns the epoch with the smallest validation loss, or the last one if there is no validation.
    /// </summary>
    private static EpochFigures Best(IReadOnlyList<EpochFigures> epochs) =>
        epochs.Where(epoch => double.IsFinite(epoch.ValidLoss)).MinBy(epoch => epoch.ValidLoss) ?? epochs[^1];
}
