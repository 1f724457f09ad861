using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Refuses a classifier whose last layer gives no probabilities, as a Dense without a softmax does: the cross-entropy of
/// other numbers is no loss, and what comes of it is infinite or meaningless.
/// </summary>
internal static class ProbabilityCheck
{
    /// <summary>How far from 1 the sum of a sample's probabilities may be by rounding.</summary>
    private const double Tolerance = 0.01;

    private const int MostSamples = 32;

    /// <summary>Checks a classifier, if need be by what it makes of samples.</summary>
    /// <param name="network">The network.</param>
    /// <param name="hasObjective">Whether the loss is the user's own, which may be of other numbers.</param>
    /// <param name="x">Samples.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="EngineException">What it gives are no probabilities.</exception>
    public static void Require(Network network, bool hasObjective, Tensor x, Device device)
    {
        Variable output = network.Output;
        bool isBinary = ClassOutput.IsBinary(output.Shape);
        Op? last = (output as Result)?.Owner.Op;
        if (isBinary && last is Softmax)
        {
            throw Error(network, "A softmax of a single number is always 1");
        }

        // Logits may be what an objective of one's own takes; but of a single output, 0.5 tells the classes apart.
        if (isBinary ? last is Unary<Sigmoid> : last is Softmax || hasObjective)
        {
            return;
        }

        using var function = Function.Compile(
            [network.Input], [output], device: device, options: new CompileOptions());
        Tensor samples = x.Rows(0, Math.Min(x.Shape[0], MostSamples));
        foreach (double factor in network.Input.DType.IsFloat() ? (double[])[1, 1000, -1000] : [1])
        {
            NdArray given = NdArray.From(samples);
            for (int i = 0; i < given.Data.Length && factor != 1; i++)
            {
                given.Data[i] *= factor;
            }

            NdArray values = NdArray.From(function.Call(given.ToTensor(network.Input.DType))[0]);
            for (int row = 0; row < values.Shape[0]; row++)
            {
                Require(network, values.Data.AsSpan(row * values.Shape[1], values.Shape[1]));
            }
        }
    }

    private static void Require(Network network, ReadOnlySpan<double> row)
    {
        double sum = 0;
        bool areProbabilities = true;
        foreach (double value in row)
        {
            if (!double.IsFinite(value))
            {
                // As of a sample that overflows: it says nothing of the layer.
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
        throw Error(network, row.Length == 1
            ? $"It gives a number, such as {some}, that is no probability"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"It gives numbers, such as {some}{(row.Length > 4 ? " …" : "")} with the sum {sum:G3}, that are no "
                + $"probabilities"));
    }

    private static EngineException Error(Network network, string what)
    {
        NetworkLayer last = network.Layers[^1];
        string end = ClassOutput.IsBinary(last.Output.Shape)
            ? "A classifier of two classes ends with Dense(1, Sigmoid) or Dense(2, Softmax)"
            : $"A classifier ends with a softmax, as Dense({last.Output.Shape[1]}, Softmax)";
        return new EngineException(
            $"The network is trained as a classifier, but its last layer is not one's. {what}. {end}. To learn values set "
            + $"Regression; for another loss set Objective.{last.Origin}");
    }
}
