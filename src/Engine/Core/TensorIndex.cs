namespace Engine;

/// <summary>
/// Describes the index of one axis in <c>tensor[1, ^1]</c> or <c>tensor[2..5]</c>: a place, which drops the axis, or a
/// range as in C#.
/// </summary>
public readonly struct TensorIndex
{
    private TensorIndex(Range range, bool isPlace) => (Range, IsPlace) = (range, isPlace);

    internal Range Range { get; }

    internal bool IsPlace { get; }

    /// <summary>Returns one place; a negative one counts from the end, as ^1 does.</summary>
    public static implicit operator TensorIndex(int place) => OfPlace(place);

    /// <summary>Returns one place.</summary>
    public static implicit operator TensorIndex(Index place) => new(place..place, isPlace: true);

    /// <summary>Returns a range of places, from its start up to, not including, its end.</summary>
    public static implicit operator TensorIndex(Range range) => new(range, isPlace: false);

    /// <summary>Returns a place; a negative one counts from the end.</summary>
    /// <exception cref="EngineException">No axis is so long.</exception>
    internal static Index OfPlace(int place) => place >= 0 ? new Index(place)
        : place != int.MinValue ? new Index(-place, fromEnd: true)
        : throw new EngineException(InvariantText.Of($"The index {place} lies outside every axis."));

    /// <summary>Returns the first place and the number of places.</summary>
    /// <exception cref="EngineException">A place lies outside the axis.</exception>
    internal (int First, int Count) Of(Shape shape, int axis)
    {
        int dimension = shape[axis], start = Range.Start.GetOffset(dimension),
            end = IsPlace ? start + 1 : Range.End.GetOffset(dimension);
        return start >= 0 && start <= end && end <= dimension
            ? (start, end - start)
            : throw new EngineException(
                $"{(IsPlace ? $"The index {Range.Start}" : $"The range {Range}")} lies outside axis {axis}, "
                + $"of size {dimension}, of a tensor of shape {shape}.");
    }
}
