using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns the products of the matrices of two stacks, in pairs along the first axis: (b, m, k)·(b, k, n) is (b, m,
    /// n). A stack of one is multiplied by all of the other. Vectors instead of matrices, (b, k), lose their axis as in
    /// <see cref="Dot"/>. Integers are multiplied as float32.
    /// </summary>
    /// <param name="a">(b, m, k), or (b, k).</param>
    /// <param name="b">(b, k, n), or (b, k).</param>
    /// <param name="transposeA">Whether a's matrices are given as (k, m).</param>
    /// <param name="transposeB">Whether b's matrices are given as (n, k).</param>
    /// <exception cref="EngineException">
    /// The stacks or the inner dimensions differ, or an operand has the wrong rank.
    /// </exception>
    public static Variable BatchedDot(Variable a, Variable b, bool transposeA = false, bool transposeB = false)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Rank is not (2 or 3) || b.Rank is not (2 or 3))
        {
            throw new EngineException(
                $"batchedDot multiplies stacks of matrices or vectors, not '{a}' ({a.Type}) and '{b}' ({b.Type}): "
                + $"MatMul takes more axes.{Origin.Current}");
        }

        Variable[] operands = Promotion.Convert("batchedDot", [a, b], takesIntegers: false);
        Variable left = a.Rank == 2 ? ExpandDims(operands[0], 1) : operands[0];
        Variable right = b.Rank == 2 ? ExpandDims(operands[1], 2) : operands[1];
        Variable product = new BatchedDot(transposeA && a.Rank == 3, transposeB && b.Rank == 3).Call(left, right);
        int[] dropped = [.. a.Rank == 2 ? [1] : Array.Empty<int>(), .. b.Rank == 2 ? [2] : Array.Empty<int>()];
        return dropped.Length == 0 ? product : Squeeze(product, [.. dropped]);
    }

    /// <summary>
    /// Returns the products of the matrices in the two innermost axes, with the outer axes broadcast: NumPy's <c>@</c>.
    /// (…, m, k)·(…, k, n) is (…, m, n). A vector is a row on the left and a column on the right. Integers are
    /// multiplied as float32.
    /// </summary>
    /// <exception cref="EngineException">
    /// The inner dimensions differ, the outer axes do not broadcast, or an operand is a scalar.
    /// </exception>
    public static Variable MatMul(Variable a, Variable b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Rank == 0 || b.Rank == 0)
        {
            throw new EngineException(
                $"matMul multiplies matrices and vectors, not '{a}' ({a.Type}) and '{b}' ({b.Type}). "
                + $"To multiply by a number, write a * b.{Origin.Current}");
        }

        if (b.Rank <= 2)
        {
            return Dot(a, b);
        }

        if (a.Rank == 1)
        {
            return Squeeze(MatMul(ExpandDims(a, 0), b), [-2]);
        }

        Variable[] operands = Promotion.Convert("matMul", [a, b], takesIntegers: false);
        CheckOuter(a, b);
        (Variable left, Variable right) = (operands[0], operands[1]);
        if (a.Rank == 3 && b.Rank == 3)
        {
            return new BatchedDot(false, false).Call(left, right);
        }

        bool isOne = a.Shape.SkipLast(2).All(dimension => dimension == 1) && a.Rank <= b.Rank;
        if (!isOne && !(a.Shape.IsKnown && b.Shape.IsKnown && a.Shape.SkipLast(2).SequenceEqual(b.Shape.SkipLast(2))))
        {
            // Only the shape of these sums is used.
            left = BroadcastLike(operands[0], operands[0] + Sum(operands[1], [-1, -2], keepDims: true));
            right = BroadcastLike(operands[1], operands[1] + Sum(operands[0], [-1, -2], keepDims: true));
        }

        Variable product = new BatchedDot(false, false).Call(Matrices(left), Matrices(right));
        Dimension[] outer = [.. DimensionsOf(right).SkipLast(2)];
        return Reshape(product, [.. outer, DimensionOf(left, -2), DimensionOf(right, -1)]);

        static void CheckOuter(Variable a, Variable b)
        {
            try
            {
                Broadcasting.Join([new(a.DType, [.. a.Shape.SkipLast(2)]), new(b.DType, [.. b.Shape.SkipLast(2)])]);
            }
            catch (EngineException error)
            {
                throw new EngineException(
                    $"matMul cannot take {a.Type} and {b.Type}: {error.Message}.{Origin.Current}", error);
            }
        }

        static Variable Matrices(Variable x) =>
            x.Rank == 3
                ? x
                : Reshape(x, Joined(x, Enumerable.Range(0, x.Rank - 2)), DimensionOf(x, -2), DimensionOf(x, -1));
    }

    /// <summary>
    /// Computes sums of products along some axes of a and as many of b. The result has the other axes of a, then those
    /// of b. Integers are multiplied as float32.
    /// </summary>
    /// <exception cref="EngineException">
    /// An axis does not exist, the numbers of axes differ, or their dimensions differ.
    /// </exception>
    public static Variable TensorDot(Variable a, Variable b, Shape axesA, Shape axesB)
    {
        (int[] summedA, int[] summedB) = (Counted(a, axesA), Counted(b, axesB));
        if (summedA.Length != summedB.Length)
        {
            throw new EngineException(
                $"tensorDot sums along as many axes of either: not {axesA} and {axesB}.{Origin.Current}");
        }

        Variable[] operands = Promotion.Convert("tensorDot", [a, b], takesIntegers: false);
        int[] keptA = [.. Enumerable.Range(0, a.Rank).Except(summedA)],
            keptB = [.. Enumerable.Range(0, b.Rank).Except(summedB)];
        Variable left = Reshape(Ordered(operands[0], [.. keptA, .. summedA]), Joined(a, keptA), Joined(a, summedA));
        Variable right = Reshape(Ordered(operands[1], [.. summedB, .. keptB]), Joined(b, summedB), Joined(b, keptB));
        Dimension[] dimensions = [.. keptA.Select(axis => (Dimension)DimensionOf(a, axis)),
            .. keptB.Select(axis => (Dimension)DimensionOf(b, axis))];
        return Reshape(new Dot(false, false).Call(left, right), dimensions.AsSpan());

        static int[] Counted(Variable x, Shape axes)
        {
            Axes(x, axes);
            return [.. axes.Select(axis => axis < 0 ? axis + x.Rank : axis)];
        }
    }

    /// <summary>
    /// Computes sums of products along a number of the innermost axes of a and of the outermost of b; with 0 it
    /// computes all products.
    /// </summary>
    /// <inheritdoc cref="TensorDot(Variable, Variable, Shape, Shape)"/>
    public static Variable TensorDot(Variable a, Variable b, int axes = 2)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return axes >= 0 && axes <= Math.Min(a.Rank, b.Rank)
            ? TensorDot(a, b, [.. Enumerable.Range(a.Rank - axes, axes)], [.. Enumerable.Range(0, axes)])
            : throw new EngineException(
                $"tensorDot cannot sum along {axes} axes of '{a}' ({a.Type}) and '{b}' ({b.Type}).{Origin.Current}");
    }

    /// <summary>
    /// Returns the products of all elements of a, in C order, with all of b: (m) and (n) give (m, n).
    /// </summary>
    public static Variable Outer(Variable a, Variable b) => ExpandDims(Flatten(a, 1), 1) * Flatten(b, 1);

    /// <summary>Returns the product of some dimensions.</summary>
    private static Dimension Joined(Variable x, IEnumerable<int> axes) =>
        axes.Aggregate((Dimension)1, (product, axis) => Product(DimensionOf(x, axis), product));

    private static Variable Ordered(Variable x, int[] axes) =>
        axes.SequenceEqual(Enumerable.Range(0, x.Rank)) ? x : DimShuffle(x, axes);
}
