using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Converts indices to int32. An int64 out of range becomes the nearest int32, which still lies outside every axis.
    /// </summary>
    internal static Variable ClippedIndices(Variable x) =>
        Cast(x.DType == DType.Int64 ? Clip(x, int.MinValue, int.MaxValue) : x, DType.Int32);

    /// <summary>
    /// Returns the part of x along one axis that begins at <paramref name="start"/> (a negative number counts from the
    /// end) and has <paramref name="length"/> elements; without a length, all that follow. As an index expression:
    /// x[start..end].
    /// </summary>
    /// <exception cref="EngineException">The part is outside x.</exception>
    public static Variable Slice(Variable x, int axis, int start, int? length = null)
    {
        axis = Axes(x, [axis])[0];
        if (length < 0)
        {
            throw new EngineException($"A part of '{x}' ({x.Type}) cannot have the length {length}.{Origin.Current}");
        }

        Index first = TensorIndex.ToIndex(start);
        Index end = length is not { } count ? Index.End
            : start >= 0 && count <= int.MaxValue - start ? start + count
            : start < 0 && count <= -start ? new Index(-start - count, fromEnd: true)
            : throw new EngineException(
                $"{count} indices from {start} on lie outside axis {axis} of '{x}' ({x.Type}).{Origin.Current}");
        return Along(x, axis, first..end);
    }

    /// <summary>
    /// Returns the slices of x along <paramref name="axis"/> that <paramref name="indices"/> (int32) list, in that
    /// order. An index may occur more than once, and a negative one counts from the end. The axes of the indices
    /// replace the axis. As an index expression: x[indices]; Theano's <c>take</c>.
    /// </summary>
    /// <exception cref="EngineException">
    /// The indices are not int32, or there is no such axis. When the function runs: an index is out of range.
    /// </exception>
    public static Variable Gather(Variable x, Variable indices, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(indices);
        return Along(x, Axes(x, [axis])[0], indices);
    }

    /// <summary>
    /// Returns the elements that indices select in each line of x along an axis: y[i, j] = x[i, indices[i, j]] for the
    /// last of two axes. The shapes are equal except for that axis.
    /// </summary>
    /// <exception cref="EngineException">
    /// The ranks differ, or there is no such axis. When the function runs: an index is out of range.
    /// </exception>
    public static Variable TakeAlongAxis(Variable x, Variable indices, int axis = -1) =>
        x[IndicesAlong(x, indices, axis)];

    /// <summary>
    /// Returns x after values are written, in each line along an axis, to the elements that indices select; or added to
    /// them. If an index occurs more than once, all its values are added.
    /// </summary>
    /// <inheritdoc cref="TakeAlongAxis"/>
    public static Variable Scatter(Variable x, Variable indices, Variable values, int axis = -1, bool adds = false)
    {
        Variable part = TakeAlongAxis(x, indices, axis);
        return adds ? IncSubtensor(part, values) : SetSubtensor(part, values);
    }

    private static AxisIndex[] IndicesAlong(Variable x, Variable indices, int axis)
    {
        ArgumentNullException.ThrowIfNull(indices);
        axis = Axes(x, [axis])[0];
        if (indices.Rank != x.Rank)
        {
            throw new EngineException(
                $"The indices '{indices}' ({indices.Type}) along an axis of '{x}' ({x.Type}) must have as many "
                + $"axes.{Origin.Current}");
        }

        return [.. Enumerable.Range(0, x.Rank).Select(other => (AxisIndex)(other == axis
            ? indices
            : DimShuffle(ARange(DimensionOf(x, other)),
                [.. Enumerable.Range(0, x.Rank).Select(i => i == other ? 0 : NewAxis)])))];
    }
}
