using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Brings what can be written in several ways to one, the one with the least to do: arithmetic here, shapes in <see
/// cref="CanonicalShapes"/>.
/// </summary>
/// <remarks>
/// Every rule gives the same bits, but for these. The sign of a zero: −0 + 0 is 0, and x + 0 becomes x. Rounding: x·c·d
/// becomes x·(c·d), where that is exact, and sums of sums become one. And quotients: x / x becomes 1 and x / y · y becomes x, as in Theano,
/// also where y is 0, infinite or NaN and the quotient is NaN. Not x·0 nor x − x, which are NaN where x is.
/// </remarks>
internal static class Canonicalize
{
    /// <summary>How deep in a product a quotient is looked for.</summary>
    private const int MaxFactors = 3;

    private static readonly Rule[] s_rules = [Product, Quotient, Sum, Difference, Negative, Conversion, Guarded];

    public static FunctionGraph Apply(FunctionGraph graph) =>
        // What the rules leave of numbers alone is a number, and to the next rule it must look like one.
        LocalRules.Apply(graph, [.. CanonicalShapes.Rules, .. CanonicalParts.Rules, .. s_rules, Fold.Evaluate]);

    private static Variable? Product(Apply node)
    {
        if (node.Op is not Binary<Multiply>)
        {
            return null;
        }

        (Variable a, Variable b) = (node.Inputs[0], node.Inputs[1]);
        Variable? other = Scaled(a, b) ?? Scaled(b, a) ?? Canceled(a, b, MaxFactors) ?? Canceled(b, a, MaxFactors);
        return other is null ? Signed<Multiply>(node) : Match.Repeated(other, node.Outputs[0].Shape);
    }

    /// <summary>x·1, x·−1, −x·c and x·d·c.</summary>
    private static Variable? Scaled(Variable x, Variable factor)
    {
        if (!Match.IsNumber(factor, out double c))
        {
            return null;
        }

        if (c is 1 or -1)
        {
            return c == 1 ? x : Match.Of<Negate>(x);
        }

        if (Match.Is<Negate>(x, out Variable? negated))
        {
            return Match.Of<Multiply>(negated, Match.Number(-c, x));
        }

        if (Match.Is<Multiply>(x, out Variable? left, out Variable? right))
        {
            (Variable y, Variable number) = Match.IsNumber(left, out _) ? (right, left) : (left, right);
            if (Match.IsNumber(number, out double d) && IsExactProduct(c, d, x.DType))
            {
                return Match.Repeated(Match.Of<Multiply>(y, Match.Number(c * d, x)), x.Shape);
            }
        }

        return null;
    }

    /// <summary>A product with one of its factors without a divisor.</summary>
    private static Variable? Canceled(Variable product, Variable divisor, int depth)
    {
        if (Match.Is<Divide>(product, out Variable? a, out Variable? b))
        {
            return b == divisor ? a : null;
        }

        if (depth == 1 || !Match.Is<Multiply>(product, out a, out b))
        {
            return null;
        }

        return Canceled(a, divisor, depth - 1) is { } left ? Match.Of<Multiply>(left, b)
            : Canceled(b, divisor, depth - 1) is { } right ? Match.Of<Multiply>(a, right)
            : null;
    }

    private static Variable? Quotient(Apply node)
    {
        if (node.Op is not Binary<Divide>)
        {
            return null;
        }

        (Variable a, Variable b) = (node.Inputs[0], node.Inputs[1]);
        if (a == b)
        {
            return Match.Repeated(Match.Number(1, a), a.Shape);
        }

        // The reciprocal of a power of two is exact.
        return Match.IsNumber(b, out double c) && IsPowerOfTwo(c) && IsOrdinary(1 / c, a.DType)
            ? Match.Repeated(Match.Of<Multiply>(a, Match.Number(1 / c, a)), node.Outputs[0].Shape)
            : Signed<Divide>(node);
    }

    private static Variable? Sum(Apply node)
    {
        if (node.Op is not Binary<Add>)
        {
            return null;
        }

        (Variable a, Variable b) = (node.Inputs[0], node.Inputs[1]);
        return Match.IsNumber(b, 0) ? Match.Repeated(a, node.Outputs[0].Shape)
            : Match.IsNumber(a, 0) ? Match.Repeated(b, node.Outputs[0].Shape)
            : Match.Is<Negate>(b, out Variable? minus) ? Match.Of<Subtract>(a, minus)
            : Match.Is<Negate>(a, out minus) ? Match.Of<Subtract>(b, minus)
            : null;
    }

