using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Brings ops that only change shapes, broadcast or sum to one form. Every view is a <see cref="Reshape"/>, and every
/// sum a <see cref="Reduce{TRow}"/>. A variable is broadcast as late as possible, at best by the op that reads it.
/// </summary>
internal static class CanonicalShapes
{
    public static Rule[] Rules { get; } =
    [
        View, Transposition, TransposedFactor, Repetition, RepeatedOperands, RepeatedConversion,
        SumToShape, SumOfSum, SumOfView, SumOfRepeated,
    ];

    /// <summary>A view becomes a reshape of a variable that is not a reshape itself and has another shape.</summary>
    private static Variable? View(Apply node)
    {
        if (!node.IsView)
        {
            return null;
        }

        Variable x = node.Inputs[0];
        Shape shape = node.Outputs[0].Shape;
        if (x.Shape == shape)
        {
            return x;
        }

        return Match.Is(x, out Reshape? _, out Apply? before) ? Match.Under(shape, before.Inputs[0])
            : IsOneRepeated(x, out Variable? one) ? Match.Repeated(Match.Under(Shape.Scalar, one), shape)
            : node.Op is Reshape reshape && reshape.To == shape ? null
            : new Reshape(shape).Call(x);
    }

    private static Variable? Transposition(Apply node)
    {
        if (node.Op is not DimShuffle outer || !Match.Is(node.Inputs[0], out DimShuffle? inner, out Apply? before))
        {
            return null;
        }

        Shape axes = [.. outer.Axes.Select(axis => axis < 0 ? axis : inner.Axes[axis])];
        return new DimShuffle(axes).Call(before.Inputs[0]);
    }

    /// <summary>A matrix product reads a factor by columns instead of transposing it first.</summary>
    private static Variable? TransposedFactor(Apply node)
    {
        if (node.Op is not (Dot or BatchedDot))
        {
            return null;
        }

        bool isA = IsTransposed(node.Inputs[0], out Variable a), isB = IsTransposed(node.Inputs[1], out Variable b);
        if (!isA && !isB)
        {
            return null;
        }

        return node.Op is Dot dot
            ? new Dot(dot.TransposeA ^ isA, dot.TransposeB ^ isB).Call(a, b)
            : new BatchedDot(((BatchedDot)node.Op).TransposeA ^ isA, ((BatchedDot)node.Op).TransposeB ^ isB).Call(a, b);

        // No other permutation of the axes of a matrix or a stack moves elements and keeps the number of axes. Its
        // elements may be converted: those of 16 bits are, to float32.
        static bool IsTransposed(Variable x, out Variable from)
        {
            Variable stored = Match.Is(x, out Cast? _, out Apply? cast) ? cast.Inputs[0] : x;
            bool is_ = Match.Is(stored, out DimShuffle? shuffle, out Apply? before) && before.Inputs[0].Rank == x.Rank
                && shuffle.Axes == (x.Rank == 2 ? Shape.Create(1, 0) : Shape.Create(0, 2, 1));
            from = is_ ? Symbolic.Cast(before!.Inputs[0], x.DType) : x;
            return is_;
        }
    }

    private static Variable? Repetition(Apply node)
    {
        if (node.Op is not BroadcastLike)
        {
            return null;
        }

        Variable x = node.Inputs[0];
        Shape shape = node.Outputs[0].Shape;
        return x.Shape.Count == shape.Count ? Match.Under(shape, x)
            : Match.Is(x, out BroadcastLike? _, out Apply? before) ? Match.Repeated(before.Inputs[0], shape)
            : null;
    }

    /// <summary>
    /// An element-wise op broadcasts its operands itself, and broadcasting its result is better than computing it
    /// repeatedly.
    /// </summary>
    private static Variable? RepeatedOperands(Apply node)
    {
        if (node.Op is not Elementwise || !node.Inputs.Any(IsRepeated))
        {
            return null;
        }

        Variable[] inputs =
            [.. node.Inputs.Select(input => IsRepeated(input) ? ((Result)input).Owner.Inputs[0] : input)];
        Shape joined = Broadcasting.Join([.. inputs.Select(input => input.Type)]), shape = node.Outputs[0].Shape;
        return joined == shape ? node.With(inputs).Outputs[0]
            : IsComputed(node.Outputs[0].DType) ? Match.Repeated(node.With(inputs).Outputs[0], shape)
            : null;
    }

