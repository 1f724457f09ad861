using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Replaces a sum of arrays that are each 0 except for one part by the concatenated parts, if these do not overlap and
/// leave no gap. Such sums are the gradient of an array that was split into parts.
/// </summary>
internal static class CanonicalParts
{
    public static Rule[] Rules { get; } = [SumOfParts];

    private static Variable? SumOfParts(Apply node)
    {
        Shape shape = node.Outputs[0].Shape;
        if (node.Op is not Binary<Add> || !node.Inputs.Any(term => PartOf(term) is not null))
        {
            return null;
        }

        var parts = new List<(int Axis, int First, Variable Part)>();
        var terms = new Stack<Variable>(node.Inputs);
        while (terms.TryPop(out Variable? term))
        {
            if (term.Shape != shape)
            {
                return null;
            }

            if (PartOf(term) is { } part)
            {
                parts.Add(part);
            }
            else if (Match.Is<Add>(term, out Variable? a, out Variable? b))
            {
                terms.Push(a);
                terms.Push(b);
            }
            else
            {
                return null;
            }
        }

        int axis = parts[0].Axis, next = 0;
        parts.Sort((one, other) => one.First.CompareTo(other.First));
        foreach ((int along, int first, Variable part) in parts)
        {
            if (along != axis || first != next)
            {
                return null;
            }

            next += part.Shape[axis];
        }

        return next == shape[axis] ? new Concat(axis).Call([.. parts.Select(part => part.Part)]) : null;
    }

    /// <summary>Returns the part of an array that is not 0, a range of one axis; null for any other array.</summary>
    private static (int Axis, int First, Variable Part)? PartOf(Variable term)
    {
        if (!Match.Is(term, out SubtensorUpdate? update, out Apply? node) || update.Adds || update.Parts.Arrays > 0
            || !IsZero(node.Inputs[0]))
        {
            return null;
        }

        (int Axis, int First)? found = null;
        for (int axis = 0; axis < term.Rank; axis++)
        {
            AxisPart part = update.Parts.Axes[axis];
            if (part is not { Kind: AxisIndexKind.Range, Step: 1 })
            {
                return null;
            }

            (int first, int count) = part.Of(term.Shape[axis], axis);
            if ((first, count) != (0, term.Shape[axis]))
            {
                if (found is not null)
                {
                    return null;
                }

                found = (axis, first);
            }
        }

        return found is { } cut ? (cut.Axis, cut.First, node.Inputs[1]) : null;
    }

    private static bool IsZero(Variable variable) => Match.Seen(variable) switch
    {
        Result { Owner: { Op: BroadcastLike or BroadcastTo } repeated } =>
            Match.IsNumber(Match.Seen(repeated.Inputs[0]), 0),
        Constant constant => NdArray.From(constant.Value).Data.All(value => value == 0),
        _ => false,
    };
}
