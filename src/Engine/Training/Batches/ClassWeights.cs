namespace Engine.Training;

/// <summary>Weights for the classes of a data set in which some are rare: <see cref="NeuralNet.ClassWeights"/>.</summary>
public static class ClassWeights
{
    /// <summary>
    /// Returns weights with which every class counts as much as any other: n / (classes there are · samples of the
    /// class), as scikit-learn's <c>balanced</c>. A class without samples gets 1.
    /// </summary>
    /// <param name="labels">The labels, from 0 on.</param>
    /// <param name="classes">How many weights to give: the number of the network's outputs.</param>
    /// <exception cref="EngineException">A label is negative or not below the number of classes.</exception>
    public static double[] Balanced(ReadOnlySpan<int> labels, int classes)
    {
        int[] counts = new int[classes];
        for (int i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classes)
            {
                throw new EngineException(
                    $"The label of sample {i} is {labels[i]}, but of {classes} classes the labels go from 0 to "
                    + $"{classes - 1}.");
            }

            counts[labels[i]]++;
        }

        int samples = labels.Length, present = counts.Count(count => count > 0);
        return [.. counts.Select(count => count == 0 ? 1 : (double)samples / present / count)];
    }
}
