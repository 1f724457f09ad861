namespace Engine.Data;

/// <summary>
/// Samples that are read when they are due, so that there may be more of them than memory holds. Where each can be read by
/// itself, derive from <see cref="IndexedSource"/>, which takes a method; where they come one behind the other, take
/// <see cref="WindowedSource"/>. For all else this is the whole of it.
/// </summary>
public interface IBatchSource
{
    /// <summary>How many samples an epoch has.</summary>
    int Count { get; }

    /// <summary>
    /// The batches of an epoch, in the order in which they are trained with: each as a function that reads it. Some of these
    /// functions are called ahead of the training, by several threads at once.
    /// </summary>
    /// <param name="plan">How many samples a batch has, and their order.</param>
    IEnumerable<Func<SampleBatch>> Epoch(EpochPlan plan);
}

/// <summary>Represents a batch as a source reads it.</summary>
/// <param name="X">The samples, one a row, or those of several inputs by name.</param>
/// <param name="Y">Their labels, int32 (n), or values, or those of several outputs by name.</param>
public sealed record SampleBatch(Tensors X, Tensors Y)
{
    /// <summary>Gets or sets how much each sample counts, (n); null where all count alike.</summary>
    public Tensor? Weights { get; init; }

    /// <summary>Called once nobody needs the samples any more; null where nobody wants to know.</summary>
    internal Action? Used { get; init; }
}

/// <summary>Describes what an epoch wants of a source. The same plan gives the same batches.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="BatchSize">How many samples each batch has; the last may have fewer.</param>
/// <param name="Shuffle">Whether the samples come in another order than that of the data.</param>
/// <param name="Seed">What that order is a function of, with the epoch's number.</param>
/// <param name="Order">The order of so many samples: each index once.</param>
public sealed record EpochPlan(int Epoch, int BatchSize, bool Shuffle, ulong Seed, Func<int, int[]> Order)
{
    /// <summary>Returns its members.</summary>
    public override string ToString() => RecordText.Of(nameof(EpochPlan), PrintMembers);
}
