namespace Engine.Training;

/// <summary>
/// Represents a training has ended because its loss is nan or infinite. The network is as it was before the epoch: its
/// parameters are finite, and with another <see cref="NeuralNet.LearningRate"/> it can be fitted again.
/// </summary>
public sealed class DivergenceException : EngineException
{
    internal DivergenceException(string message) : base(message)
    {
    }

    /// <summary>Gets or sets the number of the epoch in which it happened.</summary>
    public required int Epoch { get; init; }

    /// <summary>
    /// Gets or sets the number of the batch, from 1 on, whose loss was the first to be nan or infinite, or after whose
    /// update it was so on the validation samples; null where that is not known.
    /// </summary>
    public required int? Batch { get; init; }

    /// <summary>Gets or sets the first layer whose values were not finite; null where that is not known.</summary>
    public required string? Layer { get; init; }

    /// <summary>Gets or sets the learning rate of that batch.</summary>
    public required double LearningRate { get; init; }
}
