using System.Numerics;
using Engine.Graph;

namespace Engine.Ops;

/// <content>Functions that find and count elements, composed of sorts, sums and index expressions.</content>
public static partial class Symbolic
{
    /// <summary>
    /// Returns the indices, in C order, of the true elements (not 0), and their number. A plan has fixed shapes, so the
    /// number of indices is fixed, too: those of the true elements come first, in order, and those of others follow.
    /// </summary>
    /// <param name="x">The variable to search.</param>
    /// <param name="max">The number of indices to return, at most the number of elements.</param>
    /// <returns>
    /// The indices, int32 (max), and the number of true elements, an int32 scalar, which may be greater.
    /// </returns>
    public static (Variable Indices, Variable Count) NonZero(Variable x, int max)
    {
        Variable isTrue = NotEqual(Flatten(x, 1), 0);
        Variable rank = Where(isTrue, 0, Constant(1, DType.Int32));
        return (TopK(rank, max, isSmallest: true).Indices, Sum(isTrue));
    }

    /// <summary>
    /// Returns how often each integer from 0 to a count (exclusive) occurs in x, as int32. Other numbers are not
    /// counted.
    /// </summary>
    public static Variable BinCount(Variable x, Dimension count)
    {
        Variable flat = Flatten(ClippedIndices(x), 1), dimension = count.Value ?? Constant(count.Number, DType.Int32);
        Variable isCounted = And(GreaterOrEqual(flat, 0), Less(flat, dimension));

        // Other numbers are counted in an extra element behind, which is cut off.
        Variable counts = BroadcastTo(Constant(0, DType.Int32), dimension + 1);
        return IncSubtensor(counts[Where(isCounted, flat, dimension)], 1)[..^1];
    }

    /// <summary>
    /// Returns how many numbers of a sorted vector are less than each of v or, from the right, at most equal to it.
    /// This is the position where the number would be inserted. NaN is sorted last. Each is compared with all of a
    /// short vector or of one of unknown length; a longer one is searched by halves.
    /// </summary>
    public static Variable SearchSorted(Variable sorted, Variable v, bool isFromRight = false)
    {
        const int Short = 32;
        OfRank("searchSorted", sorted, 1);
        ArgumentNullException.ThrowIfNull(v);
        int count = sorted.Shape[0];
        if (count is Shape.Unknown or <= Short)
        {
            return Sum(IsBefore(sorted, ExpandDims(v, -1)), [-1]);
        }

        Variable found = Cast(ZerosLike(v), DType.Int32);
        for (int step = 1 << BitOperations.Log2((uint)count); step > 0; step /= 2)
        {
            // All up to the last of these are before v if that one is.
            Variable more = found + step, last = sorted[Minimum(more, count) - 1];
            found = Where(And(LessOrEqual(more, count), IsBefore(last, v)), more, found);
        }

        return found;

        Variable IsBefore(Variable x, Variable each) => isFromRight
            ? Or(LessOrEqual(x, each), IsNaN(each))
            : Or(Less(x, each), And(IsNaN(each), Not(IsNaN(x))));
    }

    /// <summary>
    /// Returns the differences between neighboring elements along an axis, repeated a number of times. Each time there
    /// is one less; of no elements there are none, if the dimension is known.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Diff(Variable x, int times = 1, int axis = -1)
    {
        axis = Axes(x, [axis])[0];
        for (; times > 0 && x.Shape[axis] != 0; times--)
        {
            x = Along(x, axis, 1..) - Along(x, axis, ..^1);
        }

        return x;
    }

    /// <summary>
    /// Returns the inverse of a permutation: the position of each of the numbers from 0 on in a vector.
    /// </summary>
    public static Variable InversePermutation(Variable permutation) => ArgSort(permutation);

    /// <summary>Converts indices into the elements of a shape, in C order, to indices along each axis.</summary>
    /// <exception cref="EngineException">A dimension behind the first is unknown.</exception>
    public static IReadOnlyList<Variable> UnravelIndex(Variable indices, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(indices);
        CheckInner("unravelIndex", shape);
        var result = new Variable[shape.Rank];
        for (int axis = shape.Rank - 1; axis >= 0; axis--)
        {
            result[axis] = axis == 0 ? indices : Mod(indices, shape[axis]);
            indices = IntDiv(indices, shape[axis]);
        }

        return result;
    }

    /// <summary>
    /// Converts indices along each axis to indices into the elements of a shape, in C order: as int64 if the shape has
    /// more elements than int32 can count.
    /// </summary>
    /// <exception cref="EngineException">
    /// There is not one array of indices for each axis of the shape, or a dimension behind the first is unknown.
    /// </exception>
    public static Variable RavelMultiIndex(IReadOnlyList<Variable> indices, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count != shape.Rank || shape.Rank == 0)
        {
            throw new EngineException(
                $"{indices.Count} indices do not name elements of the shape {shape}.{Origin.Current}");
        }

        CheckInner("ravelMultiIndex", shape);
        Variable index = shape.IsKnown && shape.Count > int.MaxValue ? Cast(indices[0], DType.Int64) : indices[0];
        for (int axis = 1; axis < shape.Rank; axis++)
        {
            index = (index * shape[axis]) + indices[axis];
        }

        return index;
    }

    private static void CheckInner(string op, Shape shape)
    {
        if (shape.Skip(1).Any(dimension => dimension < 0))
        {
            throw new EngineException(
                $"{op} needs the dimensions behind the first, not {shape}: "
                + $"compute with DimensionOf where they are unknown.{Origin.Current}");
        }
    }
}
