namespace Engine.Training;

/// <summary>
/// Represents the error that ends a training because its loss is nan or infinite. The network is as it was before the
/// epoch: its parameters are finite, and you can fit it again with another <see cref="NeuralNet.LearningRate"/>.
/// </summary>
public sealed class DivergenceException : EngineException
{
    internal DivergenceException(string message) : base(message)
    {
    }

    /// <summary>Gets or sets the number of the epoch with the error.</summary>
    public required int Epoch { get; init; }

    /// <summary>
    /// Gets or sets the number, from 1, of the first batch with a nan or infinite loss, or of the batch whose update
    /// made the validation loss so; null if unknown.
    /// </summary>
    public required int? Batch { get; init; }

    /// <summary>Gets or sets the first layer whose values were not finite; null if unknown.</summary>
    public required string? Layer { get; init; }

    /// <summary>Gets or sets the learning rate of that batch.</summary>
    public required double LearningRate { get; init; }
}
