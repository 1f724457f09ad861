using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Refuses a classifier whose last layer gives no probabilities, such as a Dense without a softmax. The cross-entropy
/// of other numbers is infinite or meaningless.
/// </summary>
internal static class ProbabilityCheck
{
    /// <summary>The largest distance from 1 that rounding may give the sum of a sample's probabilities.</summary>
    private const double Tolerance = 0.01;

    private const int MaxSamples = 32;

    /// <summary>Checks a classifier, if necessary by running it on samples.</summary>
    /// <param name="network">The network.</param>
    /// <param name="head">The output. If the loss is the user's own, it may be other numbers.</param>
    /// <param name="xs">Samples for each input.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="EngineException">Its output is not probabilities.</exception>
    public static void Require(Network network, OutputHead head, IReadOnlyList<Tensor> xs, Device device)
    {
        Variable output = head.Output;
        bool isBinary = ClassOutput.IsBinary(output.Shape);
        Op? last = (output as Result)?.Owner.Op;
        if (isBinary && last is Softmax)
        {
            throw Error(head, "A softmax of a single number is always 1");
        }

        // A user's objective may take logits. But with a single output, 0.5 is the border between the classes.
        if (isBinary ? last is Unary<Sigmoid> : last is Softmax || head.HasObjective)
        {
            return;
        }

        HashSet<Variable> needed = [.. FunctionGraph.Leaves([output])];
        int[] used = [.. Enumerable.Range(0, xs.Count).Where(i => needed.Contains(network.Inputs[i]))];
        using var function = Function.Compile(
            [.. used.Select(i => network.Inputs[i])], [output], device: device, options: new CompileOptions());
        foreach (double factor in used.Any(i => xs[i].DType.IsFloat()) ? (double[])[1, 1000, -1000] : [1])
        {
            NdArray values = NdArray.From(function.Call([.. used.Select(i => Scaled(xs[i], factor))])[0]);
            for (int row = 0; row < values.Shape[0]; row++)
            {
                Require(head, values.Data.AsSpan(row * values.Shape[1], values.Shape[1]));
            }
        }
    }

    /// <summary>Returns some of the samples, times a factor.</summary>
    private static Tensor Scaled(Tensor x, double factor)
    {
        Tensor samples = x.Rows(0, Math.Min(x.Shape[0], MaxSamples));
        if (factor == 1 || !x.DType.IsFloat())
        {
            return samples;
        }

        NdArray given = NdArray.From(samples);
        for (int i = 0; i < given.Data.Length; i++)
        {
            given.Data[i] *= factor;
        }

        return given.ToTensor(x.DType);
    }

    private static void Require(OutputHead head, ReadOnlySpan<double> row)
    {
        double sum = 0;
        bool areProbabilities = true;
        foreach (double value in row)
        {
            if (!double.IsFinite(value))
            {
                // A sample may overflow, which says nothing about the layer.
                return;
            }

            sum += value;
            areProbabilities &= value is >= -Tolerance and <= 1 + Tolerance;
        }

        if (areProbabilities && (row.Length == 1 || Math.Abs(sum - 1) <= Tolerance))
        {
            return;
        }

        string some = string.Join(", ", row[..Math.Min(row.Length, 4)].ToArray()
            .Select(value => value.ToString("G3", CultureInfo.InvariantCulture)));
        throw Error(head, row.Length == 1
            ? $"It gives a number, such as {some}, that is no probability"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"It gives numbers, such as {some}{(row.Length > 4 ? " …" : "")} with the sum {sum:G3}, that are no "
                + $"probabilities"));
    }

    private static EngineException Error(OutputHead head, string what)
    {
        NetworkLayer last = head.Layer;
        string end = ClassOutput.IsBinary(last.Output.Shape)
            ? "A classifier of two classes ends with Dense(1, Sigmoid) or Dense(2, Softmax)"
            : $"A classifier ends with a softmax, as Dense({last.Output.Shape[1]}, Softmax)";
        return new EngineException(
            $"The network is trained as a classifier, but its last layer is not one's. {what}. {end}. "
            + $"To learn values set Regression; for another loss set Objective.{last.Origin}");
    }
}
