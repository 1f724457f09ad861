using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Interprets a classifier's output. Several numbers are the probabilities of the classes, as from a softmax. A single
/// number is the probability of class 1 of two, as from a sigmoid.
/// </summary>
internal static class ClassOutput
{
    /// <summary>Returns the number of classes of an output, (n, outputs).</summary>
    public static int Classes(Shape output) => IsBinary(output) ? 2 : output[1];

    /// <summary>Returns whether an output is the probability of one of two classes.</summary>
    public static bool IsBinary(Shape output) => output.Rank == 2 && output[1] == 1;

    /// <summary>Returns the probability of each class, (n, classes).</summary>
    public static Variable Probabilities(Variable output)
    {
        if (!IsBinary(output.Shape))
        {
            return output;
        }

        // If this probability is σ(a), the other is computed as σ(−a). It loses no digits when this one is near 1.
        Variable other = SumsOf<Sigmoid>(output) is { } sums ? Symbolic.Sigmoid(-sums) : 1 - output;
        return Symbolic.Concat(1, other, output);
    }

    /// <summary>
    /// Returns the scores before the softmax or sigmoid, (n, classes). They still change where probabilities saturate.
    /// </summary>
    public static Variable Scores(Variable output) =>
        output is Result { Owner: { Op: Softmax } softmax } ? softmax.Inputs[0]
        : IsBinary(output.Shape) && SumsOf<Sigmoid>(output) is { } sums ? Symbolic.Concat(1, -sums, sums)
        : Probabilities(output);

    /// <summary>Returns labels 0 and 1 in the shape of a single output, (n, 1), and in its dtype.</summary>
    public static Variable AsOutput(Variable labels, DType dtype) =>
        Symbolic.DimShuffle(Symbolic.Cast(labels, dtype), 0, Symbolic.NewAxis);

    /// <summary>
    /// Returns the class with the largest probability for each sample; the first one if several are equal.
    /// </summary>
    /// <exception cref="EngineException">A probability is nan.</exception>
    public static Tensor Of(Tensor probabilities)
    {
        NdArray values = NdArray.From(probabilities);
        var classes = new int[values.Shape[0]];
        int width = values.Shape[1];
        for (int i = 0; i < classes.Length; i++)
        {
            ReadOnlySpan<double> row = values.Data.AsSpan(i * width, width);
            for (int j = 0; j < width; j++)
            {
                if (double.IsNaN(row[j]))
                {
                    throw new EngineException(
                        $"The network gives nan for class {j} of sample {i}, so that no class can be told: "
                        + "its parameters are not finite, or the sample is far larger than those it was trained on.");
                }

                classes[i] = row[j] > row[classes[i]] ? j : classes[i];
            }
        }

        return Tensor.From(classes);
    }

    private static Variable? SumsOf<TRow>(Variable output) where TRow : struct, IUnary =>
        output is Result { Owner: { Op: Unary<TRow> } node } ? node.Inputs[0] : null;
}
