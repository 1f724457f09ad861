using System.Globalization;
using System.Text;
using Engine.Data;
using Engine.Inspection;

namespace Engine.Runner;

/// <summary>Prints several models that were tested on the same samples, as tables.</summary>
/// <param name="Models">The models, two or more, of the same target.</param>
/// <param name="Truth">The class, or the value, of each sample.</param>
internal sealed record ModelComparison(IReadOnlyList<ComparedModel> Models, Column Truth)
{
    private const int MaxClasses = 30;

    /// <summary>The figures for which less is better; for all others, more is better.</summary>
    private static readonly string[] s_errors = ["log_loss", "calibration_error", "mae", "rmse"];

    private bool AreClasses => Models[0].Target is ClassTarget;

    /// <summary>
    /// Returns tables of the models, the classes, the pairs of models, and samples on which they differ.
    /// </summary>
    /// <param name="count">The number of samples to show on which they differ.</param>
    public string Print(int count) => string.Join('\n', new[]
    {
        Scores(), AreClasses ? OfClasses() : "", AreClasses ? Agreement() : Nearness(), count > 0
            ? Differences(count)
            : "",
    }.Where(part => part.Length > 0));

    /// <summary>Returns a row of figures for each model; the best ones have a star.</summary>
    private string Scores()
    {
        string[] figures = [.. Models[0].Report.Metrics.Keys];
        double[] best =
            [.. figures.Select(figure =>
                Models.Select(model => model.Report.Metrics[figure]).Where(double.IsFinite) is var all && !all.Any()
                    ? double.NaN : s_errors.Contains(figure) ? all.Min() : all.Max())];
        var table =
            new TextTable(["model", "network", ">parameters", .. figures.Select(figure => $">{Said(figure)} ")]);
        foreach (ComparedModel model in Models)
        {
            table.Add([model.Name, model.Network, TextTable.Digits(model.Parameters), .. figures.Select((figure, i) =>
                Text(model.Report.Metrics[figure]) + (model.Report.Metrics[figure] == best[i] ? "*" : " "))]);
        }

        return $"{table}* the best\n";

        string Text(double value) => AreClasses
            ? value.ToString("F4", CultureInfo.InvariantCulture)
            : value.ToString("G5", CultureInfo.InvariantCulture);

        static string Said(string figure) => figure == "r2" ? "R²" : figure.Replace('_', ' ');
    }

    /// <summary>Returns the F1 of each class; of many classes, of those on which the models differ most.</summary>
    private string OfClasses()
    {
        ConfusionMatrix[] matrices = [.. Models.Select(model => ((ClassificationReport)model.Report).Confusion)];
        IReadOnlyList<string> names = matrices[0].Names!;
        double[][] scores = [.. names.Select(name => matrices.Select(matrix => F1(matrix, name)).ToArray())];
        int[] shown = [.. Enumerable.Range(0, names.Count)
            .OrderByDescending(c => names.Count > MaxClasses ? scores[c].Max() - scores[c].Min() : 0).Take(MaxClasses)];
        var table = new TextTable(
            ["f1-score of class", ">samples", .. Models.Select(model => $">{model.Name}"),
                Models.Count == 2 ? ">difference" : ">spread"]);
        foreach (int c in shown)
        {
            double difference = Models.Count == 2 ? scores[c][1] - scores[c][0] : scores[c].Max() - scores[c].Min();
            table.Add([
                Table.Short(names[c]), TextTable.Digits(matrices[0].Samples(c)),
                .. scores[c].Select(score => score.ToString("F2", CultureInfo.InvariantCulture)),
                difference.ToString(Models.Count == 2 ? "+0.00;-0.00;0.00" : "0.00", CultureInfo.InvariantCulture)]);
        }

        return $"{table}"
            + (names.Count > MaxClasses ? $"… of {names.Count} classes those of which they differ most\n" : "");

        static double F1(ConfusionMatrix matrix, string name) =>
            matrix.F1(matrix.Names!.Index().First(one => one.Item == name).Index) is var score && double.IsNaN(score)
                ? 0
                : score;
    }

