using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes what <see cref="Symbolic.Pad"/> puts around an array.</summary>
public enum PadMode
{
    /// <summary>One number.</summary>
    Constant,

    /// <summary>The element at the edge: a b c → a a a b c c c.</summary>
    Edge,

    /// <summary>The array mirrored at its edges, which are not repeated: a b c → c b a b c b a.</summary>
    Reflect,

    /// <summary>The array mirrored with its edges: a b c → b a a b c c b.</summary>
    Symmetric,

    /// <summary>The array once more: a b c → b c a b c a b.</summary>
    Wrap,
}

public static partial class Symbolic
{
    /// <summary>
    /// Computes x with a new axis of side 1 in this place of the result; a negative one counts from the innermost.
    /// </summary>
    /// <exception cref="EngineException">There is no such place.</exception>
    public static Variable ExpandDims(Variable x, int axis)
    {
        ArgumentNullException.ThrowIfNull(x);
        int place = axis < 0 ? axis + x.Rank + 1 : axis;
        return place >= 0 && place <= x.Rank
            ? DimShuffle(x, [.. Enumerable.Range(0, place), NewAxis, .. Enumerable.Range(place, x.Rank - place)])
            : throw new EngineException($"'{x}' ({x.Type}) has no place for a new axis {axis}.{Origin.Current}");
    }

    /// <summary>
    /// Computes x without some axes of side 1; without those that are known to have it, unless axes are named.
    /// </summary>
    /// <exception cref="EngineException">An axis is longer.</exception>
    public static Variable Squeeze(Variable x, Shape? axes = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        Shape dropped = axes is null ? [.. Enumerable.Range(0, x.Rank).Where(axis => x.Shape[axis] == 1)] : Axes(x, axes);
        return DimShuffle(x, [.. Enumerable.Range(0, x.Rank).Except(dropped)]);
    }

    /// <summary>Computes x with two axes exchanged.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable SwapAxes(Variable x, int a, int b)
    {
        (a, b) = (Axes(x, [a])[0], Axes(x, [b])[0]);
        return DimShuffle(x, [.. Enumerable.Range(0, x.Rank).Select(axis => axis == a ? b : axis == b ? a : axis)]);
    }

    /// <summary>Computes x with an axis moved to another place, the others staying in order.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable MoveAxis(Variable x, int from, int to)
    {
        (from, to) = (Axes(x, [from])[0], Axes(x, [to])[0]);
        List<int> axes = [.. Enumerable.Range(0, x.Rank).Where(axis => axis != from)];
        axes.Insert(to, from);
        return DimShuffle(x, [.. axes]);
    }

    /// <summary>Returns arrays of one shape along a new axis.</summary>
    /// <exception cref="EngineException">There are no arrays, or their shapes differ.</exception>
    public static Variable Stack(int axis, params ReadOnlySpan<Variable> arrays)
    {
        Variable[] all = arrays.ToArray();
        int place = all is [var first, ..] && axis < 0 ? axis + first.Rank + 1 : axis;
        return Concat(place, [.. all.Select(array => ExpandDims(array, place))]);
    }

    /// <summary>Returns the parts of x along an axis that are so long, one after the other.</summary>
    /// <exception cref="EngineException">They do not make up the axis.</exception>
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

    /// <summary>Computes x in reverse along some axes; along all of them unless some are named.</summary>
    /// <exception cref="EngineException">There is no such axis, or it is named twice.</exception>
    public static Variable Flip(Variable x, Shape? axes = null)
    {
        Shape flipped = Axes(x, axes);
        return x[[.. Enumerable.Range(0, x.Rank).Select(axis => (AxisIndex)(.., flipped.Contains(axis) ? -1 : 1))]];
    }

    /// <summary>Computes x moved on along an axis, what leaves it at the end coming in at the beginning.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Roll(Variable x, int shift, int axis)
    {
        axis = Axes(x, [axis])[0];
        Variable side = SideOf(x, axis);
        return Along(x, axis, Mod(ARange(side) - shift, Maximum(side, 1)));
    }

    /// <summary>Computes x, of which all elements follow one another, moved on.</summary>
    public static Variable Roll(Variable x, int shift) => ReshapeLike(Roll(Flatten(x, 1), shift, 0), x);

    /// <summary>Returns each element along an axis so many times, one after the other: a b → a a b b.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Repeat(Variable x, Side times, int axis)
    {
        axis = Axes(x, [axis])[0];
        Side[] kept = [.. Enumerable.Repeat<Side>(-1, x.Rank)], sides = [.. SidesOf(x)];
        Variable repeated = BroadcastTo(ExpandDims(x, axis + 1), [.. kept[..(axis + 1)], times, .. kept[(axis + 1)..]]);
        sides[axis] = Product(SideOf(x, axis), times);
        return Reshape(repeated, sides.AsSpan());
    }

