namespace Engine.Data;

/// <summary>
/// Represents the rows of a table, each prepared when it is due: what a network takes of them is never in memory as a
/// whole. The table's own values need not be either, where they are in a <see cref="StoredColumn"/>.
/// </summary>
/// <param name="table">The samples.</param>
/// <param name="inputs">What prepares them.</param>
/// <param name="target">What is predicted.</param>
public sealed class TableSource(Table table, Preparation inputs, Target target) : IndexedSource
{
    /// <summary>Where prepared samples lie: batches of tens of megabytes that were new each time would be memory for long.</summary>
    internal BatchBuffers Buffers { get; init; } = new();

    /// <inheritdoc/>
    public override int Count => table.Count;

    /// <inheritdoc/>
    public override SampleBatch Read(int[] rows)
    {
        Table some = table.Rows(rows);
        float[] buffer = Buffers.Take(rows.Length * (int)inputs.Sides.Count);
        return new SampleBatch(inputs.Apply(some, buffer), target.Apply(some[target.Column])) { Used = () => Buffers.Give(buffer) };
    }
}
