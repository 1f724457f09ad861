using System.Globalization;
using System.Text;

namespace Engine.Inspection;

/// <summary>Describes the quality of predictions: all metrics, and a table of them as text.</summary>
public abstract class TestReport
{
    /// <summary>Gets the metrics by name, the most important first.</summary>
    public abstract IReadOnlyDictionary<string, double> Metrics { get; }

    /// <summary>Gets the first metric and its name, for use in a sentence.</summary>
    public abstract string Headline { get; }
}

/// <summary>
/// Describes the quality of a classifier, class by class; prints like scikit-learn's <c>classification_report</c>. As
/// there, a quotient with a divisor of 0 counts as 0.
/// </summary>
public sealed class ClassificationReport : TestReport
{
    private readonly OrderedDictionary<string, double> _metrics = [];

    /// <summary>Creates a report.</summary>
    /// <param name="names">The names of the classes.</param>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="probabilities">The probability of each class, (n, classes).</param>
    public ClassificationReport(IReadOnlyList<string> names, ReadOnlySpan<int> labels, Tensor probabilities)
        : this(names, labels, PredictedOf(probabilities))
    {
        _metrics["log_loss"] = Inspection.Metrics.LogLoss(labels, probabilities);
        _metrics["roc_auc"] = Inspection.Metrics.RocAuc(labels, probabilities);
        if (names.Count > 5)
        {
            _metrics["top_3"] = Inspection.Metrics.TopK(labels, probabilities, 3);
        }

        _metrics["calibration_error"] = Inspection.Metrics.CalibrationError(labels, probabilities);
    }

    /// <summary>Creates a report from predicted classes.</summary>
    /// <param name="names">The names of the classes.</param>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="predicted">The predicted class of each sample.</param>
    public ClassificationReport(IReadOnlyList<string> names, ReadOnlySpan<int> labels, ReadOnlySpan<int> predicted)
    {
        ArgumentNullException.ThrowIfNull(names);
        Confusion = new ConfusionMatrix(names.Count, labels, predicted) { Names = names };
        (_metrics["accuracy"], _metrics["macro_f1"], _metrics["weighted_f1"]) = (Confusion.Accuracy, Mean(F1), Weighted(F1));
    }

    /// <summary>Gets the number of samples of each class by predicted class.</summary>
    public ConfusionMatrix Confusion { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <inheritdoc/>
    public override string Headline => string.Create(
        CultureInfo.InvariantCulture, $"{Confusion.Correct:N0} of {Confusion.Total:N0} right: accuracy {100 * Confusion.Accuracy:F2} %");

    /// <summary>Returns the report as scikit-learn prints it.</summary>
    public override string ToString()
    {
        const string WidestOfAll = "weighted avg";
        IReadOnlyList<string> names = Confusion.Names!;
        int width = Math.Max(names.Max(name => name.Length), WidestOfAll.Length);
        var text = new StringBuilder();
        Line("", "precision", "recall", "f1-score", "support");
        text.Append('\n');
        for (int c = 0; c < names.Count; c++)
        {
            Line(names[c], Text(Precision(c)), Text(Recall(c)), Text(F1(c)), Count(Confusion.Samples(c)));
        }

        text.Append('\n');
        string total = Count(Confusion.Total);
        Line("accuracy", "", "", Text(Confusion.Accuracy), total);
        Line("macro avg", Text(Mean(Precision)), Text(Mean(Recall)), Text(Mean(F1)), total);
        Line(WidestOfAll, Text(Weighted(Precision)), Text(Weighted(Recall)), Text(Weighted(F1)), total);
        return text.ToString();

        void Line(string name, params ReadOnlySpan<string> cells)
        {
            text.Append(name.PadLeft(width)).Append(' ');
            foreach (string cell in cells)
            {
                text.Append(' ').Append(cell.PadLeft(9));
            }

            text.Append('\n');
        }

        static string Text(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

        static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private double Precision(int c) => Known(Confusion.Precision(c));

    private double Recall(int c) => Known(Confusion.Recall(c));

    private double F1(int c) => Known(Confusion.F1(c));

    private static double Known(double share) => double.IsNaN(share) ? 0 : share;

    private double Mean(Func<int, double> figure) => Enumerable.Range(0, Confusion.Classes).Average(figure);

    private double Weighted(Func<int, double> figure) =>
        Enumerable.Range(0, Confusion.Classes).Sum(c => figure(c) * Confusion.Samples(c)) / Math.Max(Confusion.Total, 1);

    private static ReadOnlySpan<int> PredictedOf(Tensor probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        return Training.ClassOutput.Of(probabilities).AsSpan<int>();
    }
}

/// <summary>Describes the quality of predicted values.</summary>
public sealed class RegressionReport : TestReport
{
    private readonly OrderedDictionary<string, double> _metrics;

    /// <summary>Creates a report.</summary>
    /// <param name="truth">The values, in their own unit.</param>
    /// <param name="predicted">The predicted values.</param>
    public RegressionReport(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted)
    {
        Count = truth.Length;
        _metrics = new()
        {
            ["r2"] = Inspection.Metrics.Determination(truth, predicted),
            ["mae"] = Inspection.Metrics.MeanAbsoluteError(truth, predicted),
            ["rmse"] = Inspection.Metrics.RootMeanSquaredError(truth, predicted),
        };
    }

    /// <summary>Gets the number of values.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <inheritdoc/>
    public override string Headline => string.Create(CultureInfo.InvariantCulture, $"R² {_metrics["r2"]:F4} on {Count:N0} values");

    /// <summary>Returns the metrics, one on each line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        R²                        {_metrics["r2"]:F4}
        mean absolute error       {_metrics["mae"]:G5}
        root mean squared error   {_metrics["rmse"]:G5}

        """);
}
