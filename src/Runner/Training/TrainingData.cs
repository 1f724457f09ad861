using Engine.Devices;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// The data of a training: the samples, and the steps after the training. Each kind of source derives from this class;
/// the training itself does not depend on any kind.
/// </summary>
internal abstract class TrainingData
{
    /// <summary>The names of the classes; empty if values are learned.</summary>
    public abstract IReadOnlyList<string> Classes { get; }

    /// <summary>Whether the samples are synthetic, so that the figures do not describe the real data.</summary>
    public virtual bool IsSynthetic => false;

    /// <summary>Whether values are learned, and not classes.</summary>
    public virtual bool IsRegression => false;

    /// <summary>The metadata in the file of a network that is trained on them.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata(NeuralNet net, TrainingOptions options);

    /// <summary>Trains the network.</summary>
    public abstract void Fit(NeuralNet net, TrainingOptions options, CancellationToken cancellation);

    /// <summary>Tests the network, and writes the requested files.</summary>
    /// <returns>The figure that histories keep, and its name; null if there is none.</returns>
    public abstract (string Name, double Value)? End(NeuralNet net, TrainingOptions options, Device device);
}
