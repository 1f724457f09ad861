namespace Engine.Training;

/// <summary>
/// Receives events while a network trains. Each method may call <see cref="NeuralNet.StopTraining"/>. When
/// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> is called again, the callbacks are called again,
/// too.
/// </summary>
public abstract class Callback
{
    /// <summary>
    /// Gets whether <see cref="OnBatchFinished"/> is called. If no callback wants it, batches run without the host,
    /// which is faster.
    /// </summary>
    public virtual bool WantsBatches => false;

    /// <summary>
    /// Gets whether only rank 0 calls this callback when several ranks train together
    /// (<see cref="NeuralNet.Parallel"/>). This is true for callbacks that write or print. A callback that changes the
    /// training must run on all ranks, because all must do the same.
    /// </summary>
    public virtual bool IsForFirstRank => false;

    /// <summary>Runs before the first epoch.</summary>
    public virtual void OnTrainingStarted(NeuralNet net)
    {
    }

    /// <summary>Runs before an epoch, given its number.</summary>
    public virtual void OnEpochStarted(NeuralNet net, int epoch)
    {
    }

    /// <summary>Runs after a batch of training, if <see cref="WantsBatches"/>.</summary>
    public virtual void OnBatchFinished(NeuralNet net, BatchRecord batch)
    {
    }

    /// <summary>
    /// Gets whether <see cref="OnProgress"/> is called. It costs almost nothing: batches still run many at a time.
    /// </summary>
    public virtual bool WantsProgress => false;

    /// <summary>
    /// Runs several times per second within an epoch, and after its last batch of training, if
    /// <see cref="WantsProgress"/>.
    /// </summary>
    public virtual void OnProgress(NeuralNet net, TrainingProgress progress)
    {
    }

    /// <summary>Runs after an epoch. Its record is already at the end of the history.</summary>
    public virtual void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
    }

    /// <summary>
    /// Runs when the training shows signs of failing without an error: before the first epoch, or between an epoch and
    /// <see cref="OnEpochFinished"/>. A network gives each kind of warning once.
    /// </summary>
    public virtual void OnWarning(NeuralNet net, TrainingWarning warning)
    {
    }

    /// <summary>Runs after the last epoch, also if the training was stopped, was canceled or diverged.</summary>
    public virtual void OnTrainingFinished(NeuralNet net)
    {
    }

    /// <summary>
    /// Returns the state that the callback needs to resume, by name. <see cref="NeuralNet.SaveState"/> saves it. The
    /// default is no state.
    /// </summary>
    public virtual IReadOnlyDictionary<string, Tensor> GetState() => new Dictionary<string, Tensor>();

    /// <summary>
    /// Restores the state that <see cref="GetState"/> returned. <see cref="NeuralNet.LoadState"/> calls it.
    /// </summary>
    public virtual void SetState(IReadOnlyDictionary<string, Tensor> state)
    {
    }

    /// <summary>Returns a number from a state.</summary>
    /// <exception cref="EngineException">There is no such number, or it has another type.</exception>
    protected T Scalar<T>(IReadOnlyDictionary<string, Tensor> state, string name) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(state);
        DType dtype = DTypes.Of<T>();
        return state.TryGetValue(name, out Tensor? value) && value.Shape == Shape.Scalar && value.DType == dtype
            ? value.AsSpan<T>()[0]
            : throw new EngineException(
                $"The state of {GetType().Name} has no number '{name}' of type {dtype.Name()}.");
    }
}

/// <summary>Describes the result of a batch of training.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="Index">The batch's number within the epoch, from 0 on.</param>
/// <param name="Count">The epoch's number of batches.</param>
/// <param name="Rows">The samples in the batch.</param>
/// <param name="Loss">The loss before the batch's update.</param>
public readonly record struct BatchRecord(int Epoch, int Index, int Count, int Rows, double Loss)
{
    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(BatchRecord), PrintMembers);
}

/// <summary>Describes the progress of an epoch of training.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="LastEpoch">The number of the last epoch of this call of Fit.</param>
/// <param name="Batch">The number of the epoch's batches that are done.</param>
/// <param name="Batches">The epoch's number of batches.</param>
/// <param name="Samples">The number of samples in those batches.</param>
/// <param name="SampleCount">The epoch's number of samples.</param>
/// <param name="Elapsed">The time since the epoch began.</param>
public readonly record struct TrainingProgress(
    int Epoch, int LastEpoch, int Batch, int Batches, int Samples, int SampleCount, TimeSpan Elapsed);
