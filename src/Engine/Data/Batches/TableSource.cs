namespace Engine.Data;

/// <summary>
/// Represents the rows of a table, each prepared on demand, so the prepared samples are never in memory all together.
/// The table's own values need not be in memory, either, if they are in a <see cref="StoredColumn"/>.
/// </summary>
/// <param name="table">The samples.</param>
/// <param name="inputs">The preparation of the samples.</param>
/// <param name="target">The target to predict.</param>
public sealed class TableSource(Table table, Preparation inputs, Target target) : IndexedSource
{
    /// <summary>
    /// Gets or sets the arrays for prepared samples. New arrays of tens of megabytes for each batch would stay in
    /// memory for a long time.
    /// </summary>
    internal BatchBuffers Buffers { get; init; } = new();

    /// <inheritdoc/>
    public override int Count => table.Count;

    /// <inheritdoc/>
    public override SampleBatch Read(int[] rows)
    {
        Table some = table.Rows(rows);
        float[] buffer = Buffers.Take(rows.Length * (int)inputs.Dimensions.Count);
        return new SampleBatch(inputs.Apply(some, buffer), target.Apply(some[target.Column]))
        {
            Used = () => Buffers.Give(buffer),
        };
    }
}
