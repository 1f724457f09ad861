namespace Engine;

/// <summary>
/// Describes the index of one axis in <c>tensor[1, ^1]</c> or <c>tensor[2..5]</c>: a single index, which drops the
/// axis, or a range as in C#.
/// </summary>
public readonly struct TensorIndex
{
    private TensorIndex(Range range, bool isPoint) => (Range, IsPoint) = (range, isPoint);

    internal Range Range { get; }

    internal bool IsPoint { get; }

    /// <summary>Returns a single index; a negative one counts from the end, as ^1 does.</summary>
    public static implicit operator TensorIndex(int index) => ToIndex(index);

    /// <summary>Returns a single index.</summary>
    public static implicit operator TensorIndex(Index index) => new(index..index, isPoint: true);

    /// <summary>Returns a range of indices, from its start up to, not including, its end.</summary>
    public static implicit operator TensorIndex(Range range) => new(range, isPoint: false);

    /// <summary>Returns an index; a negative one counts from the end.</summary>
    /// <exception cref="EngineException">No axis is so long.</exception>
    internal static Index ToIndex(int index) => index >= 0 ? new Index(index)
        : index != int.MinValue ? new Index(-index, fromEnd: true)
        : throw new EngineException(InvariantText.Of($"The index {index} lies outside every axis."));

    /// <summary>Returns the first index and the number of indices.</summary>
    /// <exception cref="EngineException">An index lies outside the axis.</exception>
    internal (int First, int Count) Of(Shape shape, int axis)
    {
        int dimension = shape[axis], start = Range.Start.GetOffset(dimension),
            end = IsPoint ? start + 1 : Range.End.GetOffset(dimension);
        return start >= 0 && start <= end && end <= dimension
            ? (start, end - start)
            : throw new EngineException(
                $"{(IsPoint ? $"The index {Range.Start}" : $"The range {Range}")} lies outside axis {axis}, "
                + $"of size {dimension}, of a tensor of shape {shape}.");
    }
}
