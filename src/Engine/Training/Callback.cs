namespace Engine.Training;

/// <summary>
/// Something to be told while a network trains. Any of them may call <see cref="NeuralNet.StopTraining"/>. When
/// <see cref="NeuralNet.Fit(Tensor, Tensor, CancellationToken)"/> is called again, so are they.
/// </summary>
public abstract class Callback
{
    /// <summary>
    /// Whether <see cref="OnBatchFinished"/> is to be called. If no callback wants it, batches run with no host in
    /// between, which is faster.
    /// </summary>
    public virtual bool WantsBatches => false;

    /// <summary>Before the first epoch.</summary>
    public virtual void OnTrainingStarted(NeuralNet net)
    {
    }

    /// <summary>Before an epoch, given its number.</summary>
    public virtual void OnEpochStarted(NeuralNet net, int epoch)
    {
    }

    /// <summary>After a batch of training, if <see cref="WantsBatches"/>.</summary>
    public virtual void OnBatchFinished(NeuralNet net, BatchRecord batch)
    {
    }

    /// <summary>After an epoch, whose record already stands at the end of the history.</summary>
    public virtual void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
    }

    /// <summary>After the last epoch, also when training was stopped or cancelled.</summary>
    public virtual void OnTrainingFinished(NeuralNet net)
    {
    }
}

/// <summary>What a batch of training came to.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="Index">The batch's number within the epoch, from 0 on.</param>
/// <param name="Count">The epoch's number of batches.</param>
/// <param name="Rows">The samples in the batch.</param>
/// <param name="Loss">The loss before the batch's update.</param>
public readonly record struct BatchRecord(int Epoch, int Index, int Count, int Rows, double Loss);

/// <summary>A callback out of functions.</summary>
public sealed class LambdaCallback : Callback
{
    /// <summary>Called before the first epoch.</summary>
    public Action<NeuralNet>? TrainingStarted { get; init; }

    /// <summary>Called before an epoch.</summary>
    public Action<NeuralNet, int>? EpochStarted { get; init; }

    /// <summary>Called after a batch.</summary>
    public Action<NeuralNet, BatchRecord>? BatchFinished { get; init; }

    /// <summary>Called after an epoch.</summary>
    public Action<NeuralNet, EpochRecord>? EpochFinished { get; init; }

    /// <summary>Called after the last epoch.</summary>
    public Action<NeuralNet>? TrainingFinished { get; init; }

    /// <inheritdoc/>
    public override bool WantsBatches => BatchFinished is not null;

    /// <inheritdoc/>
    public override void OnTrainingStarted(NeuralNet net) => TrainingStarted?.Invoke(net);

    /// <inheritdoc/>
    public override void OnEpochStarted(NeuralNet net, int epoch) => EpochStarted?.Invoke(net, epoch);

    /// <inheritdoc/>
    public override void OnBatchFinished(NeuralNet net, BatchRecord batch) => BatchFinished?.Invoke(net, batch);

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record) => EpochFinished?.Invoke(net, record);

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net) => TrainingFinished?.Invoke(net);
}
