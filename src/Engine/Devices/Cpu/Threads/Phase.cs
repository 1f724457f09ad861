namespace Engine.Devices.Cpu;

/// <summary>
/// Computes the indices from <paramref name="start"/> up to, not including, <paramref name="end"/>, on the thread
/// numbered <paramref name="worker"/> (for its scratch memory). What an index gives must not depend on how the range
/// was cut.
/// </summary>
internal delegate void RangeBody(int start, int end, int worker);

/// <summary>One parallel loop: all its indices are done before the next phase of the same list begins.</summary>
/// <param name="Count">The indices are 0 … Count - 1.</param>
/// <param name="Grain">The least number of indices worth handing to a thread; a loop no longer stays on one.</param>
/// <param name="Body">Does a range of the indices.</param>
internal readonly record struct Phase(int Count, int Grain, RangeBody Body)
{
    /// <summary>The most indices handed to a thread at once, where they are few and unequal.</summary>
    internal int MaxAtOnce { get; init; } = int.MaxValue;

    internal bool IsSerial => Count <= Math.Max(Grain, 1);
}
