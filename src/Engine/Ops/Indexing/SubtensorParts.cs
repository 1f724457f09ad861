using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes what a <see cref="Subtensor"/> selects along one axis.</summary>
/// <param name="Kind">A single index, a range or an index array, which is an input of the op.</param>
/// <param name="Range">The range; a single index is its start, and an array does not use it.</param>
/// <param name="Step">The step within the range; if negative, it goes from the end to the start.</param>
internal readonly record struct AxisPart(AxisIndexKind Kind, Range Range = default, int Step = 1)
{
    public static AxisPart Array => new(AxisIndexKind.Array);

    /// <summary>
    /// Returns the first index and the number of indices. Both are unknown if they depend on an unknown side.
    /// </summary>
    /// <exception cref="EngineException">They are out of range.</exception>
    public (int First, int Count) Of(int side, int axis)
    {
        if (Kind == AxisIndexKind.Point)
        {
            int place = At(Range.Start, side);
            return side == Shape.Unknown || (uint)place < (uint)side
                ? (place, 1)
                : throw new EngineException($"the index {Range.Start} lies outside axis {axis}, of side {side}");
        }

        if (side == Shape.Unknown && Range.Start.IsFromEnd != Range.End.IsFromEnd)
        {
            return (Shape.Unknown, Shape.Unknown);
        }

        int start = At(Range.Start, side), end = At(Range.End, side);
        if (end < start || (side != Shape.Unknown && (start < 0 || end > side)))
        {
            throw new EngineException(side == Shape.Unknown
                ? $"the range {Range} ends before it begins"
                : $"the range {Range} lies outside axis {axis}, of side {side}");
        }

        int step = Math.Abs(Step), count = (int)(((long)end - start + step - 1) / step);
        return (Step > 0 ? start : end - 1, count);
    }

    /// <summary>Returns the part as C# writes it.</summary>
    public override string ToString() => Kind switch
    {
        AxisIndexKind.Array => "#",
        AxisIndexKind.Point => Range.Start.ToString(),
        _ when Step != 1 => FormattableString.Invariant($"({Text(Range)}, {Step})"),
        _ => Text(Range),
    };

    private static string Text(Range range) => range.Equals(Range.All) ? ".." : range.ToString();

    /// <summary>Returns an index; for an unknown side, its distance from the end that it is counted from.</summary>
    private static int At(Index index, int side) =>
        !index.IsFromEnd ? index.Value : side == Shape.Unknown ? -index.Value : side - index.Value;
}

/// <summary>
/// Represents an index expression, with a part for each axis. If there are index arrays, their axes have NumPy's
/// position in the result: that of the first array, or the front if a range is between two arrays. A single index then
/// counts as an array.
/// </summary>
internal sealed record SubtensorParts(params AxisPart[] Axes)
{
    public int Arrays => Axes.Count(part => part.Kind == AxisIndexKind.Array);

    /// <summary>Gets the position of the index arrays' axes among the ranges; −1 if there are no arrays.</summary>
    public int ArraysAt
    {
        get
        {
            int first = Array.FindIndex(Axes, part => part.Kind != AxisIndexKind.Range);
            int last = Array.FindLastIndex(Axes, part => part.Kind != AxisIndexKind.Range);
            return Arrays == 0 ? -1 : Axes[first..last].Any(part => part.Kind == AxisIndexKind.Range) ? 0 : first;
        }
    }

    /// <summary>
    /// Returns the shape of the part, for an array and the index arrays, which broadcast to one shape.
    /// </summary>
    public Shape Infer(TensorType x, ReadOnlySpan<TensorType> arrays)
    {
        if (x.Rank != Axes.Length)
        {
            throw new EngineException($"the index expression is of {Axes.Length} axes");
        }

        if (arrays.Length != Arrays)
        {
            throw new EngineException($"the index expression is of {Arrays} arrays");
        }

        foreach (TensorType array in arrays)
        {
            if (array.DType != DType.Int32)
            {
                throw new EngineException("an index array must be int32");
            }
        }

        var sides = new List<int>();
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            if (Axes[axis].Kind != AxisIndexKind.Array)
            {
                (_, int count) = Axes[axis].Of(x.Shape[axis], axis);
                if (Axes[axis].Kind == AxisIndexKind.Range)
                {
                    sides.Add(count);
                }
            }
        }

        if (ArraysAt >= 0)
        {
            sides.InsertRange(ArraysAt, Broadcasting.Join(arrays));
        }

