namespace Engine.Training;

/// <summary>
/// Represents something to be told while a network trains. Any of them may call <see cref="NeuralNet.StopTraining"/>.
/// When <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> is called again, so are they.
/// </summary>
public abstract class Callback
{
    /// <summary>
    /// Gets whether <see cref="OnBatchFinished"/> is to be called. If no callback wants it, batches run with no host in
    /// between, which is faster.
    /// </summary>
    public virtual bool WantsBatches => false;

    /// <summary>
    /// Whether, where several ranks train together (<see cref="NeuralNet.Parallel"/>), rank 0 alone is to have it told: so it
    /// is with all that writes and prints. What changes the training must be told on all ranks, of which each does the same.
    /// </summary>
    public virtual bool IsForFirstRank => false;

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

    /// <summary>
    /// Gets whether <see cref="OnProgress"/> is to be called. It costs next to nothing: batches still run many at a
    /// time.
    /// </summary>
    public virtual bool WantsProgress => false;

    /// <summary>
    /// Some times a second within an epoch, and once its last batch of training has run, if
    /// <see cref="WantsProgress"/>.
    /// </summary>
    public virtual void OnProgress(NeuralNet net, TrainingProgress progress)
    {
    }

    /// <summary>After an epoch, whose record already stands at the end of the history.</summary>
    public virtual void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
    }

    /// <summary>
    /// Before the first epoch, or between an epoch and <see cref="OnEpochFinished"/>, when something shows that makes a
    /// training fail without an error. Once a network for each kind.
    /// </summary>
    public virtual void OnWarning(NeuralNet net, TrainingWarning warning)
    {
    }

    /// <summary>After the last epoch, also when training was stopped, was canceled or diverged.</summary>
    public virtual void OnTrainingFinished(NeuralNet net)
    {
    }

    /// <summary>
    /// Returns what it must remember to go on as if nothing had been in between, by name:
    /// <see cref="NeuralNet.SaveState"/> keeps it. Nothing unless told otherwise.
    /// </summary>
    public virtual IReadOnlyDictionary<string, Tensor> GetState() => new Dictionary<string, Tensor>();

    /// <summary>Remembers what <see cref="GetState"/> gave: <see cref="NeuralNet.LoadState"/> calls it.</summary>
    public virtual void SetState(IReadOnlyDictionary<string, Tensor> state)
    {
    }

    /// <summary>Returns a number of a state.</summary>
    /// <exception cref="EngineException">There is no such, or it is of another type.</exception>
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

/// <summary>Describes what a batch of training came to.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="Index">The batch's number within the epoch, from 0 on.</param>
/// <param name="Count">The epoch's number of batches.</param>
/// <param name="Rows">The samples in the batch.</param>
/// <param name="Loss">The loss before the batch's update.</param>
public readonly record struct BatchRecord(int Epoch, int Index, int Count, int Rows, double Loss)
{
    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(BatchRecord), PrintMembers);
}

/// <summary>Describes how far an epoch of training has come.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="LastEpoch">The number of the last epoch that this call of Fit is to train.</param>
/// <param name="Batch">How many of the epoch's batches have been trained with.</param>
/// <param name="Batches">The epoch's number of batches.</param>
/// <param name="Samples">How many samples those batches had.</param>
/// <param name="SampleCount">The epoch's number of samples.</param>
/// <param name="Elapsed">The time since the epoch began.</param>
public readonly record struct TrainingProgress(
    int Epoch, int LastEpoch, int Batch, int Batches, int Samples, int SampleCount, TimeSpan Elapsed);
