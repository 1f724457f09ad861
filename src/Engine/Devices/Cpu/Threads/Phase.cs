namespace Engine.Devices.Cpu;

/// <summary>
/// Computes the indices from <paramref name="start"/> up to, not including, <paramref name="end"/>, on the thread
/// numbered <paramref name="worker"/> (for its scratch memory). The result of an index must not depend on the ranges.
/// </summary>
internal delegate void RangeBody(int start, int end, int worker);

/// <summary>A parallel loop: all its indices are done before the next phase of the same list begins.</summary>
/// <param name="Count">The indices are 0 … Count - 1.</param>
/// <param name="Grain">The fewest indices worth handing to a thread; a loop of at most this many stays on one.</param>
/// <param name="Body">Computes a range of the indices.</param>
internal readonly record struct Phase(int Count, int Grain, RangeBody Body)
{
    /// <summary>The most indices handed to a thread at once; for loops with few, unequal indices.</summary>
    internal int MaxAtOnce { get; init; } = int.MaxValue;

    internal bool IsSerial => Count <= Math.Max(Grain, 1);
}
