using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Computes softmax, its logarithm and its cross-entropy, their gradients, and logarithms of sums of exponentials from
/// the differences to the largest element instead of from exponentials.
/// </summary>
internal static class StableRows
{
    public static Rule[] Rules { get; } =
    [
        Logarithm, LogOfSoftmaxGradient, CrossEntropyOfSoftmax, CrossEntropyOfSoftmaxGradient,
        Share, ShareInGradient,
    ];

    /// <summary>Replaces the logarithm of a softmax, or of a sum of exponentials.</summary>
    public static Variable? Logarithm(Apply node) => LogOfSoftmax(node) ?? LogOfSum(node);

    private static Variable? LogOfSoftmax(Apply node) =>
        node.Op is Unary<Log> && Match.Is(node.Inputs[0], out Softmax? _, out Apply? softmax)
            ? new LogSoftmax().Call(softmax.Inputs[0])
            : null;

    /// <summary>
    /// Replaces the gradient of softmax p, given g / p or −(g / p), by the gradient of its logarithm, given g or −g,
    /// which is g − p·Σ g. It uses p itself, because exp(log p) loses as many ulp as log p is large.
    /// </summary>
    private static Variable? LogOfSoftmaxGradient(Apply node)
    {
        if (node.Op is not SoftmaxGrad || !Match.Is(node.Inputs[0], out Softmax? _, out Apply? _))
        {
            return null;
        }

        Match.Is<GuardGrad>(node.Inputs[1], out Variable? guard, out _);
        Variable passed = Match.Unguarded(node.Inputs[1]);
        bool isNegative = Match.Is<Negate>(passed, out Variable? quotient);
        passed = Match.Unguarded(quotient ?? passed);
        if (!Match.Is<Divide>(passed, out Variable? g, out Variable? p) || p != node.Inputs[0])
        {
            return null;
        }

        // If g is a product of 0 and something infinite, it is the guard that makes it a 0.
        g = guard is null || Unsigned(guard) == Unsigned(g) || guard.Shape != g.Shape
            ? g
            : Match.Of<GuardGrad>(guard, g);
        g = Match.Repeated(isNegative ? Match.Of<Negate>(g) : g, p.Shape);
        return Match.Of<Subtract>(g, Match.Of<Multiply>(p, new Reduce<Sum>([p.Rank - 1]).Call(g)));
    }

    private static Variable Unsigned(Variable x) => Match.Is<Negate>(x, out Variable? positive) ? positive : x;

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

    /// <summary>
    /// Returns the number that a vector repeats; a vector that repeats no number is returned unchanged.
    /// </summary>
    private static Variable Once(Variable vector) =>
        Match.Is(vector, out BroadcastLike? _, out Apply? repeated) && repeated.Inputs[0].Shape.Count == 1
            ? repeated.Inputs[0]
            : vector;

    private static Variable? LogOfSum(Apply node) =>
        node.Op is Unary<Log>
        && IsSumOfExp(Match.Seen(node.Inputs[0]), out Apply? sum, out Variable? x) && !IsShifted(x)
            ? Match.Under(node.Outputs[0].Shape, LogSumExp(sum, x))
            : null;

    /// <summary>Replaces exp(x) / Σ exp(x).</summary>
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

    /// <summary>Replaces g / Σ exp(x) · exp(x), the gradient of log Σ exp(x).</summary>
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

        // An empty sum has no largest element.
        return Match.Is(variable, out Reduce<Sum>? _, out sum)
            && Match.Is<Exp>(sum.Inputs[0], out x) && x.Shape.Count > 0;
    }

    /// <summary>Returns whether the largest element has already been subtracted.</summary>
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
    /// Returns exp(x) / Σ exp(x) along a sum's axes. It is not exp(x − log Σ exp(x)), because the logarithm has only as
    /// many digits behind the point as x.
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

    /// <summary>Returns log Σ exp(x) along a sum's axes, which keep length 1: m + log Σ exp(x − m).</summary>
    private static Variable LogSumExp(Apply sum, Variable x)
    {
        Variable m = Shift(sum, x);
        Variable power = Match.Of<Exp>(Match.Of<Subtract>(x, m));
        return Match.Of<Add>(m, new Unary<Log>().Call(sum.Op.Call(power)));
    }

    /// <summary>
    /// Returns the number that is subtracted before exponentials are summed: the largest element, if the sum might
    /// overflow or underflow. Otherwise it is 0, because differences are rounded, and a sum near 1 may have a logarithm
    /// much less than m. It is also 0 if the largest element is infinite or NaN.
    /// </summary>
    private static Variable Shift(Apply sum, Variable x)
    {
        double terms = (double)x.Shape.Count / sum.Outputs[0].Shape.Count;
        double safe = Math.Max(0, Math.Log(Rounding.MaxFinite(x.DType)) - Math.Log(terms) - 1);
        Variable max = new Reduce<Max>(((Reduce<Sum>)sum.Op).Axes).Call(x);
        Variable size = Match.Of<Abs>(max), zero = Match.Number(0, x);
        Variable far = Symbolic.Where(Symbolic.Greater(size, Match.Number(safe, x)), max, zero);
        return Symbolic.Where(Symbolic.Less(size, Match.Number(double.PositiveInfinity, x)), far, zero);
    }
}
