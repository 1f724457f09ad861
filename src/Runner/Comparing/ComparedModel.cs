using Engine.Data;
using Engine.Inspection;
using Engine.Models;

namespace Engine.Runner;

/// <summary>A model that is compared with others, and what it makes of the samples that all of them are tried on.</summary>
/// <param name="Name">What it is called: its file's name.</param>
/// <param name="Network">The network it is of.</param>
/// <param name="Parameters">How many numbers it has learned.</param>
/// <param name="Target">What it predicts.</param>
/// <param name="Report">How good it is.</param>
/// <param name="Output">What its network gives of the samples, (n, outputs).</param>
internal sealed record ComparedModel(string Name, string Network, long Parameters, Target Target, TestReport Report, Tensor Output)
{
    /// <summary>The name of the class that each sample is taken for.</summary>
    public IReadOnlyList<string> Classes { get; } = Target is not ClassTarget target ? []
        : [.. Training.ClassOutput.Of(Output).AsSpan<int>().ToArray().Select(label => target.Classes[label])];

    /// <summary>The value that is predicted of each sample, in its own unit.</summary>
    public IReadOnlyList<double> Values { get; } = Target is not ValueTarget target ? []
        : [.. Output.Cast(DType.Float64).AsSpan<double>().ToArray().Select(target.Inverse)];

    /// <summary>How probable the class is that it takes a sample for.</summary>
    public double Sureness(int sample) => Output.Rows(sample, 1).Cast(DType.Float64).AsSpan<double>() is var row && row.Length > 1
        ? row.ToArray().Max() : Math.Max(row[0], 1 - row[0]);

    /// <summary>A model of a user's own.</summary>
    public static ComparedModel Of(string name, Models.Model model, Table samples)
    {
        Tensor output = model.Output(samples);
        return new ComparedModel(name, model.Network.Name ?? "own", CountOf(model.Net), model.Target, model.Report(output, samples), output);
    }

    /// <summary>A network of CIFAR-10.</summary>
    public static ComparedModel Of(string name, TestedModel tested) => new(
        name, tested.Model.Network.Name ?? "own", CountOf(tested.Net), new ClassTarget(ImageFolder.Class, tested.Classes), tested.Report, tested.Probabilities);

    private static long CountOf(Training.NeuralNet net) => net.GetParameters().Sum(one => one.Value.Shape.Count);
}
