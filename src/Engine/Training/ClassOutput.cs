using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// What a classifier's output says of classes. One of several numbers is the probability of each class, as of a softmax;
/// a single number is the probability of class 1 of two, as of a sigmoid.
/// </summary>
internal static class ClassOutput
{
    /// <summary>Returns how many classes an output, (n, outputs), tells apart.</summary>
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

        // Of a sigmoid the other probability is one too, in which no digit is lost where this one is near 1.
        Variable other = SumsOf<Sigmoid>(output) is { } sums ? Symbolic.Sigmoid(-sums) : 1 - output;
        return Symbolic.Concat(1, other, output);
    }

    /// <summary>
    /// Returns what the probabilities are made of, (n, classes), which still moves where they hardly do.
    /// </summary>
    public static Variable Scores(Variable output) =>
        output is Result { Owner: { Op: Softmax } softmax } ? softmax.Inputs[0]
        : IsBinary(output.Shape) && SumsOf<Sigmoid>(output) is { } sums ? Symbolic.Concat(1, -sums, sums)
        : Probabilities(output);

    /// <summary>Returns labels 0 and 1 as a single output has them: (n, 1), of its dtype.</summary>
    public static Variable AsOutput(Variable labels, DType dtype) =>
        Symbolic.DimShuffle(Symbolic.Cast(labels, dtype), 0, Symbolic.NewAxis);

    /// <summary>Returns the class of each sample: that of the greatest probability, of equals the first.</summary>
    /// <exception cref="EngineException">A probability is no number.</exception>
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
                        $"The network gives nan for class {j} of sample {i}, so that no class can be told: its parameters are "
                        + "not finite, or the sample is far larger than those it was trained on.");
                }

                classes[i] = row[j] > row[classes[i]] ? j : classes[i];
            }
        }

        return Tensor.From(classes);
    }

    private static Variable? SumsOf<TRow>(Variable output) where TRow : struct, IUnary =>
        output is Result { Owner: { Op: Unary<TRow> } node } ? node.Inputs[0] : null;
}
