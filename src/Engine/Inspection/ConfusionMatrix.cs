using Engine.Graph;
using Engine.Training;

namespace Engine.Inspection;

/// <summary>How often samples of each class are taken for each class.</summary>
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

    /// <summary>How many classes there are.</summary>
    public int Classes => _counts.GetLength(0);

    /// <summary>How many samples were counted.</summary>
    public int Total => _counts.Cast<int>().Sum();

    /// <summary>How many of them are taken for what they are.</summary>
    public int Correct => Enumerable.Range(0, Classes).Sum(c => _counts[c, c]);

    /// <summary>The part of the samples that are taken for what they are; nan without samples.</summary>
    public double Accuracy => Share(Correct, Total);

    /// <summary>How many samples of one class are taken for another, or for that class itself.</summary>
    public int this[int label, int predicted] => _counts[label, predicted];

    /// <summary>What a network takes samples for.</summary>
    /// <param name="net">The network, a classifier.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their classes, int32 (n).</param>
    /// <exception cref="EngineException">The samples or labels do not fit the network.</exception>
    public static ConfusionMatrix Of(NeuralNet net, Tensor x, Tensor y)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(y);
        if (net.Regression)
        {
            throw new EngineException("A network that learns values has no classes to confuse: Regression is set.");
        }

        using Gate.Reading reading = net.Read();
        return new ConfusionMatrix(
            net.Network.Output.Shape[1], y.Cast(DType.Int32).AsSpan<int>(), net.Predict(x).AsSpan<int>());
    }

    /// <inheritdoc cref="Of(NeuralNet, Tensor, Tensor)"/>
    public static ConfusionMatrix Of(NeuralNet net, Tensor x, int[] y) => Of(net, x, Tensor.From(y));

    /// <summary>How many samples are of a class.</summary>
    public int Samples(int label) => Enumerable.Range(0, Classes).Sum(c => _counts[label, c]);

    /// <summary>How many samples are taken for a class.</summary>
    public int Predictions(int predicted) => Enumerable.Range(0, Classes).Sum(c => _counts[c, predicted]);

    /// <summary>Of the samples of a class, the part that is taken for it; nan if there are none.</summary>
    public double Recall(int label) => Share(_counts[label, label], Samples(label));

    /// <summary>Of the samples that are taken for a class, the part that is of it; nan if there are none.</summary>
    public double Precision(int predicted) => Share(_counts[predicted, predicted], Predictions(predicted));

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
