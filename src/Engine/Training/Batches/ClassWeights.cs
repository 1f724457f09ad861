namespace Engine.Training;

/// <summary>Computes weights for data sets with rare classes: <see cref="NeuralNet.ClassWeights"/>.</summary>
public static class ClassWeights
{
    /// <summary>
    /// Returns weights that make all classes count alike: n / (number of classes with samples · samples of the class),
    /// as scikit-learn's <c>balanced</c>. A class without samples gets 1.
    /// </summary>
    /// <param name="labels">The labels, from 0 on.</param>
    /// <param name="classes">The number of weights: the number of the network's outputs.</param>
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