    /// <summary>
    /// Returns whether a broadcast variable of this dtype can be a term of the op that uses it, which uint8 and bool
    /// cannot.
    /// </summary>
    private static bool IsComputed(DType dtype) => dtype.Computes() == dtype;

    private static Variable? RepeatedConversion(Apply node) =>
        node.Op is Cast cast && IsRepeated(node.Inputs[0]) && IsComputed(cast.To)
            ? Match.Repeated(cast.Call(((Result)node.Inputs[0]).Owner.Inputs[0]), node.Outputs[0].Shape)
            : null;

    private static Variable? SumToShape(Apply node)
    {
        if (node.Op is not SumTo)
        {
            return null;
        }

        Shape from = node.Inputs[0].Shape, to = Match.Padded(node.Outputs[0].Shape, from.Rank);
        Shape axes = [.. Enumerable.Range(0, from.Rank).Where(axis => from[axis] != to[axis])];
        return Match.Under(node.Outputs[0].Shape, Total(axes, node.Inputs[0]));
    }

    private static Variable? SumOfSum(Apply node)
    {
        if (node.Op is not Reduce<Sum> sum)
        {
            return null;
        }

        Variable x = node.Inputs[0];
        Shape axes = [.. sum.Axes.Where(axis => x.Shape[axis] != 1)];
        return Match.Is(x, out Reduce<Sum>? first, out Apply? before)
                ? Total([.. first.Axes.Concat(axes).Distinct().Order()], before.Inputs[0])
            : axes != sum.Axes ? Total(axes, x)
            : null;
    }

    /// <summary>A sum of a view that only added or removed axes of length 1 becomes a view of the sum.</summary>
    private static Variable? SumOfView(Apply node)
    {
        if (node.Op is not Reduce<Sum> sum || !Match.Is(node.Inputs[0], out Reshape? _, out Apply? view))
        {
            return null;
        }

        Variable x = view.Inputs[0];
        Shape shown = node.Inputs[0].Shape;
        int[] dimensions = Long(x.Shape), shownDimensions = Long(shown);
        if (!dimensions.Select(axis => x.Shape[axis]).SequenceEqual(shownDimensions.Select(axis => shown[axis])))
        {
            return null;
        }

        int[] summed = [.. sum.Axes];
        Shape axes = [.. dimensions.Where((_, i) => summed.Contains(shownDimensions[i]))];
        return Match.Under(node.Outputs[0].Shape, Total(axes, x));

        static int[] Long(Shape shape) => [.. Enumerable.Range(0, shape.Rank).Where(axis => shape[axis] != 1)];
    }

    /// <summary>A sum of equal numbers becomes a product.</summary>
    private static Variable? SumOfRepeated(Apply node)
    {
        if (node.Op is not Reduce<Sum> sum || !IsRepeated(node.Inputs[0]))
        {
            return null;
        }

        Variable x = ((Result)node.Inputs[0]).Owner.Inputs[0];
        Shape shape = node.Inputs[0].Shape, own = Match.Padded(x.Shape, shape.Rank);
        double times = 1;
        var axes = new List<int>();
        foreach (int axis in sum.Axes)
        {
            if (own[axis] == shape[axis])
            {
                axes.Add(axis);
            }
            else
            {
                times *= shape[axis];
            }
        }

        // A sum of no numbers is 0, even if the number is NaN; and an integer must hold the factor.
        if (times is 0 or 1 || times > int.MaxValue)
        {
            return null;
        }

        Variable once = Total([.. axes], Match.Under(own, x));
        return Match.Repeated(Match.Of<Multiply>(once, Match.Number(times, x)), node.Outputs[0].Shape);
    }

    private static Variable Total(Shape axes, Variable x) => axes.Rank == 0 ? x : new Reduce<Sum>(axes).Call(x);

    private static bool IsOneRepeated(Variable variable, [NotNullWhen(true)] out Variable? one)
    {
        one = Match.Is(variable, out BroadcastLike? _, out Apply? node) && node.Inputs[0].Shape.Count == 1
            ? node.Inputs[0]
            : null;
        return one is not null;
    }

    private static bool IsRepeated(Variable variable) => Match.Is(variable, out BroadcastLike? _, out Apply? _);
}
