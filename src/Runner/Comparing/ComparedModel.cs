using Engine.Data;
using Engine.Inspection;
using Engine.Models;

namespace Engine.Runner;

/// <summary>Represents a model that is compared with others, with its predictions for the common samples.</summary>
/// <param name="Name">Its file's name.</param>
/// <param name="Network">The name of its network.</param>
/// <param name="Parameters">The number of its parameters.</param>
/// <param name="Target">What it predicts.</param>
/// <param name="Report">The report of its test.</param>
/// <param name="Output">The network's output for the samples, (n, outputs).</param>
internal sealed record ComparedModel(
    string Name, string Network, long Parameters, Target Target, TestReport Report, Tensor Output)
{
    /// <summary>Gets the name of the predicted class of each sample.</summary>
    public IReadOnlyList<string> Classes { get; } = Target is not ClassTarget target ? []
        : [.. Training.ClassOutput.Of(Output).AsSpan<int>().ToArray().Select(label => target.Classes[label])];

    /// <summary>Gets the predicted value of each sample, in the target's unit.</summary>
    public IReadOnlyList<double> Values { get; } = Target is not ValueTarget target ? []
        : [.. Output.Cast(DType.Float64).AsSpan<double>().ToArray().Select(target.Inverse)];

    /// <summary>Returns the probability of a sample's predicted class.</summary>
    public double Sureness(int sample) =>
        Output.Rows(sample, 1).Cast(DType.Float64).AsSpan<double>() is var row && row.Length > 1
            ? row.ToArray().Max() : Math.Max(row[0], 1 - row[0]);

    /// <summary>Tests a model of own data.</summary>
    public static ComparedModel Of(string name, Models.Model model, Table samples)
    {
        Tensor output = model.Output(samples);
        return new ComparedModel(
            name, model.Network.Name ?? "own", CountOf(model.Net), model.Target, model.Report(output, samples), output);
    }

    /// <summary>Returns a tested network for CIFAR-10.</summary>
    public static ComparedModel Of(string name, TestedModel tested) => new(
        name, tested.Model.Network.Name ?? "own", CountOf(tested.Net),
        new ClassTarget(ImageFolder.Class, tested.Classes), tested.Report, tested.Probabilities);

    private static long CountOf(Training.NeuralNet net) => net.GetParameters().Sum(one => one.Value.Shape.Count);
}
