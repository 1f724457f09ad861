using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Softmax, its logarithm and its cross-entropy, with their gradients, and logarithms of sums of exponentials: from the
/// differences to the greatest element instead of from exponentials.
/// </summary>
internal static class StableRows
{
    public static Rule[] Rules { get; } =
    [
        LogOfSoftmax, LogOfSoftmaxGradient, CrossEntropyOfSoftmax, CrossEntropyOfSoftmaxGradient,
        LogOfSum, Share, ShareInGradient,
    ];

    private static Variable? LogOfSoftmax(Apply node) =>
        node.Op is Unary<Log> && Match.Is(node.Inputs[0], out Softmax? _, out Apply? softmax)
            ? new LogSoftmax().Call(softmax.Inputs[0])
            : null;

    /// <summary>
    /// The gradient of softmax p, given g / p, or −(g / p): that of its logarithm, given g, or −g, which is g − p·Σ g. Of p
    /// itself, for exp(log p) has lost as many ulp as log p is large.
    /// </summary>
    private static Variable? LogOfSoftmaxGradient(Apply node)
    {
        if (node.Op is not SoftmaxGrad || !Match.Is(node.Inputs[0], out Softmax? _, out Apply? _))
        {
            return null;
        }

        Variable passed = Match.Unguarded(node.Inputs[1]);
        bool isNegative = Match.Is<Negate>(passed, out Variable? quotient);
        passed = Match.Unguarded(quotient ?? passed);
        if (!Match.Is<Divide>(passed, out Variable? g, out Variable? p) || p != node.Inputs[0])
        {
            return null;
        }

        g = Match.Repeated(isNegative ? Match.Of<Negate>(g) : g, p.Shape);
        return Match.Of<Subtract>(g, Match.Of<Multiply>(p, new Reduce<Sum>([p.Rank - 1]).Call(g)));
    }

    private static Variable? CrossEntropyOfSoftmax(Apply node) =>
        node.Op is CrossEntropy && Match.Is(node.Inputs[0], out Softmax? _, out Apply? softmax)
            ? new SoftmaxCrossEntropy().Call(softmax.Inputs[0], node.Inputs[1])
            : null;

    private static Variable? CrossEntropyOfSoftmaxGradient(Apply node) =>
        node.Op is SoftmaxGrad
        && Match.Is(node.Inputs[0], out Softmax? _, out Apply? softmax)
        && Match.Is(node.Inputs[1], out CrossEntropyGrad? _, out Apply? loss) && loss.Inputs[0] == node.Inputs[0]
            ? new SoftmaxCrossEntropyGrad().Call(softmax.Inputs[0], loss.Inputs[1], Once(loss.Inputs[2]))
            : null;

    /// <summary>The number of which a vector is made, where it is made of one.</summary>
    private static Variable Once(Variable vector) =>
        Match.Is(vector, out BroadcastLike? _, out Apply? repeated) && repeated.Inputs[0].Shape.Count == 1
            ? repeated.Inputs[0]
            : vector;

    private static Variable? LogOfSum(Apply node) =>
        node.Op is Unary<Log>
        && IsSumOfExp(Match.Seen(node.Inputs[0]), out Apply? sum, out Variable? x) && !IsShifted(x)
            ? Match.Under(node.Outputs[0].Shape, LogSumExp(sum, x))
            : null;

    /// <summary>exp(x) / Σ exp(x).</summary>
    private static Variable? Share(Apply node)
    {
        if (node.Op is not Binary<Divide>
            || !Match.Is<Exp>(node.Inputs[0], out Variable? x)
            || !IsSumOfExp(Match.Seen(node.Inputs[1]), out Apply? sum, out Variable? summed) || summed != x
            || Match.Padded(node.Inputs[1].Shape, x.Rank) != sum.Outputs[0].Shape)
        {
            return null;
        }

        return IsShifted(x) && ((Reduce<Sum>)sum.Op).Axes != [x.Rank - 1] ? null : ShareOf(sum, x);
    }

