using Engine.Graph;

namespace Engine.Ops;

/// <summary>Specifies the elements that <see cref="Symbolic.Pad"/> adds around an array.</summary>
public enum PadMode
{
    /// <summary>One number.</summary>
    Constant,

    /// <summary>The element at the edge: a b c → a a a b c c c.</summary>
    Edge,

    /// <summary>The array mirrored at its edges, without repeating them: a b c → c b a b c b a.</summary>
    Reflect,

    /// <summary>The array mirrored with its edges: a b c → b a a b c c b.</summary>
    Symmetric,

    /// <summary>The array repeated: a b c → b c a b c a b.</summary>
    Wrap,
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns x with a new axis of length 1 at this position of the result; a negative one counts from the innermost.
    /// </summary>
    /// <exception cref="EngineException">There is no such position.</exception>
    public static Variable ExpandDims(Variable x, int axis)
    {
        ArgumentNullException.ThrowIfNull(x);
        int position = axis < 0 ? axis + x.Rank + 1 : axis;
        return position >= 0 && position <= x.Rank
            ? DimShuffle(
                x, [.. Enumerable.Range(0, position), NewAxis, .. Enumerable.Range(position, x.Rank - position)])
            : throw new EngineException($"'{x}' ({x.Type}) has no position for a new axis {axis}.{Origin.Current}");
    }

    /// <summary>
    /// Returns x without some axes of length 1; by default without all that are known to have that length.
    /// </summary>
    /// <exception cref="EngineException">An axis is longer.</exception>
    public static Variable Squeeze(Variable x, Shape? axes = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        Shape dropped = axes is null
            ? [.. Enumerable.Range(0, x.Rank).Where(axis => x.Shape[axis] == 1)]
            : Axes(x, axes);
        return DimShuffle(x, [.. Enumerable.Range(0, x.Rank).Except(dropped)]);
    }

    /// <summary>Returns x with two axes exchanged.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable SwapAxes(Variable x, int a, int b)
    {
        (a, b) = (Axes(x, [a])[0], Axes(x, [b])[0]);
        return DimShuffle(x, [.. Enumerable.Range(0, x.Rank).Select(axis => axis == a ? b : axis == b ? a : axis)]);
    }

    /// <summary>Returns x with an axis moved to another position; the others keep their order.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable MoveAxis(Variable x, int from, int to)
    {
        (from, to) = (Axes(x, [from])[0], Axes(x, [to])[0]);
        List<int> axes = [.. Enumerable.Range(0, x.Rank).Where(axis => axis != from)];
        axes.Insert(to, from);
        return DimShuffle(x, [.. axes]);
    }

    /// <summary>Joins arrays of one shape along a new axis.</summary>
    /// <exception cref="EngineException">There are no arrays, or their shapes differ.</exception>
    public static Variable Stack(int axis, params ReadOnlySpan<Variable> arrays)
    {
        Variable[] all = arrays.ToArray();
        int position = all is [var first, ..] && axis < 0 ? axis + first.Rank + 1 : axis;
        return Concat(position, [.. all.Select(array => ExpandDims(array, position))]);
    }

    /// <summary>Splits x along an axis into parts of these lengths.</summary>
    /// <exception cref="EngineException">The lengths do not add up to that of the axis.</exception>
    public static IReadOnlyList<Variable> Split(Variable x, int axis, params ReadOnlySpan<int> lengths)
    {
        axis = Axes(x, [axis])[0];
        int whole = 0;
        foreach (int length in lengths)
        {
            whole += length;
        }

        if (x.Shape[axis] != Shape.Unknown && whole != x.Shape[axis])
        {
            throw new EngineException($"The parts of axis {axis} of '{x}' ({x.Type}) make up {whole}.{Origin.Current}");
        }

        var parts = new Variable[lengths.Length];
        for (int i = 0, start = 0; i < parts.Length; start += lengths[i++])
        {
            parts[i] = Along(x, axis, start..(start + lengths[i]));
        }

        return parts;
    }

    /// <summary>Reverses x along some axes; by default along all of them.</summary>
    /// <exception cref="EngineException">There is no such axis, or it is given twice.</exception>
    public static Variable Flip(Variable x, Shape? axes = null)
    {
        Shape flipped = Axes(x, axes);
        return x[[.. Enumerable.Range(0, x.Rank).Select(axis => (AxisIndex)(.., flipped.Contains(axis) ? -1 : 1))]];
    }

    /// <summary>Shifts x along an axis. Elements that leave at the end enter at the beginning.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Roll(Variable x, int shift, int axis)
    {
        axis = Axes(x, [axis])[0];
        Variable dimension = DimensionOf(x, axis);
        return Along(x, axis, Mod(ARange(dimension) - shift, Maximum(dimension, 1)));
    }

    /// <summary>Shifts all elements of x, in C order.</summary>
    public static Variable Roll(Variable x, int shift) => ReshapeLike(Roll(Flatten(x, 1), shift, 0), x);

    /// <summary>Repeats each element along an axis: a b → a a b b.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Repeat(Variable x, Dimension times, int axis)
    {
        axis = Axes(x, [axis])[0];
        if (times.Value is { Rank: 1 } counts)
        {
            throw new EngineException(
                $"Each element of '{x}' ({x.Type}) is repeated as often: by one number, not by '{counts}' "
                + $"({counts.Type}). Counts for each of them are an int[].{Origin.Current}");
        }

        Dimension[] kept = [.. Enumerable.Repeat<Dimension>(-1, x.Rank)], dimensions = [.. DimensionsOf(x)];
        Variable repeated = BroadcastTo(ExpandDims(x, axis + 1), [.. kept[..(axis + 1)], times, .. kept[(axis + 1)..]]);
        dimensions[axis] = Product(DimensionOf(x, axis), times);
        return Reshape(repeated, dimensions.AsSpan());
    }

