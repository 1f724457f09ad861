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
        Classes = [.. Enumerable.Range(0, names.Count)];
    }

    /// <summary>
    /// Gets or sets the classes in the report, all by default. If others occur, the report has micro averages instead
    /// of the accuracy, as scikit-learn's with <c>labels</c>: the accuracy then counts samples of classes that are not
    /// shown.
    /// </summary>
    /// <exception cref="EngineException">There is no class, or one is there twice or not in the data.</exception>
    public IReadOnlyList<int> Classes
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Count == 0 || value.Distinct().Count() < value.Count
                || value.Any(c => (uint)c >= (uint)Confusion.Classes))
            {
                throw new EngineException(
                    $"A report is about some of the classes from 0 to {Confusion.Classes - 1}, each once, "
                    + $"not {string.Join(", ", value)}.");
            }

            field = [.. value];
            _metrics["accuracy"] = Confusion.Accuracy;
            _metrics["macro_f1"] = Confusion.Average(value, Averaging.Macro).F1;
            _metrics["weighted_f1"] = Confusion.Average(value, Averaging.Weighted).F1;
            if (IsPart)
            {
                _metrics["micro_f1"] = Confusion.Average(value, Averaging.Micro).F1;
            }
        }
    }

    /// <summary>Gets the number of samples of each class by predicted class.</summary>
    public ConfusionMatrix Confusion { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <inheritdoc/>
    public override string Headline => string.Create(
        CultureInfo.InvariantCulture,
        $"{Confusion.Correct:N0} of {Confusion.Total:N0} right: accuracy {100 * Confusion.Accuracy:F2} %");

    /// <summary>Gets whether samples or predictions have a class that the report leaves out.</summary>
    private bool IsPart => Confusion.Present.Except(Classes).Any();

    /// <summary>Returns the report as scikit-learn prints it.</summary>
    public override string ToString()
    {
        const string WidestOfAll = "weighted avg";
        IReadOnlyList<string> names = Confusion.Names!;
        int width = Math.Max(Classes.Max(c => names[c].Length), WidestOfAll.Length);
        var text = new StringBuilder();
        Line("", "precision", "recall", "f1-score", "support");
        text.Append('\n');
        foreach (int c in Classes)
        {
            Scores(names[c], (Confusion.Precision(c), Confusion.Recall(c), Confusion.F1(c)), Confusion.Samples(c));
        }

        text.Append('\n');
        int total = Classes.Sum(Confusion.Samples);
        if (IsPart)
        {
            Scores("micro avg", Confusion.Average(Classes, Averaging.Micro), total);
        }
        else
        {
            Line("accuracy", "", "", Text(Confusion.Accuracy), Count(total));
        }

        Scores("macro avg", Confusion.Average(Classes, Averaging.Macro), total);
        Scores(WidestOfAll, Confusion.Average(Classes, Averaging.Weighted), total);
        return text.ToString();

        void Scores(string name, (double Precision, double Recall, double F1) scores, int count) =>
            Line(name, Text(scores.Precision), Text(scores.Recall), Text(scores.F1), Count(count));

        void Line(string name, params ReadOnlySpan<string> cells)
        {
            text.Append(name.PadLeft(width)).Append(' ');
            foreach (string cell in cells)
            {
                text.Append(' ').Append(cell.PadLeft(9));
            }

            text.Append('\n');
        }

        static string Text(double value) => ConfusionMatrix.Known(value).ToString("F2", CultureInfo.InvariantCulture);

        static string Count(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

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
    public override string Headline =>
        string.Create(CultureInfo.InvariantCulture, $"R² {_metrics["r2"]:F4} on {Count:N0} values");

    /// <summary>Returns the metrics, one on each line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        R²                        {_metrics["r2"]:F4}
        mean absolute error       {_metrics["mae"]:G5}
        root mean squared error   {_metrics["rmse"]:G5}

        """);
}