    /// <summary>
    /// Returns how often both models of a pair are right, and whether one is better by more than chance.
    /// </summary>
    private string Agreement()
    {
        var table =
            new TextTable("models", ">same answer", ">both right", ">first only", ">second only", ">both wrong", ">p");
        foreach ((ComparedModel a, ComparedModel b) in Pairs())
        {
            int same = 0, both = 0, first = 0, second = 0;
            for (int i = 0; i < Truth.Count; i++)
            {
                string? truth = Truth.Text(i);
                (bool left, bool right) = (a.Classes[i] == truth, b.Classes[i] == truth);
                same += a.Classes[i] == b.Classes[i] ? 1 : 0;
                (both, first, second) = (both + (left && right ? 1 : 0), first + (left && !right ? 1 : 0),
                    second + (!left && right ? 1 : 0));
            }

            table.Add(
                $"{a.Name}, {b.Name}", Percent((double)same / Truth.Count), TextTable.Digits(both),
                TextTable.Digits(first), TextTable.Digits(second),
                TextTable.Digits(Truth.Count - both - first - second), P(first, second));
        }

        return $"{table}p: how likely so uneven a count is where both are equally good (McNemar's exact test)\n";
    }

    /// <summary>
    /// Returns how often each model of a pair is nearer to the truth, and whether one is so by more than chance.
    /// </summary>
    private string Nearness()
    {
        double[] truth = [.. ((NumberColumn)Truth).Values];
        var table = new TextTable("models", ">mean distance", ">first nearer", ">second nearer", ">p");
        foreach ((ComparedModel a, ComparedModel b) in Pairs())
        {
            int[] signs = [.. truth.Select((y, i) => Math.Abs(a.Values[i] - y).CompareTo(Math.Abs(b.Values[i] - y)))];
            int first = signs.Count(sign => sign < 0), second = signs.Count(sign => sign > 0);
            table.Add(
                $"{a.Name}, {b.Name}", truth.Index().Average(one => Math.Abs(a.Values[one.Index] - b.Values[one.Index]))
                    .ToString("G5", CultureInfo.InvariantCulture),
                TextTable.Digits(first), TextTable.Digits(second), P(first, second));
        }

        return $"{table}p: how likely so uneven a count is where both are equally good (exact sign test)\n";
    }

    /// <summary>
    /// Returns the samples on which the models differ most, numbered from 0 among the compared samples.
    /// </summary>
    private string Differences(int count)
    {
        (int Sample, double Weight)[] all =
        [
            .. Enumerable.Range(0, Truth.Count).Select(i => (Sample: i, Weight: Weight(i))).Where(one => one.Weight > 0)
            .OrderByDescending(one => one.Weight),
        ];
        if (all.Length == 0)
        {
            return AreClasses ? "They take each sample for the same.\n" : "They predict the same of each sample.\n";
        }

        var table =
            new TextTable(
                [">sample", AreClasses ? "truth" : ">truth",
                    .. Models.Select(model => AreClasses ? model.Name : $">{model.Name}")]);
        foreach ((int i, _) in all.Take(count))
        {
            table.Add([
                i.ToString(CultureInfo.InvariantCulture), Table.Short(Truth.Text(i)!),
                .. Models.Select(model => AreClasses
                    ? FormattableString.Invariant($"{Table.Short(model.Classes[i])} {model.Sureness(i):F2}")
                    : model.Values[i].ToString("G6", CultureInfo.InvariantCulture))]);
        }

        return AreClasses
            ? string.Create(CultureInfo.InvariantCulture, $"{all.Length:N0} of {Truth.Count:N0} samples get different "
                + $"answers; those of which the models are surest:\n{table}")
            : $"The samples on which they differ most:\n{table}";

        double Weight(int i) => AreClasses
            ? Models.Select(model => model.Classes[i]).Distinct().Count() > 1
                ? Models.Sum(model => model.Sureness(i))
                : 0
            : Models.Max(model => model.Values[i]) - Models.Min(model => model.Values[i]);
    }

    private IEnumerable<(ComparedModel First, ComparedModel Second)> Pairs() =>
        Models.SelectMany((first, i) => Models.Skip(i + 1).Select(second => (first, second)));

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture) + " %";

    private static string P(int first, int second) =>
        SignTest.Of(first, second) is var p && p < 0.0001 ? "< 0.0001" : p.ToString("F4", CultureInfo.InvariantCulture);
}
