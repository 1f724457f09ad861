using Engine.Graph;

namespace Engine.Ops;

/// <content>Where elements are and how many there are: made of sorts, sums and index expressions.</content>
public static partial class Symbolic
{
    /// <summary>
    /// Returns where elements, in C order, are true, which is not 0, and how many are. A plan is made for shapes, and
    /// so as many places are given as are asked for: the first are those of the true elements, in order, behind them
    /// come those of others.
    /// </summary>
    /// <param name="x">Where to look.</param>
    /// <param name="most">How many places are given, at most as many as there are elements.</param>
    /// <returns>The places, int32 (most), and their number, an int32 scalar, which may be greater.</returns>
    public static (Variable Places, Variable Count) NonZero(Variable x, int most)
    {
        Variable isTrue = NotEqual(Flatten(x, 1), 0);
        Variable rank = Where(isTrue, 0, Constant(1, DType.Int32));
        return (TopK(rank, most, isLeast: true).Indices, Sum(isTrue));
    }

    /// <summary>
    /// Returns how often each whole number from 0 up to, not including, a count comes in x, as int32; others are not
    /// counted.
    /// </summary>
    public static Variable BinCount(Variable x, Side count)
    {
        Variable places = Flatten(Places(x), 1), side = count.Value ?? Constant(count.Number, DType.Int32);
        Variable isOne = And(GreaterOrEqual(places, 0), Less(places, side));

        // Those that are not counted have a place behind the others.
        Variable counts = BroadcastTo(Constant(0, DType.Int32), side + 1);
        return IncSubtensor(counts[Where(isOne, places, side)], 1)[..^1];
    }

    /// <summary>
    /// Returns how many of the numbers of a sorted vector are less than each of v, or, from the right, not greater:
    /// where it is to be put so that it stays sorted. Each is compared with all.
    /// </summary>
    public static Variable SearchSorted(Variable sorted, Variable v, bool isFromRight = false)
    {
        OfRank("searchSorted", sorted, 1);
        ArgumentNullException.ThrowIfNull(v);
        Variable each = ExpandDims(v, -1);
        return Sum(isFromRight ? LessOrEqual(sorted, each) : Less(sorted, each), [-1]);
    }

    /// <summary>Returns what each element along an axis differs from the one before by, so many times.</summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Diff(Variable x, int times = 1, int axis = -1)
    {
        axis = Axes(x, [axis])[0];
        for (; times > 0; times--)
        {
            x = Along(x, axis, 1..) - Along(x, axis, ..^1);
        }

        return x;
    }

    /// <summary>
    /// Returns the order that brings a permutation back: where each of the numbers from 0 on stands in a vector.
    /// </summary>
    public static Variable InversePermutation(Variable permutation) => ArgSort(permutation);

    /// <summary>Returns the indices along each axis of a shape of places in its elements, counted in C order.</summary>
    public static IReadOnlyList<Variable> UnravelIndex(Variable places, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(places);
        var indices = new Variable[shape.Rank];
        for (int axis = shape.Rank - 1; axis >= 0; axis--)
        {
            indices[axis] = axis == 0 ? places : Mod(places, shape[axis]);
            places = IntDiv(places, shape[axis]);
        }

        return indices;
    }

    /// <summary>
    /// Returns the places, counted in C order, of elements of a shape that indices along each axis name.
    /// </summary>
    /// <exception cref="EngineException">They are not as many as the shape has axes.</exception>
    public static Variable RavelMultiIndex(IReadOnlyList<Variable> indices, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(indices);
        return indices.Count == shape.Rank && shape.Rank > 0
            ? indices.Select((index, axis) => axis == shape.Rank - 1 ? index : index * (double)shape.Product(axis + 1, shape.Rank))
                .Aggregate(Add)
            : throw new EngineException($"{indices.Count} indices do not name elements of the shape {shape}.{Origin.Current}");
    }
}
