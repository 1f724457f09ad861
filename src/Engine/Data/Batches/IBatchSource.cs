namespace Engine.Data;

/// <summary>
/// Represents samples that are read on demand, so they need not fit into memory. If each can be read by its index,
/// derive from <see cref="IndexedSource"/>, which needs one method. If they come in sequence, use
/// <see cref="WindowedSource"/>. Otherwise, implement this interface.
/// </summary>
public interface IBatchSource
{
    /// <summary>Gets the number of samples in an epoch.</summary>
    int Count { get; }

    /// <summary>
    /// Returns the batches of an epoch in the order of training, each as a function that reads it. Several threads call
    /// these functions at the same time, ahead of the training.
    /// </summary>
    /// <param name="plan">The size of batches and the order of samples.</param>
    IEnumerable<Func<SampleBatch>> Epoch(EpochPlan plan);
}

/// <summary>Represents a batch from a source.</summary>
/// <param name="X">The samples, one per row, or the samples of several inputs by name.</param>
/// <param name="Y">Their labels, int32 (n), or values, or the labels or values of several outputs by name.</param>
public sealed record SampleBatch(Tensors X, Tensors Y)
{
    /// <summary>Gets or sets the weight of each sample, (n); null if all weights are equal.</summary>
    public Tensor? Weights { get; init; }

    /// <summary>Gets or sets the function to call when the samples are no longer needed; null for none.</summary>
    internal Action? Used { get; init; }
}

/// <summary>Describes the batches of an epoch for a source. The same plan gives the same batches.</summary>
/// <param name="Epoch">The epoch's number, from 1.</param>
/// <param name="BatchSize">The number of samples in each batch; the last may have fewer.</param>
/// <param name="Shuffle">Whether the samples are shuffled.</param>
/// <param name="Seed">The seed. The order depends on it and on the epoch's number.</param>
/// <param name="Order">Returns the order of a number of samples: each index once.</param>
public sealed record EpochPlan(int Epoch, int BatchSize, bool Shuffle, ulong Seed, Func<int, int[]> Order)
{
    /// <summary>Returns the members as text.</summary>
    public override string ToString() => RecordText.Of(nameof(EpochPlan), PrintMembers);
}
