namespace Engine.Inspection;

/// <summary>Represents a misclassified sample.</summary>
/// <param name="Index">The index of the sample.</param>
/// <param name="Label">Its class.</param>
/// <param name="Predicted">The predicted class.</param>
/// <param name="Probability">The probability of the predicted class.</param>
/// <param name="LabelProbability">The probability of its own class.</param>
public sealed record Mistake(int Index, int Label, int Predicted, double Probability, double LabelProbability)
{
    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Mistake), PrintMembers);

    /// <inheritdoc cref="MostConfident(Tensor, Tensor, int)"/>
    public static IReadOnlyList<Mistake> MostConfident(Tensor probabilities, int[] labels, int count) =>
        MostConfident(probabilities, Tensor.From(labels), count);

    /// <summary>Returns the mistakes with the highest probabilities, the highest first.</summary>
    /// <param name="probabilities">
    /// The probability of each class, (n, classes): <see cref="Training.NeuralNet.PredictProba(Tensors)"/>.
    /// </param>
    /// <param name="labels">The class of each sample, int32 (n).</param>
    /// <param name="count">The most mistakes to return.</param>
    /// <exception cref="EngineException">The numbers of labels and samples differ, or a label is no class.</exception>
    public static IReadOnlyList<Mistake> MostConfident(Tensor probabilities, Tensor labels, int count)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        ArgumentNullException.ThrowIfNull(labels);
        if (probabilities.Shape.Rank != 2 || labels.Shape.Rank != 1 || labels.Shape[0] != probabilities.Shape[0])
        {
            throw new EngineException(
                "The probabilities are (samples, classes) and the labels (samples), "
                + $"not {probabilities.TypeText} and {labels.TypeText}.");
        }

        NdArray p = NdArray.From(probabilities);
        ReadOnlySpan<int> truth = labels.ToInt32().AsSpan<int>();
        int classes = p.Shape[1];
        var mistakes = new List<Mistake>();
        for (int i = 0; i < truth.Length; i++)
        {
            if (truth[i] < 0 || truth[i] >= classes)
            {
                throw new EngineException(
                    $"The label of sample {i} is {truth[i]}, but there are {classes} classes, "
                    + $"from 0 to {classes - 1}.");
            }

            int best = 0;
            for (int c = 1; c < classes; c++)
            {
                best = p[i, c] > p[i, best] ? c : best;
            }

            if (best != truth[i])
            {
                mistakes.Add(new Mistake(i, truth[i], best, p[i, best], p[i, truth[i]]));
            }
        }

        return
        [
            .. mistakes.OrderByDescending(mistake => mistake.Probability)
                .ThenBy(mistake => mistake.Index)
                .Take(count),
        ];
    }
}
