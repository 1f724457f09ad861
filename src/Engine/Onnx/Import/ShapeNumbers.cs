using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Tracks the integers of shapes, element by element. After a shape is split and rebuilt, its dimensions are still
/// known numbers or dimensions of inputs.
/// </summary>
internal static class ShapeNumbers
{
    /// <summary>Returns the results with their elements, if these can be determined.</summary>
    public static OnnxValue?[] With(OnnxNode node, OnnxValue?[] results)
    {
        // For known numbers, the graph gives the same (OnnxValue.Numbers), but not exactly beyond float64.
        if (results.Length == 0
            || results.All(result => result is null || result.Elements is not null || !IsWhole(result.Type)))
        {
            return results;
        }

        if (node.Op.Moves != 0)
        {
            return Moved(node, results);
        }

        return Computed(node) is { } elements && (results[0]!.Type == OnnxType.Bool || Fits(results[0]!.Type, elements))
            && results[0] is { Shape.IsKnown: true } first && first.Shape.Count == elements.Length
            ? [Tracked(first, elements), .. results.Skip(1)]
            : results;
    }

    private static bool IsWhole(OnnxType type) => type.IsWhole() || type == OnnxType.Bool;

    /// <summary>
    /// Tracks an op that only moves elements: it is imported again on their indices, and the result shows where each
    /// element goes.
    /// </summary>
    private static OnnxValue?[] Moved(OnnxNode node, OnnxValue?[] results)
    {
        int moved = node.Op.Moves < 0 ? node.Count : node.Op.Moves;
        if (Enumerable.Range(0, moved).Any(i => !node.Has(i) || node.V(i).Elements is null))
        {
            return results;
        }

        var all = new List<Whole>();
        var inputs = new OnnxValue?[node.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = node.Has(i) ? node.V(i) : null;
            if (i < moved)
            {
                OnnxValue value = node.V(i);
                int start = all.Count;
                all.AddRange(value.Elements!);
                inputs[i] = OnnxValue.Of(
                    OnnxType.Int32, [.. Enumerable.Range(start, value.Elements!.Length)
                        .Select(index => new Whole(index))], value.Shape);
            }
        }

        OnnxValue?[] moves = node.Op.Import(node.On(inputs));
        return [.. results.Select((result, i) => result is not null && moves[i]?.Numbers is { } from
            ? Tracked(result, Array.ConvertAll(from, index => all[(int)index]))
            : result)];
    }

    /// <summary>Returns a result with its elements; known ones need no graph.</summary>
    private static OnnxValue Tracked(OnnxValue result, Whole[] elements) =>
        Array.TrueForAll(elements, one => one.IsKnown) && result.Shape.IsKnown
            ? OnnxValue.Of(result.Type, elements, result.Shape)
            : OnnxValue.Of(result.Type, result.Variable, elements);

    private static Whole[]? Computed(OnnxNode node)
    {
        string op = node.File.Op;
        OnnxValue?[] inputs = [.. Enumerable.Range(0, node.Count).Select(i => node.Has(i) ? node.V(i) : null)];
        if (inputs.Length == 0 || inputs[0] is not { Elements: { } first, Shape: { IsKnown: true } shape })
        {
            return null;
        }

        switch (op)
        {
            case "Cast" or "CastLike" when node.Type is not OnnxType.Bool:
                return Fits((OnnxType)node.Number("to", (long)OnnxType.Int64), first) ? first : null;
            case "ReduceProd" or "ReduceSum" when first.Length > 0 && shape.Rank == 1:
                return [first.Aggregate((a, b) => Joined(op == "ReduceProd" ? "Mul" : "Add", a, b)!.Value)];
            case "Where" when inputs is [_, { Elements: { } then }, { Elements: { } otherwise }]
                && first.All(one => one.IsKnown):
                return Spread([.. inputs.Select(input => input!.Shape)], index =>
                    first[index[0]].Number != 0 ? then[index[1]] : otherwise[index[2]]);
            case "Add" or "Sub" or "Mul" or "Div" or "Max" or "Min" or "Mod"
                or "Equal" when inputs is [_, { Elements: { } second, Shape: var other }]:
                string name = op == "Mod" && node.Flag("fmod") ? "Remainder" : op;
                return Spread([shape, other], index => Joined(name, first[index[0]], second[index[1]]));
            case "Neg":
                return Spread([shape], index => Joined("Sub", 0, first[index[0]]));
            default:
                return null;
        }
    }

    private static bool Fits(OnnxType type, Whole[] numbers)
    {
        (long min, long max) = type.Range();
        return type is OnnxType.Int32 or OnnxType.Int64
            && numbers.All(one => !one.IsKnown || (one.Number >= min && one.Number <= max));
    }

    /// <summary>
    /// Applies an element-wise function with NumPy's broadcasting; returns null if it is unknown for an element.
    /// </summary>
    private static Whole[]? Spread(Shape[] shapes, Func<int[], Whole?> function)
    {
        int rank = shapes.Max(shape => shape.Rank);
        var to = new int[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            int[] dimensions = [
                .. shapes.Where(shape => axis >= rank - shape.Rank).Select(shape => shape[axis - (rank - shape.Rank)])];
            to[axis] = dimensions.Contains(0) ? 0 : dimensions.Max();
        }

        Shape joined = [.. to];
        if (joined.Count > OnnxValue.MaxLookedAt)
        {
            return null;
        }

        NdArray[] inputs = [.. shapes.Select(shape => new NdArray(shape, []))];
        var results = new List<Whole>();
        foreach (int[] index in NdArray.Indices(joined))
        {
            if (function([.. inputs.Select(input => input.Offset(index))]) is not { } result)
            {
                return null;
            }

            results.Add(result);
        }

        return [.. results];
    }

    private static bool IsDimension(Variable x) => x is Result { Owner.Op: Ops.Count };

    private static Whole? Joined(string op, Whole a, Whole b)
    {
        if (a.IsKnown && b.IsKnown)
        {
            return op switch
            {
                "Add" => checked(a.Number + b.Number),
                "Sub" => checked(a.Number - b.Number),
                "Mul" => checked(a.Number * b.Number),
                "Div" => b.Number == 0 ? null : a.Number / b.Number,
                "Max" => Math.Max(a.Number, b.Number),
                "Min" => Math.Min(a.Number, b.Number),
                "Mod" => b.Number == 0 ? null : a.Number - (b.Number * (long)Math.Floor((double)a.Number / b.Number)),
                "Remainder" => b.Number is 0 or -1 ? null : a.Number % b.Number,
                "Equal" => a.Number == b.Number ? 1 : 0,
                _ => null,
            };
        }

        (Variable x, Variable y) = (a.ToVariable(), b.ToVariable());
        switch (op)
        {
            case "Add":
                return new Whole(0, x + y);
            case "Sub":
                return new Whole(0, x - y);
            case "Mul":
                return new Whole(0, x * y);
            case "Div":
                return new Whole(0, ElementwiseOps.Quotient(x, y));
            case "Max":
                return new Whole(0, Maximum(x, y));
            case "Min":
                return new Whole(0, Minimum(x, y));
            case "Mod":
                return new Whole(0, Ops.Symbolic.Mod(x, y));
            case "Equal" when (a is { IsKnown: true, Number: < 0 } && IsDimension(y))
                || (b is { IsKnown: true, Number: < 0 } && IsDimension(x)):
                // A dimension is never negative. Graphs make this comparison to test whether a dimension stays the
                // same.
                return 0;
            default:
                return null;
        }
    }
}
