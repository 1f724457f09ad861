using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Computes scaled dot-product attention (Vaswani et al., arXiv:1706.03762): softmax(q·kᵀ·scale + mask)·v over the
    /// innermost two axes. The outer axes are broadcast. Neither the op nor its gradient stores the matrix of all
    /// products: memory grows with the length of the sequences, not with its square.
    /// </summary>
    /// <param name="q">Queries, (…, t, d).</param>
    /// <param name="k">Keys, (…, s, d).</param>
    /// <param name="v">Values, (…, s, e).</param>
    /// <param name="mask">
    /// The numbers that are added to the products, broadcast to (…, t, s): −∞ if a query does not look at a key. Or
    /// bools, false if it does not. A gradient with respect to the mask takes the memory of all products.
    /// </param>
    /// <param name="isCausal">Whether query i looks only at the keys 0 to i.</param>
    /// <param name="scale">The factor; by default 1/√d.</param>
    /// <returns>(…, t, e); NaN for a query that looks at no key.</returns>
    /// <exception cref="EngineException">The operands do not fit together.</exception>
    public static Variable Attention(
        Variable q, Variable k, Variable v, Variable? mask = null, bool isCausal = false, double? scale = null)
    {
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(k);
        ArgumentNullException.ThrowIfNull(v);
        if (q.Rank < 2 || k.Rank < 2 || v.Rank < 2)
        {
            throw new EngineException(
                $"attention takes matrices or stacks of them, not '{q}' ({q.Type}), '{k}' ({k.Type}) and '{v}' "
                + $"({v.Type}).{Origin.Current}");
        }

        Variable[] operands = Promotion.Convert("attention", [q, k, v], takesIntegers: false);
        DType dtype = operands[0].DType;
        Variable factor = scale is { } given ? Constant(given)
            : q.Shape[-1] != Shape.Unknown ? Constant(1 / Math.Sqrt(q.Shape[-1]))
            : 1 / Sqrt(Count(operands[0], [q.Rank - 1]));
        operands[0] *= factor;
        if (mask is not null)
        {
            mask = mask.DType is DType.Bool or DType.UInt8
                ? Where(mask, Constant(0, dtype), double.NegativeInfinity)
                : Promotion.Convert("attention", [mask, operands[0]], takesIntegers: false)[0];
            operands = [.. operands, mask];
        }

        (Variable[] stacks, Variable first) = Stacks(operands);
        Variable result = new Attend(isCausal).Call(stacks);
        return first.Rank == 2
            ? Squeeze(result, [0])
            : Reshape(result, [.. DimensionsOf(first).SkipLast(2), DimensionOf(first, -2), DimensionOf(v, -1)]);
    }

    /// <summary>
    /// Returns matrices as stacks of three axes, with their outer axes broadcast and joined. The outer axes of the
    /// mask, the fourth operand, are broadcast only as far as they differ.
    /// </summary>
    private static (Variable[] Stacks, Variable First) Stacks(Variable[] operands)
    {
        int rank = operands.Max(operand => Math.Max(operand.Rank, 2));
        Variable[] all = [.. operands.Select(operand => Ranked(operand, rank))];
        if (rank == 2)
        {
            return ([.. all.Select(operand => ExpandDims(operand, 0))], all[0]);
        }

        bool isAlike = all.Take(3).All(operand => operand.Shape.SkipLast(2).SequenceEqual(all[0].Shape.SkipLast(2)))
            && !all[0].Shape.SkipLast(2).Contains(Shape.Unknown);
        bool isOne = all.Length == 4 && all[3].Shape.SkipLast(2).All(dimension => dimension == 1);
        if (!isAlike || (all.Length == 4 && !isOne))
        {
            // Only the shape of these sums is used.
            Variable outer = all.Select(operand => Sum(operand, [-1, -2], keepDims: true)).Aggregate(Add);
            for (int i = 0; i < (isOne ? 3 : all.Length); i++)
            {
                all[i] = BroadcastLike(all[i], all[i] + outer);
            }
        }

        Variable[] stacks = [.. all.Select((operand, i) => operand.Rank == 3 ? operand
            : i == 3 && isOne ? Reshape(operand, 1, DimensionOf(operand, -2), DimensionOf(operand, -1))
            : Reshape(operand, Joined(operand, Enumerable.Range(0, rank - 2)), DimensionOf(operand, -2),
                DimensionOf(operand, -1)))];
        return (stacks, all[0]);

        static Variable Ranked(Variable x, int rank) => x.Rank == rank
            ? x
            : DimShuffle(x, [.. Enumerable.Repeat(NewAxis, rank - x.Rank), .. Enumerable.Range(0, x.Rank)]);
    }
}