    /// <summary>Returns each element along an axis as often as a list says.</summary>
    /// <exception cref="EngineException">There is no such axis, or the list is of another length.</exception>
    public static Variable Repeat(Variable x, int[] times, int axis)
    {
        ArgumentNullException.ThrowIfNull(times);
        axis = Axes(x, [axis])[0];
        return x.Shape[axis] == Shape.Unknown || x.Shape[axis] == times.Length
            ? Along(x, axis, times.SelectMany((count, i) => Enumerable.Repeat(i, count)).ToArray())
            : throw new EngineException(
                $"Axis {axis} of '{x}' ({x.Type}) cannot be repeated by a list of {times.Length} counts.{Origin.Current}");
    }

    /// <summary>
    /// Computes x so many times along each of the innermost axes, of which there may be more than x has: a b → a b a b.
    /// </summary>
    public static Variable Tile(Variable x, params ReadOnlySpan<Side> times)
    {
        ArgumentNullException.ThrowIfNull(x);
        Side[] all = [.. Enumerable.Repeat<Side>(1, Math.Max(0, x.Rank - times.Length)), .. times];
        x = DimShuffle(x, [.. Enumerable.Repeat(NewAxis, all.Length - x.Rank), .. Enumerable.Range(0, x.Rank)]);
        Variable copies = DimShuffle(x, [.. Enumerable.Range(0, x.Rank).SelectMany(axis => (int[])[NewAxis, axis])]);
        Side[] repeated = [.. all.SelectMany(count => (Side[])[count, -1])];
        Side[] sides = [.. all.Select((count, axis) => Product(SideOf(x, axis), count))];
        return Reshape(BroadcastTo(copies, repeated), sides.AsSpan());
    }

    /// <summary>
    /// Computes x with more elements before and after those of each axis: a number, or what <paramref name="mode"/>
    /// says.
    /// </summary>
    /// <param name="x">What is padded.</param>
    /// <param name="widths">For each axis how many before and behind; of (0, 0) for those that are left out, the outer ones.</param>
    /// <param name="mode">What is put there.</param>
    /// <param name="value">The number, where it is one.</param>
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
                $"'{x}' ({x.Type}) cannot be padded by {given}: widths are for its axes, and not negative.{Origin.Current}");
        }

        (int Before, int Behind)[] all = [.. Enumerable.Repeat((0, 0), x.Rank - widths.Count), .. widths];
        if (mode == PadMode.Constant)
        {
            Side[] sides = [.. all.Select((width, axis) => (Side)(SideOf(x, axis) + width.Before + width.Behind))];
            return SetSubtensor(
                BroadcastTo(Constant(value, x.DType), sides)[[.. all.Select(width => (AxisIndex)(width.Before..^width.Behind))]], x);
        }

        for (int axis = 0; axis < x.Rank; axis++)
        {
            if (all[axis] != (0, 0))
            {
                Variable side = SideOf(x, axis), place = ARange(side + all[axis].Before + all[axis].Behind) - all[axis].Before;
                x = Along(x, axis, Inside(place, side, mode));
            }
        }

        return x;
    }

    /// <summary>The sides of x, numbers where they are known.</summary>
    internal static IEnumerable<Side> SidesOf(Variable x) => Enumerable.Range(0, x.Rank).Select(axis => (Side)SideOf(x, axis));

    /// <summary>A part of x along one axis.</summary>
    internal static Variable Along(Variable x, int axis, AxisIndex index) =>
        x[[.. Enumerable.Repeat<AxisIndex>(.., axis), index]];

    private static Side Product(Variable side, Side times) => side * (times.Value ?? Constant(times.Number, DType.Int32));

    /// <summary>Where in an axis of this side a place before, in or behind it has its element.</summary>
    private static Variable Inside(Variable place, Variable side, PadMode mode)
    {
        switch (mode)
        {
            case PadMode.Edge:
                return Maximum(Minimum(place, side - 1), 0);
            case PadMode.Wrap:
                return Mod(place, side);
            default:
                // To and fro: the period has every element twice, but for the edges where these are not repeated.
                Variable period = mode == PadMode.Symmetric ? side * 2 : Maximum((side * 2) - 2, 1);
                Variable there = Mod(place, period);
                return Minimum(there, period - there - (mode == PadMode.Symmetric ? 1 : 0));
        }
    }
}
