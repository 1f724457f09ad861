using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Whole numbers as int32, as places are. An int64 that this does not hold is no place of any axis, and does not become
    /// one.
    /// </summary>
    internal static Variable Places(Variable x) =>
        Cast(x.DType == DType.Int64 ? Clip(x, int.MinValue, int.MaxValue) : x, DType.Int32);

    /// <summary>
    /// Returns the part of x along one axis that begins at <paramref name="start"/> (a negative one counts from the
    /// end) and is <paramref name="length"/> long; without a length, all that follows. In an index expression it is
    /// x[start..end].
    /// </summary>
    /// <exception cref="EngineException">The part lies outside x.</exception>
    public static Variable Slice(Variable x, int axis, int start, int? length = null)
    {
        axis = Axes(x, [axis])[0];
        if (length < 0)
        {
            throw new EngineException($"A part of '{x}' ({x.Type}) cannot have the length {length}.{Origin.Current}");
        }

        bool isFromEnd = start < 0;
        Index first = isFromEnd ? new Index(-start, fromEnd: true) : start;
        Index end = length is not { } count ? Index.End
            : !isFromEnd ? checked(start + count)
            : count <= -start ? new Index(-start - count, fromEnd: true)
            : throw new EngineException(
                $"{count} indices from {start} on lie outside axis {axis} of '{x}' ({x.Type}).{Origin.Current}");
        return Along(x, axis, first..end);
    }

    /// <summary>
    /// Returns the rows of x, or what else <paramref name="axis"/> counts, that <paramref name="indices"/> (int32)
    /// lists, in that order; one may be listed more than once, negative ones count from the end. The indices' sides
    /// stand in the place of the axis. In an index expression it is x[indices]; Theano's <c>take</c>.
    /// </summary>
    /// <exception cref="EngineException">
    /// The indices are not int32, or there is no such axis; or, when the function runs, one of them lies outside it.
    /// </exception>
    public static Variable Gather(Variable x, Variable indices, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(indices);
        return Along(x, Axes(x, [axis])[0], indices);
    }

    /// <summary>
    /// From each line of x along an axis the elements that the line of indices at the same place lists: y[i, j] =
    /// x[i, indices[i, j]] for the last of two axes. But for that axis the shapes are equal.
    /// </summary>
    /// <exception cref="EngineException">
    /// The ranks differ, or there is no such axis; or, when the function runs, an index lies outside it.
    /// </exception>
    public static Variable TakeAlongAxis(Variable x, Variable indices, int axis = -1) => x[PlacesAlong(x, indices, axis)];

    /// <summary>
    /// Computes x with values put, in each line along an axis, where the line of indices at the same place says; or
    /// added there, all of them where one place is named more than once.
    /// </summary>
    /// <inheritdoc cref="TakeAlongAxis"/>
    public static Variable Scatter(Variable x, Variable indices, Variable values, int axis = -1, bool adds = false)
    {
        Variable part = TakeAlongAxis(x, indices, axis);
        return adds ? IncSubtensor(part, values) : SetSubtensor(part, values);
    }

    private static AxisIndex[] PlacesAlong(Variable x, Variable indices, int axis)
    {
        ArgumentNullException.ThrowIfNull(indices);
        axis = Axes(x, [axis])[0];
        if (indices.Rank != x.Rank)
        {
            throw new EngineException(
                $"The indices '{indices}' ({indices.Type}) along an axis of '{x}' ({x.Type}) must have as many axes.{Origin.Current}");
        }

        return [.. Enumerable.Range(0, x.Rank).Select(other => (AxisIndex)(other == axis
            ? indices
            : DimShuffle(ARange(SideOf(x, other)), [.. Enumerable.Range(0, x.Rank).Select(i => i == other ? 0 : NewAxis)])))];
    }
}
