using Engine.Devices;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// What a training is about: the samples, and what is done with the network at its end. A source of another kind is another of
/// these; the training itself knows none of them.
/// </summary>
internal abstract class TrainingData
{
    /// <summary>The names of the classes; empty where values are learned.</summary>
    public abstract IReadOnlyList<string> Classes { get; }

    /// <summary>Whether the samples are made up, so that figures say nothing of the data they stand for.</summary>
    public virtual bool IsSynthetic => false;

    /// <summary>Whether values are learned, and not classes.</summary>
    public virtual bool IsRegression => false;

    /// <summary>What stands in the file of a network that is trained on them, beside its parameters.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata(NeuralNet net, TrainingOptions options);

    /// <summary>Trains the network.</summary>
    public abstract void Fit(NeuralNet net, TrainingOptions options, CancellationToken cancellation);

    /// <summary>Tests the network, and writes the files that are wanted of it.</summary>
    /// <returns>The figure that histories keep, and its name; null where there is none.</returns>
    public abstract (string Name, double Value)? End(NeuralNet net, TrainingOptions options, Device device);
}
