namespace Engine.Devices;

/// <summary>
/// A buffer inside a loop, and the rows outside that it stands for, one for each step: row first + by · step of
/// <paramref name="Rows"/>. Negative rows count from the end of <paramref name="Before"/>.
/// </summary>
/// <param name="Inside">The buffer, as long as a row.</param>
/// <param name="Rows">The rows; null if there are only rows before row 0.</param>
/// <param name="Before">The rows before row 0; null for none.</param>
/// <param name="First">The row of the first step.</param>
/// <param name="By">The change of the row from step to step: 1, 0 or -1.</param>
internal sealed record LoopRows(MemoryRange Inside, MemoryRange? Rows, MemoryRange? Before, int First, int By)
{
    private long RowCount(MemoryRange? rows) => rows is null || Inside.Bytes == 0 ? 0 : rows.Bytes / Inside.Bytes;

    /// <summary>Returns the row of a step; null if there is none.</summary>
    public MemoryRange? At(int step)
    {
        long row = First + ((long)By * step);
        (MemoryRange? rows, row) = row < 0 ? (Before, RowCount(Before) + row) : (Rows, row);
        return row >= 0 && row < RowCount(rows)
            ? new MemoryRange(rows!.Storage, rows.Offset + (row * Inside.Bytes), Inside.Bytes)
            : null;
    }
}

/// <summary>Represents kernels that are repeated, as one kernel.</summary>
/// <param name="Name">The name in traces and messages.</param>
/// <param name="Steps">The number of repetitions.</param>
/// <param name="Levels">The kernels of a step, level by level.</param>
internal sealed record LoopKernel(string Name, int Steps, IReadOnlyList<IReadOnlyList<IKernel>> Levels)
{
    /// <summary>Gets or sets the memory that is set to 0 before the first step.</summary>
    public required IReadOnlyList<MemoryRange> Cleared { get; init; }

    /// <summary>Gets or sets the copies before the first step.</summary>
    public required IReadOnlyList<(MemoryRange From, MemoryRange To)> Started { get; init; }

    /// <summary>Gets or sets the rows that are copied in before each step; 0 if there is no row.</summary>
    public required IReadOnlyList<LoopRows> In { get; init; }

    /// <summary>Gets or sets the rows that are copied out after each step; none if there is no row.</summary>
    public required IReadOnlyList<LoopRows> Out { get; init; }

    /// <summary>Gets or sets a byte that a step sets to a value other than 0 if later steps change nothing.</summary>
    public MemoryRange? Until { get; init; }
}
