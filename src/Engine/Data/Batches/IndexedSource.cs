namespace Engine.Data;

/// <summary>
/// Represents samples that can be read by index. They are shuffled by index: each may be in any batch.
/// </summary>
public abstract class IndexedSource : IBatchSource
{
    /// <inheritdoc/>
    public abstract int Count { get; }

    /// <summary>Reads some samples. Several threads call it at the same time.</summary>
    /// <param name="rows">The samples' indices, from 0 to below <see cref="Count"/>, in any order.</param>
    /// <returns>A row for each index, in this order.</returns>
    public abstract SampleBatch Read(int[] rows);

    /// <inheritdoc/>
    public IEnumerable<Func<SampleBatch>> Epoch(EpochPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Order(Count).Chunk(plan.BatchSize).Select(rows => (Func<SampleBatch>)(() => Read(rows)));
    }
}