    /// <summary>Repeats each element along an axis as often as a list says.</summary>
    /// <exception cref="EngineException">There is no such axis, or the list has another length.</exception>
    public static Variable Repeat(Variable x, int[] times, int axis)
    {
        ArgumentNullException.ThrowIfNull(times);
        axis = Axes(x, [axis])[0];
        return x.Shape[axis] == Shape.Unknown || x.Shape[axis] == times.Length
            ? Along(x, axis, times.SelectMany((count, i) => Enumerable.Repeat(i, count)).ToArray())
            : throw new EngineException(
                $"Axis {axis} of '{x}' ({x.Type}) cannot be repeated by a list of {times.Length} "
                + $"counts.{Origin.Current}");
    }

    /// <summary>
    /// Repeats x along each of the innermost axes, of which there may be more than x has: a b → a b a b.
    /// </summary>
    public static Variable Tile(Variable x, params ReadOnlySpan<Dimension> times)
    {
        ArgumentNullException.ThrowIfNull(x);
        Dimension[] given = Dimension.Each(times),
            all = [.. Enumerable.Repeat<Dimension>(1, Math.Max(0, x.Rank - given.Length)), .. given];
        x = DimShuffle(x, [.. Enumerable.Repeat(NewAxis, all.Length - x.Rank), .. Enumerable.Range(0, x.Rank)]);
        Variable copies = DimShuffle(x, [.. Enumerable.Range(0, x.Rank).SelectMany(axis => (int[])[NewAxis, axis])]);
        Dimension[] repeated = [.. all.SelectMany(count => (Dimension[])[count, -1])];
        Dimension[] dimensions = [.. all.Select((count, axis) => Product(DimensionOf(x, axis), count))];
        return Reshape(BroadcastTo(copies, repeated), dimensions.AsSpan());
    }

    /// <summary>
    /// Adds elements before and behind those of each axis: a number, or those that <paramref name="mode"/> determines.
    /// </summary>
    /// <param name="x">The variable to pad.</param>
    /// <param name="widths">
    /// For each axis the numbers of elements before and behind; (0, 0) for omitted axes, which are the outer ones.
    /// </param>
    /// <param name="mode">Which elements are added.</param>
    /// <param name="value">The number for the mode that adds one.</param>
    /// <exception cref="EngineException">There are more widths than axes, or a width is negative.</exception>
    public static Variable Pad(
        Variable x, IReadOnlyList<(int Before, int Behind)> widths, PadMode mode = PadMode.Constant, double value = 0)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(widths);
        if (widths.Count > x.Rank || widths.Any(width => width.Before < 0 || width.Behind < 0))
        {
            string given = string.Join(", ", widths.Select(width => InvariantText.Of($"{width}")));
            throw new EngineException(
                $"'{x}' ({x.Type}) cannot be padded by {given}: widths are for its axes, "
                + $"and not negative.{Origin.Current}");
        }

        (int Before, int Behind)[] all = [.. Enumerable.Repeat((0, 0), x.Rank - widths.Count), .. widths];
        if (mode == PadMode.Constant)
        {
            return Padded(x, all, Constant(value, x.DType));
        }

        for (int axis = 0; axis < x.Rank; axis++)
        {
            if (all[axis] != (0, 0))
            {
                Variable dimension = DimensionOf(x, axis),
                    index = ARange(dimension + all[axis].Before + all[axis].Behind) - all[axis].Before;
                x = Along(x, axis, Inside(index, dimension, mode));
            }
        }

        return x;
    }

    /// <summary>
    /// Returns x within an array that is filled with a scalar of its dtype; the widths are those of all axes.
    /// </summary>
    internal static Variable Padded(Variable x, (int Before, int Behind)[] widths, Variable filling)
    {
        Dimension[] dimensions =
            [.. widths.Select((width, axis) => (Dimension)(DimensionOf(x, axis) + width.Before + width.Behind))];
        SubtensorParts inside = Subtensor.Of([.. widths.Select(width => (AxisIndex)(width.Before..^width.Behind))]);
        return new SubtensorUpdate(inside, Adds: false).Call(BroadcastTo(filling, dimensions), x);
    }

    /// <summary>Returns the dimensions of x, as numbers if they are known.</summary>
    internal static IEnumerable<Dimension> DimensionsOf(Variable x) =>
        Enumerable.Range(0, x.Rank).Select(axis => (Dimension)DimensionOf(x, axis));

    /// <summary>Returns a part of x along one axis.</summary>
    internal static Variable Along(Variable x, int axis, AxisIndex index) =>
        x[[.. Enumerable.Repeat<AxisIndex>(.., axis), index]];

    private static Dimension Product(Variable dimension, Dimension times) =>
        dimension * (times.Value ?? Constant(times.Number, DType.Int32));

    /// <summary>Returns the index of the element that a padded index, before, in or behind the axis, shows.</summary>
    private static Variable Inside(Variable index, Variable dimension, PadMode mode)
    {
        switch (mode)
        {
            case PadMode.Edge:
                return Maximum(Minimum(index, dimension - 1), 0);
            case PadMode.Wrap:
                return Mod(index, dimension);
            default:
                // Back and forth: the period has every element twice, except the edges if they are not repeated.
                Variable period = mode == PadMode.Symmetric ? dimension * 2 : Maximum((dimension * 2) - 2, 1);
                Variable there = Mod(index, period);
                return Minimum(there, period - there - (mode == PadMode.Symmetric ? 1 : 0));
        }
    }
}
