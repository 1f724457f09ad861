using System.Globalization;
using Engine.Graph;
using Engine.Training;

namespace Engine.Inspection;

/// <summary>
/// Describes how often samples of each class are taken for each class, and what follows of it: scikit-learn's
/// <c>confusion_matrix</c> and <c>classification_report</c>.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly int[,] _counts;

    /// <summary>Counts samples.</summary>
    /// <param name="classes">How many classes there are.</param>
    /// <param name="labels">The class of each sample, from 0 on.</param>
    /// <param name="predicted">What each sample is taken for.</param>
    /// <exception cref="EngineException">There are not as many of one as of the other, or one is no class.</exception>
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

    /// <summary>Gets or sets what the classes are called; null for their numbers.</summary>
    /// <exception cref="EngineException">There are not as many names as classes.</exception>
    public IReadOnlyList<string>? Names
    {
        get;
        init => field = value is null || value.Count == Classes
            ? value
            : throw new EngineException($"There are {value.Count} names for {Classes} classes.");
    }

    /// <summary>Gets how many classes there are.</summary>
    public int Classes => _counts.GetLength(0);

    /// <summary>Gets how many samples were counted.</summary>
    public int Total => _counts.Cast<int>().Sum();

    /// <summary>Gets how many of them are taken for what they are.</summary>
    public int Correct => Enumerable.Range(0, Classes).Sum(c => _counts[c, c]);

    /// <summary>Gets the part of the samples that are taken for what they are; nan without samples.</summary>
    public double Accuracy => Share(Correct, Total);

    /// <summary>
    /// Gets the mean of <see cref="F1"/> over the classes that have samples or are predicted; nan if none is.
    /// </summary>
    public double MacroF1 => Enumerable.Range(0, Classes).Select(F1).Where(f1 => !double.IsNaN(f1))
        .DefaultIfEmpty(double.NaN).Average();

    /// <summary>Gets how many samples of one class are taken for another, or for that class itself.</summary>
    public int this[int label, int predicted] => _counts[label, predicted];

    /// <summary>Returns what a network takes samples for.</summary>
    /// <param name="net">The network, a classifier.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their classes, int32 (n).</param>
    /// <param name="names">What the classes are called; null for their numbers.</param>
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

    /// <summary>Returns how many samples are of a class.</summary>
    public int Samples(int label) => Enumerable.Range(0, Classes).Sum(c => _counts[label, c]);

    /// <summary>Returns how many samples are taken for a class.</summary>
    public int Predictions(int predicted) => Enumerable.Range(0, Classes).Sum(c => _counts[c, predicted]);

    /// <summary>Of the samples of a class, the part that is taken for it; nan if there are none.</summary>
    public double Recall(int label) => Share(_counts[label, label], Samples(label));

    /// <summary>Of the samples that are taken for a class, the part that is of it; nan if there are none.</summary>
    public double Precision(int predicted) => Share(_counts[predicted, predicted], Predictions(predicted));

    /// <summary>
    /// Computes 2 · precision · recall / (precision + recall), as 2 · hits / (samples + predictions), which is 0 where
    /// there are no hits; nan if the class has neither samples nor predictions.
    /// </summary>
    public double F1(int label) => Share(2 * _counts[label, label], Samples(label) + Predictions(label));

    /// <summary>
    /// Returns a table with a row for each class: how many of its samples are taken for which class, its recall,
    /// precision and F1; below it the accuracy.
    /// </summary>
    public override string ToString()
    {
        string[] names = [.. Enumerable.Range(0, Classes).Select(c => Names?[c] ?? c.ToString(CultureInfo.InvariantCulture))];
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

        static string Text(double value) => double.IsNaN(value) ? "nan" : value.ToString("F3", CultureInfo.InvariantCulture);
    }

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
