namespace Engine.Training;

/// <summary>Represents a callback made of functions.</summary>
public sealed class LambdaCallback : Callback
{
    /// <summary>Gets or sets the function to call before the first epoch.</summary>
    public Action<NeuralNet>? TrainingStarted { get; init; }

    /// <summary>Gets or sets the function to call before an epoch.</summary>
    public Action<NeuralNet, int>? EpochStarted { get; init; }

    /// <summary>Gets or sets the function to call after a batch.</summary>
    public Action<NeuralNet, BatchRecord>? BatchFinished { get; init; }

    /// <summary>Gets or sets the function to call several times per second within an epoch.</summary>
    public Action<NeuralNet, TrainingProgress>? Progress { get; init; }

    /// <summary>Gets or sets the function to call after an epoch.</summary>
    public Action<NeuralNet, EpochRecord>? EpochFinished { get; init; }

    /// <summary>Gets or sets the function to call when the training shows signs of failing without an error.</summary>
    public Action<NeuralNet, TrainingWarning>? Warned { get; init; }

    /// <summary>Gets or sets the function to call after the last epoch.</summary>
    public Action<NeuralNet>? TrainingFinished { get; init; }

    /// <inheritdoc/>
    public override bool WantsBatches => BatchFinished is not null;

    /// <inheritdoc/>
    public override bool WantsProgress => Progress is not null;

    /// <inheritdoc/>
    public override void OnTrainingStarted(NeuralNet net) => TrainingStarted?.Invoke(net);

    /// <inheritdoc/>
    public override void OnEpochStarted(NeuralNet net, int epoch) => EpochStarted?.Invoke(net, epoch);

    /// <inheritdoc/>
    public override void OnBatchFinished(NeuralNet net, BatchRecord batch) => BatchFinished?.Invoke(net, batch);

    /// <inheritdoc/>
    public override void OnProgress(NeuralNet net, TrainingProgress progress) => Progress?.Invoke(net, progress);

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record) => EpochFinished?.Invoke(net, record);

    /// <inheritdoc/>
    public override void OnWarning(NeuralNet net, TrainingWarning warning) => Warned?.Invoke(net, warning);

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net) => TrainingFinished?.Invoke(net);
}
