namespace Engine.Inspection;

/// <summary>Specifies how the scores of several classes become one.</summary>
public enum Averaging
{
    /// <summary>The mean of the classes' scores, which all count alike.</summary>
    Macro,

    /// <summary>The score of all classes' hits, samples and predictions together.</summary>
    Micro,

    /// <summary>The mean of the classes' scores, weighted by their numbers of samples.</summary>
    Weighted,
}

public static partial class Metrics
{
    /// <summary>Returns the share of the samples whose most probable class is their own.</summary>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="probabilities">The probability of each class, (n, classes).</param>
    public static double Accuracy(ReadOnlySpan<int> labels, Tensor probabilities) =>
        MatrixOf(labels, probabilities).Accuracy;

    /// <summary>
    /// Returns the share of the predictions of a class that are right, as one score of all classes that have samples or
    /// are predicted. A class that is never predicted counts as 0.
    /// </summary>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="probabilities">The probability of each class, (n, classes).</param>
    /// <param name="averaging">How the scores become one.</param>
    public static double Precision(
        ReadOnlySpan<int> labels, Tensor probabilities, Averaging averaging = Averaging.Macro) =>
        Average(labels, probabilities, averaging).Precision;

    /// <summary>
    /// Returns the share of a class's samples that are predicted rightly, as one score of all classes that have samples
    /// or are predicted. A class without samples counts as 0.
    /// </summary>
    /// <inheritdoc cref="Precision"/>
    public static double Recall(
        ReadOnlySpan<int> labels, Tensor probabilities, Averaging averaging = Averaging.Macro) =>
        Average(labels, probabilities, averaging).Recall;

    /// <summary>
    /// Returns F1, 2 · precision · recall / (precision + recall) of a class, as one score of all classes that have
    /// samples or are predicted.
    /// </summary>
    /// <inheritdoc cref="Precision"/>
    public static double F1(ReadOnlySpan<int> labels, Tensor probabilities, Averaging averaging = Averaging.Macro) =>
        Average(labels, probabilities, averaging).F1;

    private static (double Precision, double Recall, double F1) Average(
        ReadOnlySpan<int> labels, Tensor probabilities, Averaging averaging)
    {
        ConfusionMatrix matrix = MatrixOf(labels, probabilities);
        return matrix.Average(matrix.Present, averaging);
    }

    private static ConfusionMatrix MatrixOf(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        NdArray p = Checked(labels, probabilities);
        Tensor predicted = Training.ClassOutput.Of(Tensor.From(p.Data, p.Shape[0], p.Shape[1]));
        return new ConfusionMatrix(p.Shape[1], labels, predicted.AsSpan<int>());
    }
}