    /// <summary>g / Σ exp(x) · exp(x), the gradient of log Σ exp(x).</summary>
    private static Variable? ShareInGradient(Apply node)
    {
        if (node.Op is not Binary<Multiply>)
        {
            return null;
        }

        return Of(node.Inputs[0], node.Inputs[1]) ?? Of(node.Inputs[1], node.Inputs[0]);

        static Variable? Of(Variable factor, Variable power)
        {
            if (!Match.Is<Exp>(power, out Variable? x)
                || !Match.Is<Divide>(Match.Unguarded(Match.Seen(factor)), out Variable? g, out Variable? divisor)
                || !IsSumOfExp(Match.Seen(divisor), out Apply? sum, out Variable? summed) || summed != x
                || IsShifted(x)
                || Match.Padded(factor.Shape, x.Rank) != sum.Outputs[0].Shape
                || g.Shape.Count > factor.Shape.Count)
            {
                return null;
            }

            Variable each = Match.Under(factor.Shape, Match.Repeated(g, Match.Seen(factor).Shape));
            return Match.Of<Multiply>(each, ShareOf(sum, x));
        }
    }

    private static bool IsSumOfExp(
        Variable variable,
        [NotNullWhen(true)] out Apply? sum,
        [NotNullWhen(true)] out Variable? x)
    {
        x = null;

        // There is no greatest of none.
        return Match.Is(variable, out Reduce<Sum>? _, out sum)
            && Match.Is<Exp>(sum.Inputs[0], out x) && x.Shape.Count > 0;
    }

    /// <summary>Whether the greatest has been subtracted already.</summary>
    private static bool IsShifted(Variable x)
    {
        if (!Match.Is<Subtract>(x, out _, out Variable? shift))
        {
            return false;
        }

        while (Match.Is(Match.Seen(shift), out Where? _, out Apply? where))
        {
            shift = where.Inputs[1];
        }

        return Match.Is(Match.Seen(shift), out Reduce<Max>? _, out _);
    }

    /// <summary>
    /// exp(x) / Σ exp(x) along a sum's axes. Not exp(x − log Σ exp(x)): the logarithm has no more digits behind the point
    /// than x has.
    /// </summary>
    private static Variable ShareOf(Apply sum, Variable x)
    {
        if (((Reduce<Sum>)sum.Op).Axes == [x.Rank - 1])
        {
            return new Softmax().Call(x);
        }

        Variable power = Match.Of<Exp>(Match.Of<Subtract>(x, Shift(sum, x)));
        return Match.Of<Divide>(power, sum.Op.Call(power));
    }

    /// <summary>log Σ exp(x) along a sum's axes, kept as sides of 1: m + log Σ exp(x − m).</summary>
    private static Variable LogSumExp(Apply sum, Variable x)
    {
        Variable m = Shift(sum, x);
        Variable power = Match.Of<Exp>(Match.Of<Subtract>(x, m));
        return Match.Of<Add>(m, new Unary<Log>().Call(sum.Op.Call(power)));
    }

    /// <summary>
    /// What is subtracted before exponentials are summed: the greatest, where the sum might overflow, or vanish. Else 0,
    /// for differences are rounded, and a sum that is near 1 may have a logarithm much less than m. And 0 where the
    /// greatest is infinite or NaN.
    /// </summary>
    private static Variable Shift(Apply sum, Variable x)
    {
        double terms = (double)x.Shape.Count / sum.Outputs[0].Shape.Count;
        double safe = Math.Max(0, Math.Log(Rounding.MaxFinite(x.DType)) - Math.Log(terms) - 1);
        Variable greatest = new Reduce<Max>(((Reduce<Sum>)sum.Op).Axes).Call(x);
        Variable size = Match.Of<Abs>(greatest), zero = Match.Number(0, x);
        Variable far = Symbolic.Where(Symbolic.Greater(size, Match.Number(safe, x)), greatest, zero);
        return Symbolic.Where(Symbolic.Less(size, Match.Number(double.PositiveInfinity, x)), far, zero);
    }
}
