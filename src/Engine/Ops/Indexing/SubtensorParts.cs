using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes what a <see cref="Subtensor"/> selects along one axis.</summary>
/// <param name="Kind">A single index, a range or an index array, which is an input of the op.</param>
/// <param name="Range">The range; a single index is its start, and an array does not use it.</param>
/// <param name="Step">The step within the range; if negative, it goes from the end to the start.</param>
internal readonly record struct AxisPart(AxisIndexKind Kind, Range Range = default, int Step = 1)
{
    /// <summary>
    /// Returns the first index and the number of indices. Both are unknown if they depend on an unknown dimension.
    /// </summary>
    /// <exception cref="EngineException">They are out of range.</exception>
    public (int First, int Count) Of(int dimension, int axis)
    {
        if (Kind == AxisIndexKind.Point)
        {
            int index = At(Range.Start, dimension);
            return dimension == Shape.Unknown || (uint)index < (uint)dimension
                ? (index, 1)
                : throw new EngineException($"the index {Range.Start} lies outside axis {axis}, of size {dimension}");
        }

        if (dimension == Shape.Unknown && Range.Start.IsFromEnd != Range.End.IsFromEnd)
        {
            return (Shape.Unknown, Shape.Unknown);
        }

        int start = At(Range.Start, dimension), end = At(Range.End, dimension);
        if (end < start || (dimension != Shape.Unknown && (start < 0 || end > dimension)))
        {
            throw new EngineException(dimension == Shape.Unknown
                ? $"the range {Range} ends before it begins"
                : $"the range {Range} lies outside axis {axis}, of size {dimension}");
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

    /// <summary>
    /// Returns an index; for an unknown dimension, its distance from the end that it is counted from.
    /// </summary>
    private static int At(Index index, int dimension) =>
        !index.IsFromEnd ? index.Value : dimension == Shape.Unknown ? -index.Value : dimension - index.Value;
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

        var dimensions = new List<int>();
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            if (Axes[axis].Kind != AxisIndexKind.Array)
            {
                (_, int count) = Axes[axis].Of(x.Shape[axis], axis);
                if (Axes[axis].Kind == AxisIndexKind.Range)
                {
                    dimensions.Add(count);
                }
            }
        }

        if (ArraysAt >= 0)
        {
            dimensions.InsertRange(ArraysAt, Broadcasting.Join(arrays));
        }

        return Shape.Create([.. dimensions]);
    }

    /// <summary>
    /// Returns the loops over the part of an array, for index arrays of these shapes. All dimensions are known.
    /// </summary>
    public SubtensorLoops Loops(Shape x, IEnumerable<Shape> arrays)
    {
        Shape[] shapes = [.. arrays.Take(Arrays)];
        Shape joined = Broadcasting.Join([.. shapes.Select(shape => new TensorType(DType.Int32, shape))]);
        int[] strides = x.Strides();
        var loops = new List<SubtensorLoop>();
        var axes = new List<(int Dimension, int Step)>();
        long start = 0;
        for (int axis = 0; axis < Axes.Length; axis++)
        {
            if (Axes[axis].Kind == AxisIndexKind.Array)
            {
                axes.Add((x[axis], strides[axis]));
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

        return new SubtensorLoops(start, Merged(loops), [.. axes], joined, Broadcasting.Loops(joined, shapes));
    }

    public bool Equals(SubtensorParts? other) => other is not null && Axes.AsSpan().SequenceEqual(other.Axes);

    public override int GetHashCode() => Axes.Aggregate(17, (hash, part) => HashCode.Combine(hash, part));

    /// <summary>Returns the expression as C# writes it.</summary>
    public override string ToString() => $"[{string.Join(", ", Axes)}]";

    private static SubtensorLoop[] Merged(List<SubtensorLoop> loops)
    {
        var merged = new List<SubtensorLoop>();
        foreach (SubtensorLoop loop in loops.Where(loop => loop.Dimension != 1 || loop.OffsetStep != 0))
        {
            if (merged.Count > 0 && merged[^1].OffsetStep + loop.OffsetStep == 0
                && merged[^1].Step == (long)loop.Dimension * loop.Step)
            {
                merged[^1] = loop with { Dimension = merged[^1].Dimension * loop.Dimension };
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
internal readonly record struct SubtensorLoop(int Dimension, int Step, int OffsetStep);

/// <summary>
/// Describes the layout of a part in its array: its start, the loops over it in C order, and the dimension and the
/// stride of each axis with an index array.
/// </summary>
/// <param name="Start">The offset of the first element, without the offsets of the index arrays.</param>
/// <param name="All">The loops.</param>
/// <param name="Arrays">The dimension and the stride of the axis of each index array.</param>
/// <param name="IndexShape">The shape that the index arrays broadcast to.</param>
/// <param name="Walk">The loops over that shape, and the strides of each index array in them.</param>
internal sealed record SubtensorLoops(
    long Start, SubtensorLoop[] All, (int Dimension, int Stride)[] Arrays, Shape IndexShape,
    (int[] Dimensions, int[][] Strides) Walk)
{
    /// <summary>Gets whether the part is selected by index arrays only.</summary>
    public bool HasArraysOnly => All is [{ OffsetStep: not 0 }];

    /// <summary>Returns the product of the loops' lengths.</summary>
    public static int Product(ReadOnlySpan<SubtensorLoop> loops)
    {
        int product = 1;
        foreach (SubtensorLoop loop in loops)
        {
            product = checked(product * loop.Dimension);
        }

        return product;
    }

    /// <summary>Gets the index of the loop over the index arrays; −1 if there is none.</summary>
    public int ArraysAt => Array.FindIndex(All, loop => loop.OffsetStep != 0);

    /// <summary>
    /// Returns the offset in the array of an iteration of some loops, including that of the index arrays.
    /// </summary>
    public static unsafe long Offset(ReadOnlySpan<SubtensorLoop> loops, int iteration, int* offsets)
    {
        long offset = 0;
        for (int i = loops.Length - 1; i >= 0; i--)
        {
            (iteration, int at) = Math.DivRem(iteration, loops[i].Dimension);
            offset += loops[i].OffsetStep != 0 ? offsets[at] : (long)at * loops[i].Step;
        }

        return offset;
    }

    /// <summary>Computes the reference: the offset in the array of every element of the part, in C order.</summary>
    public IEnumerable<int> Offsets(IReadOnlyList<NdArray> arrays)
    {
        double[][] indices =
            [.. arrays.Select(array => NdArray.Indices(IndexShape).Select(index => array[index]).ToArray())];
        foreach (int[] at in NdArray.Indices([.. All.Select(loop => loop.Dimension)]))
        {
            long offset = Start;
            for (int i = 0; i < at.Length; i++)
            {
                offset += (long)at[i] * All[i].Step;
                for (int array = 0; array < Arrays.Length && All[i].OffsetStep != 0; array++)
                {
                    int index = (int)indices[array][at[i]];
                    offset += (index < 0 ? index + Arrays[array].Dimension : index) * (long)Arrays[array].Stride;
                }
            }

            yield return (int)offset;
        }
    }
}
