namespace Engine.Training;

/// <summary>How samples are put into batches.</summary>
public sealed class BatchIterator
{
    /// <summary>Batches of this size; the last one may be smaller.</summary>
    /// <exception cref="EngineException">The batch is empty.</exception>
    public BatchIterator(int batchSize = 128)
    {
        BatchSize = batchSize > 0
            ? batchSize
            : throw new EngineException($"A batch has at least 1 sample, not {batchSize}.");
    }

    /// <summary>The samples a batch.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// Whether the training samples come in another order each epoch. The order is a function of the network's seed and
    /// the epoch's number; the samples themselves stay where they are. Validation and prediction never shuffle.
    /// </summary>
    public bool Shuffle { get; init; }

    /// <summary>
    /// What is done to each batch, one after the other, where the samples are: on the device, as ops that the training
    /// step begins with. What is random is for <see cref="NeuralNet.BatchIteratorTrain"/> alone; what is not belongs to
    /// both iterators.
    /// </summary>
    public IReadOnlyList<Augmentation> Augmentation { get; init; } = [];

    /// <summary>
    /// What C# does to each batch on its way, before <see cref="Augmentation"/>. With it, the batches are made on the
    /// host; without, the device selects them by itself.
    /// </summary>
    public Func<Batch, Batch>? Transform { get; init; }

    /// <summary>How many batches so many samples make.</summary>
    internal int Count(int samples) => (samples + BatchSize - 1) / BatchSize;
}

/// <summary>A batch in host memory.</summary>
/// <param name="X">The samples, one a row.</param>
/// <param name="Y">Their labels, or in regression values; null in prediction, where there are none.</param>
/// <param name="Random">
/// Random numbers for augmentation: a function of the network's seed, the epoch and the batch, so that a run can be
/// repeated.
/// </param>
public sealed record Batch(Tensor X, Tensor? Y, Random Random)
{
    /// <summary>How much each sample counts; null where all count alike.</summary>
    public Tensor? Weights { get; init; }
}
