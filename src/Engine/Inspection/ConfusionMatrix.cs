using System.Globalization;
using Engine.Graph;
using Engine.Training;

namespace Engine.Inspection;

/// <summary>
/// Counts the samples of each class by their predicted class, and computes scores from these counts: scikit-learn's
/// <c>confusion_matrix</c> and <c>classification_report</c>.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly int[,] _counts;

    /// <summary>Counts samples.</summary>
    /// <param name="classes">The number of classes.</param>
    /// <param name="labels">The class of each sample, from 0 on.</param>
    /// <param name="predicted">The predicted class of each sample.</param>
    /// <exception cref="EngineException">The numbers of labels and predictions differ, or one is no class.</exception>
    public ConfusionMatrix(int classes, ReadOnlySpan<int> labels, ReadOnlySpan<int> predicted)
    {
        if (labels.Length != predicted.Length)
        {
            throw new EngineException($"There are {labels.Length} labels but {predicted.Length} predictions.");
        }

        Require(labels, classes, "label");
        Require(predicted, classes, "prediction");
        _counts = new int[classes, classes];
        for (int i = 0; i < labels.Length; i++)
        {
            _counts[labels[i], predicted[i]]++;
        }
    }

    /// <summary>Gets or sets the names of the classes; null for their numbers.</summary>
    /// <exception cref="EngineException">The numbers of names and classes differ.</exception>
    public IReadOnlyList<string>? Names
    {
        get;
        init => field = value is null || value.Count == Classes
            ? value
            : throw new EngineException($"There are {value.Count} names for {Classes} classes.");
    }

    /// <summary>Gets the number of classes.</summary>
    public int Classes => _counts.GetLength(0);

    /// <summary>Gets the number of samples.</summary>
    public int Total => _counts.Cast<int>().Sum();

    /// <summary>Gets the number of correctly classified samples.</summary>
    public int Correct => Enumerable.Range(0, Classes).Sum(c => _counts[c, c]);

    /// <summary>Gets the share of correctly classified samples; nan without samples.</summary>
    public double Accuracy => Share(Correct, Total);

    /// <summary>
    /// Gets the mean of <see cref="F1"/> over the classes that have samples or are predicted; nan if there are none.
    /// </summary>
    public double MacroF1 => Enumerable.Range(0, Classes).Select(F1).Where(f1 => !double.IsNaN(f1))
        .DefaultIfEmpty(double.NaN).Average();

    /// <summary>Gets the number of samples of one class with a predicted class.</summary>
    public int this[int label, int predicted] => _counts[label, predicted];

    /// <summary>Returns the confusion matrix of a network's predictions.</summary>
    /// <param name="net">The network, a classifier.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their classes, int32 (n).</param>
    /// <param name="names">The names of the classes; null for their numbers.</param>
    /// <exception cref="EngineException">The samples or labels do not fit the network.</exception>
    public static ConfusionMatrix Of(NeuralNet net, Tensor x, Tensor y, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(y);
        using Gate.Reading reading = net.Read();
        if (net.Head.IsRegression)
        {
            throw new EngineException("A network that learns values has no classes to confuse: Regression is set.");
        }

        return new ConfusionMatrix(
            net.Classes, y.ToInt32().AsSpan<int>(), net.Predict(x).AsSpan<int>())
        { Names = names };
    }

    /// <inheritdoc cref="Of(NeuralNet, Tensor, Tensor, IReadOnlyList{string}?)"/>
    public static ConfusionMatrix Of(NeuralNet net, Tensor x, int[] y, IReadOnlyList<string>? names = null) =>
        Of(net, x, Tensor.From(y), names);

    /// <summary>Returns the number of samples of a class.</summary>
    public int Samples(int label) => Enumerable.Range(0, Classes).Sum(c => _counts[label, c]);

    /// <summary>Returns the number of samples with a predicted class.</summary>
    public int Predictions(int predicted) => Enumerable.Range(0, Classes).Sum(c => _counts[c, predicted]);

    /// <summary>Returns the share of a class's samples that are predicted correctly; nan if it has none.</summary>
    public double Recall(int label) => Share(_counts[label, label], Samples(label));

    /// <summary>Returns the share of the predictions of a class that are correct; nan if there are none.</summary>
    public double Precision(int predicted) => Share(_counts[predicted, predicted], Predictions(predicted));

    /// <summary>
    /// Computes 2 · precision · recall / (precision + recall), as 2 · hits / (samples + predictions), which is 0
    /// without hits; nan if the class has neither samples nor predictions.
    /// </summary>
    public double F1(int label) => Share(2 * _counts[label, label], Samples(label) + Predictions(label));

    /// <summary>
    /// Returns a table with a row for each class: the numbers of its samples by predicted class, its recall, precision
    /// and F1; below it the accuracy.
    /// </summary>
    public override string ToString()
    {
        string[] names =
            [.. Enumerable.Range(0, Classes).Select(c => Names?[c] ?? c.ToString(CultureInfo.InvariantCulture))];
        var table = new TextTable(
            ["class", .. names.Select(name => $">{name}"), ">samples", ">recall", ">precision", ">F1"]);
        for (int c = 0; c < Classes; c++)
        {
            table.Add(
            [
                names[c],
                .. Enumerable.Range(0, Classes).Select(p => _counts[c, p].ToString(CultureInfo.InvariantCulture)),
                Samples(c).ToString(CultureInfo.InvariantCulture), Text(Recall(c)), Text(Precision(c)), Text(F1(c)),
            ]);
        }

        return $"{table}accuracy {Text(Accuracy)} of {Total} samples, macro F1 {Text(MacroF1)}";

        static string Text(double value) =>
            double.IsNaN(value) ? "nan" : value.ToString("F3", CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Returns the scores of some classes as one, as scikit-learn's <c>precision_recall_fscore_support</c> does: a
    /// quotient with a divisor of 0 counts as 0.
    /// </summary>
    internal (double Precision, double Recall, double F1) Average(IReadOnlyList<int> classes, Averaging averaging)
    {
        if (averaging == Averaging.Micro)
        {
            int hits = classes.Sum(c => _counts[c, c]), samples = classes.Sum(Samples),
                predictions = classes.Sum(Predictions);
            return (Known(Share(hits, predictions)), Known(Share(hits, samples)),
                Known(Share(2 * hits, samples + predictions)));
        }

        int[] weights = [.. classes.Select(c => averaging == Averaging.Weighted ? Samples(c) : 1)];
        double sum = Math.Max(weights.Sum(), 1);
        return (Mean(Precision), Mean(Recall), Mean(F1));

        double Mean(Func<int, double> score) =>
            classes.Zip(weights, (c, weight) => Known(score(c)) * weight).Sum() / sum;
    }

    /// <summary>Returns the classes that have samples or are predicted.</summary>
    internal int[] Present => [.. Enumerable.Range(0, Classes).Where(c => Samples(c) + Predictions(c) > 0)];

    /// <summary>Returns a score, or 0 if it is not known.</summary>
    internal static double Known(double score) => double.IsNaN(score) ? 0 : score;

    private static double Share(int part, int whole) => whole == 0 ? double.NaN : (double)part / whole;

    private static void Require(ReadOnlySpan<int> values, int classes, string what)
    {
        int wrong = values.IndexOfAnyExceptInRange(0, classes - 1);
        if (wrong >= 0)
        {
            throw new EngineException(
                $"The {what} of sample {wrong} is {values[wrong]}, but there are {classes} classes, "
                + $"from 0 to {classes - 1}.");
        }
    }
}