        return Shape.Create([.. sides]);
    }

    /// <summary>
    /// Returns the loops over the part of an array, for index arrays of these shapes. All sides are known.
    /// </summary>
    public SubtensorLoops Loops(Shape x, IEnumerable<Shape> places)
    {
        Shape[] shapes = [.. places.Take(Arrays)];
        Shape joined = Broadcasting.Join([.. shapes.Select(shape => new TensorType(DType.Int32, shape))]);
        int[] strides = x.Strides();
        var loops = new List<SubtensorLoop>();
        var arrays = new List<(int Side, int Step)>();
        long start = 0;
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            if (Axes[axis].Kind == AxisIndexKind.Array)
            {
                arrays.Add((x[axis], strides[axis]));
                continue;
            }

            (int first, int count) = Axes[axis].Of(x[axis], axis);
            start += count > 0 ? (long)first * strides[axis] : 0;
            if (Axes[axis].Kind == AxisIndexKind.Range)
            {
                loops.Add(new SubtensorLoop(count, Axes[axis].Step * strides[axis], 0));
            }
        }

        if (ArraysAt >= 0)
        {
            loops.Insert(ArraysAt, new SubtensorLoop((int)joined.Count, 0, 1));
        }

        return new SubtensorLoops(start, Merged(loops), [.. arrays], joined, Broadcasting.Loops(joined, shapes));
    }

    public bool Equals(SubtensorParts? other) => other is not null && Axes.AsSpan().SequenceEqual(other.Axes);

    public override int GetHashCode() => Axes.Aggregate(17, (hash, part) => HashCode.Combine(hash, part));

    /// <summary>Returns the expression as C# writes it.</summary>
    public override string ToString() => $"[{string.Join(", ", Axes)}]";

    private static SubtensorLoop[] Merged(List<SubtensorLoop> loops)
    {
        var merged = new List<SubtensorLoop>();
        foreach (SubtensorLoop loop in loops.Where(loop => loop.Side != 1 || loop.Places != 0))
        {
            if (merged.Count > 0 && merged[^1].Places + loop.Places == 0 && merged[^1].Step == (long)loop.Side * loop.Step)
            {
                merged[^1] = loop with { Side = merged[^1].Side * loop.Side };
            }
            else
            {
                merged.Add(loop);
            }
        }

        return merged.Count == 0 ? [new SubtensorLoop(1, 1, 0)] : [.. merged];
    }
}

/// <summary>
/// Describes a loop over a part: its length, its step in the array and its step in the list of offsets.
/// </summary>
internal readonly record struct SubtensorLoop(int Side, int Step, int Places);

/// <summary>
/// Describes the layout of a part in its array: its start, the loops over it in C order, and the side and the stride of
/// each axis with an index array.
/// </summary>
/// <param name="Start">The offset of the first element, without the offsets of the index arrays.</param>
/// <param name="All">The loops.</param>
/// <param name="Arrays">The side and the stride of the axis of each index array.</param>
/// <param name="Places">The shape that the index arrays broadcast to.</param>
/// <param name="Walk">The loops over that shape, and the strides of each index array in them.</param>
internal sealed record SubtensorLoops(
    long Start, SubtensorLoop[] All, (int Side, int Stride)[] Arrays, Shape Places, (int[] Sides, int[][] Strides) Walk)
{
    /// <summary>Gets whether the part is selected by index arrays only.</summary>
    public bool IsOfPlacesAlone => All is [{ Places: not 0 }];

    /// <summary>Returns the product of the loops' lengths.</summary>
    public static int Product(ReadOnlySpan<SubtensorLoop> loops)
    {
        int product = 1;
        foreach (SubtensorLoop loop in loops)
        {
            product = checked(product * loop.Side);
        }

        return product;
    }

    /// <summary>Gets the index of the loop over the index arrays; −1 if there is none.</summary>
    public int PlacesAt => Array.FindIndex(All, loop => loop.Places != 0);

    /// <summary>
    /// Returns the offset in the array of an iteration of some loops, including that of the index arrays.
    /// </summary>
    public static unsafe long Offset(ReadOnlySpan<SubtensorLoop> loops, int iteration, int* places)
    {
        long offset = 0;
        for (int i = loops.Length - 1; i >= 0; i--)
        {
            (iteration, int at) = Math.DivRem(iteration, loops[i].Side);
            offset += loops[i].Places != 0 ? places[at] : (long)at * loops[i].Step;
        }

        return offset;
    }

    /// <summary>Computes the definition: the offset in the array of every element of the part, in C order.</summary>
    public IEnumerable<int> Offsets(IReadOnlyList<NdArray> arrays)
    {
        double[][] places = [.. arrays.Select(array => NdArray.Indices(Places).Select(index => array[index]).ToArray())];
        foreach (int[] index in NdArray.Indices([.. All.Select(loop => loop.Side)]))
        {
            long offset = Start;
            for (int i = 0; i < index.Length; i++)
            {
                offset += (long)index[i] * All[i].Step;
                for (int array = 0; array < Arrays.Length && All[i].Places != 0; array++)
                {
                    int place = (int)places[array][index[i]];
                    offset += (place < 0 ? place + Arrays[array].Side : place) * (long)Arrays[array].Stride;
                }
            }

            yield return (int)offset;
        }
    }
}
