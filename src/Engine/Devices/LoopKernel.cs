namespace Engine.Devices;

/// <summary>
/// A place inside a loop and the rows outside of it whose turn comes step by step: row first + by · step of
/// <paramref name="Rows"/> or, if that is negative, counted from the end of <paramref name="Before"/>.
/// </summary>
/// <param name="Inside">The place, as long as a row.</param>
/// <param name="Rows">The rows; null if there are only those before them.</param>
/// <param name="Before">Those before row 0; null for none.</param>
/// <param name="First">The row of the first step.</param>
/// <param name="By">How many rows further each step goes: 1, 0 or -1.</param>
internal sealed record LoopRows(MemoryRange Inside, MemoryRange? Rows, MemoryRange? Before, int First, int By)
{
    private long RowCount(MemoryRange? rows) => rows is null || Inside.Bytes == 0 ? 0 : rows.Bytes / Inside.Bytes;

    /// <summary>Returns the row of a step; null where there is none.</summary>
    public MemoryRange? At(int step)
    {
        long row = First + ((long)By * step);
        (MemoryRange? rows, row) = row < 0 ? (Before, RowCount(Before) + row) : (Rows, row);
        return row >= 0 && row < RowCount(rows)
            ? new MemoryRange(rows!.Storage, rows.Offset + (row * Inside.Bytes), Inside.Bytes)
            : null;
    }
}

/// <summary>Kernels that are run over and over: what a device makes a kernel of.</summary>
/// <param name="Name">The name in traces and messages.</param>
/// <param name="Steps">How often.</param>
/// <param name="Levels">What a step runs, level by level.</param>
internal sealed record LoopKernel(string Name, int Steps, IReadOnlyList<IReadOnlyList<IKernel>> Levels)
{
    /// <summary>Gets or sets what is set to 0 before the first step.</summary>
    public required IReadOnlyList<MemoryRange> Cleared { get; init; }

    /// <summary>Returns what is copied before the first step.</summary>
    public required IReadOnlyList<(MemoryRange From, MemoryRange To)> Started { get; init; }

    /// <summary>Gets or sets what is copied in before each step; 0 where there is no row.</summary>
    public required IReadOnlyList<LoopRows> In { get; init; }

    /// <summary>Gets or sets what is copied out behind each step; nothing where there is no row.</summary>
    public required IReadOnlyList<LoopRows> Out { get; init; }

    /// <summary>
    /// Gets or sets a byte that says behind a step, where it is not 0, that the steps that follow change nothing.
    /// </summary>
    public MemoryRange? Until { get; init; }

    /// <summary>Gets or sets what is set to 0 behind the last step.</summary>
    public required IReadOnlyList<MemoryRange> Voided { get; init; }
}
