using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Scaled dot-product attention (Vaswani et al., arXiv:1706.03762): softmax(q·kᵀ·scale + mask)·v over the innermost two
    /// axes, the outer ones broadcast. The matrix of all products is never stored, neither here nor in the gradient: memory
    /// grows with the length of the sequences, not with its square.
    /// </summary>
    /// <param name="q">Queries, (…, t, d).</param>
    /// <param name="k">Keys, (…, s, d).</param>
    /// <param name="v">Values, (…, s, e).</param>
    /// <param name="mask">
    /// What is added to the products, broadcast to (…, t, s): −∞ where a query does not look; or truths, false where it does
    /// not. A gradient with respect to it takes the memory of all products.
    /// </param>
    /// <param name="isCausal">Whether query i looks at the keys 0 to i only.</param>
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
                $"attention takes matrices or stacks of them, not '{q}' ({q.Type}), '{k}' ({k.Type}) and '{v}' ({v.Type}).{Origin.Current}");
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
            : Reshape(result, [.. SidesOf(first).SkipLast(2), SideOf(first, -2), SideOf(v, -1)]);
    }

    /// <summary>
    /// Matrices as stacks of three axes, their outer axes broadcast and joined; the mask's, the fourth's, only as far as they
    /// differ.
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
        bool isOne = all.Length == 4 && all[3].Shape.SkipLast(2).All(side => side == 1);
        if (!isAlike || (all.Length == 4 && !isOne))
        {
            // Of these sums only the shape is looked at.
            Variable outer = all.Select(operand => Sum(operand, [-1, -2], keepDims: true)).Aggregate(Add);
            for (int i = 0; i < (isOne ? 3 : all.Length); i++)
            {
                all[i] = BroadcastLike(all[i], all[i] + outer);
            }
        }

        Variable[] stacks = [.. all.Select((operand, i) => operand.Rank == 3 ? operand
            : i == 3 && isOne ? Reshape(operand, 1, SideOf(operand, -2), SideOf(operand, -1))
            : Reshape(operand, Joined(operand, Enumerable.Range(0, rank - 2)), SideOf(operand, -2), SideOf(operand, -1)))];
        return (stacks, all[0]);

        static Variable Ranked(Variable x, int rank) => x.Rank == rank
            ? x
            : DimShuffle(x, [.. Enumerable.Repeat(NewAxis, rank - x.Rank), .. Enumerable.Range(0, x.Rank)]);
    }
}
