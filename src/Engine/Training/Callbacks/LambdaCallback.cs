namespace Engine.Training;

/// <summary>Represents a callback out of functions.</summary>
public sealed class LambdaCallback : Callback
{
    /// <summary>Called before the first epoch.</summary>
    public Action<NeuralNet>? TrainingStarted { get; init; }

    /// <summary>Called before an epoch.</summary>
    public Action<NeuralNet, int>? EpochStarted { get; init; }

    /// <summary>Called after a batch.</summary>
    public Action<NeuralNet, BatchRecord>? BatchFinished { get; init; }

    /// <summary>Called some times a second within an epoch.</summary>
    public Action<NeuralNet, TrainingProgress>? Progress { get; init; }

    /// <summary>Called after an epoch.</summary>
    public Action<NeuralNet, EpochRecord>? EpochFinished { get; init; }

    /// <summary>Called when something shows that makes a training fail without an error.</summary>
    public Action<NeuralNet, TrainingWarning>? Warned { get; init; }

    /// <summary>Called after the last epoch.</summary>
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
