using Engine.Graph;

namespace Engine.Ops;

/// <summary>What a <see cref="Subtensor"/> takes of one axis.</summary>
/// <param name="Kind">A place, a range or an array of places, which is an input of the op.</param>
/// <param name="Range">The place is where it begins; of an array it is nothing.</param>
/// <param name="Step">Every how many-th of the range; from its end on where it is negative.</param>
internal readonly record struct AxisPart(AxisIndexKind Kind, Range Range = default, int Step = 1)
{
    public static AxisPart Array => new(AxisIndexKind.Array);

    /// <summary>
    /// Returns the first place, and how many there are, both unknown where the side is and they depend on it.
    /// </summary>
    /// <exception cref="EngineException">They lie outside the axis.</exception>
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

    /// <summary>Where an index is; of an unknown side how far from that end which it is counted from.</summary>
    private static int At(Index index, int side) =>
        !index.IsFromEnd ? index.Value : side == Shape.Unknown ? -index.Value : side - index.Value;
}

/// <summary>
/// An index expression, a part for each axis. Where there are arrays, NumPy's rule says where their sides stand in the
/// result: in the place of the first, or first of all where a range stands between two of them; a place counts as an array
/// then.
/// </summary>
internal sealed record SubtensorParts(params AxisPart[] Axes)
{
    public int Arrays => Axes.Count(part => part.Kind == AxisIndexKind.Array);

    /// <summary>Gets where the arrays' sides stand among the ranges; −1 where there are no arrays.</summary>
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
    /// Returns the shape of the part, for an array and the arrays of places, which broadcast to one shape.
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
                throw new EngineException("places must be int32");
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
    /// Returns the loops over the part of an array, for arrays of places of these shapes, all sides being known.
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

/// <summary>A loop over a part: how often it runs, how far it steps in the array, and in the list of places.</summary>
internal readonly record struct SubtensorLoop(int Side, int Step, int Places);

/// <summary>
/// How a part lies in its array: where it starts, the loops over it in C order, and the side and the stride of each axis
/// that an array of places chooses from.
/// </summary>
/// <param name="Start">The offset of the first element, but for its place.</param>
/// <param name="All">The loops.</param>
/// <param name="Arrays">Of which axis each array of places chooses.</param>
/// <param name="Places">What the arrays of places broadcast to.</param>
/// <param name="Walk">The loops over that, and how far each array is walked in them.</param>
internal sealed record SubtensorLoops(
    long Start, SubtensorLoop[] All, (int Side, int Stride)[] Arrays, Shape Places, (int[] Sides, int[][] Strides) Walk)
{
    /// <summary>Gets whether each element has a place of its own, and nothing else.</summary>
    public bool IsOfPlacesAlone => All is [{ Places: not 0 }];

    /// <summary>Returns how many elements, or rows of the last loop, there are.</summary>
    public static int Product(ReadOnlySpan<SubtensorLoop> loops)
    {
        int product = 1;
        foreach (SubtensorLoop loop in loops)
        {
            product = checked(product * loop.Side);
        }

        return product;
    }

    /// <summary>Gets the loop over the places; −1 where there is none.</summary>
    public int PlacesAt => Array.FindIndex(All, loop => loop.Places != 0);

    /// <summary>Returns the offset in the array of an iteration of some loops; its place is added to it.</summary>
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

    /// <summary>Returns the definition: the offset in the array of every element of the part, in C order.</summary>
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