    private static Variable? Difference(Apply node) => node.Op is not Binary<Subtract> ? null
        : Match.IsNumber(node.Inputs[1], 0) ? Match.Repeated(node.Inputs[0], node.Outputs[0].Shape)
        : Match.Is<Negate>(node.Inputs[1], out Variable? plus) ? Match.Of<Add>(node.Inputs[0], plus)
        : null;

    /// <summary>−(−x) and −(x·c).</summary>
    private static Variable? Negative(Apply node)
    {
        if (node.Op is not Unary<Negate>)
        {
            return null;
        }

        Variable x = node.Inputs[0];
        if (Match.Is<Negate>(x, out Variable? positive))
        {
            return positive;
        }

        if (!Match.Is<Multiply>(x, out Variable? a, out Variable? b))
        {
            return null;
        }

        (Variable y, Variable number) = Match.IsNumber(a, out _) ? (b, a) : (a, b);
        return Match.IsNumber(number, out double c)
            ? Match.Repeated(Match.Of<Multiply>(y, Match.Number(-c, x)), x.Shape)
            : null;
    }

    /// <summary>A product or quotient of what is negated, with the sign outside, where it meets others.</summary>
    private static Variable? Signed<TRow>(Apply node) where TRow : struct, IBinary
    {
        (Variable a, Variable b) = (node.Inputs[0], node.Inputs[1]);
        Shape shape = node.Outputs[0].Shape;
        bool isLeft = Match.Is<Negate>(a, out Variable? left), isRight = Match.Is<Negate>(b, out Variable? right);
        if (isLeft && isRight)
        {
            return Match.Of<TRow>(left!, right!);
        }

        // Not where the sign would be turned in more elements than before.
        return isLeft && a.Shape == shape ? Match.Of<Negate>(Match.Of<TRow>(left!, b))
            : isRight && b.Shape == shape ? Match.Of<Negate>(Match.Of<TRow>(a, right!))
            : null;
    }

    /// <summary>A conversion of a conversion, where the first loses nothing.</summary>
    private static Variable? Conversion(Apply node)
    {
        if (node.Op is not Cast to || !Match.Is(node.Inputs[0], out Cast? _, out Apply? first))
        {
            return null;
        }

        Variable x = first.Inputs[0];
        ElementType from = ElementType.Of(x.DType), between = ElementType.Of(first.Outputs[0].DType), last = ElementType.Of(to.To);
        bool losesNothing = between.HoldsAll(from);

        // An integer that a smaller one cannot hold is cut off, a floating-point number is taken to the nearest that it can.
        bool isAsGood = from.IsFloat || !between.IsFloat || last.IsFloat || to.To == DType.Bool || last.HoldsAll(from);
        return !losesNothing || !isAsGood ? null : Symbolic.Cast(x, to.To);
    }

    /// <summary>What is made of a gradient that is not 0 needs no guard.</summary>
    private static Variable? Guarded(Apply node) =>
        node.Op is Binary<GuardGrad> && Match.IsNumber(node.Inputs[0], out double grad) && grad != 0
            ? Match.Repeated(node.Inputs[1], node.Outputs[0].Shape)
            : null;

    private static bool IsPowerOfTwo(double value) =>
        double.IsNormal(value) && (BitConverter.DoubleToInt64Bits(value) & ((1L << 52) - 1)) == 0;

    /// <summary>Whether a dtype holds a product with all its digits: else x·c·d would be rounded where it was not.</summary>
    private static bool IsExactProduct(double c, double d, DType dtype) => IsOrdinary(c * d, dtype)
        && (!dtype.IsFloat()
            || (Math.FusedMultiplyAdd(c, d, -(c * d)) == 0 && ElementType.Of(dtype).Round(c * d) == c * d));

    /// <summary>Whether a dtype holds a number, which is not 0, with all its digits.</summary>
    private static bool IsOrdinary(double value, DType dtype)
    {
        var type = ElementType.Of(dtype);
        double size = Math.Abs(type.Round(value));
        return type.IsFloat
            ? size >= type.MinNormal && double.IsFinite(size)
            : Math.Abs(value) > 0 && Math.Abs(value) <= Math.Min(type.Max, ElementType.MaxWhole);
    }
}
