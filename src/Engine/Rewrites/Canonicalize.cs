using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Brings expressions that can be written in several ways to the one with the smallest work: arithmetic in this class,
/// shapes in <see cref="CanonicalShapes"/>.
/// </summary>
/// <remarks>
/// Every rule gives the same bits, with these exceptions. The sign of a zero: −0 + 0 is 0, and x + 0 becomes x.
/// Rounding: x·c·d becomes x·(c·d), if that is exact, and sums of sums become one. Quotients: x / x becomes 1 and x / y
/// · y becomes x, even if y is 0, infinite or NaN and the quotient is NaN. x³ and x⁴ become products. The rules do not
/// change x·0 and x − x, which are NaN if x is.
/// </remarks>
internal static class Canonicalize
{
    /// <summary>The depth in a product to which quotients are searched.</summary>
    private const int MaxFactors = 3;

    private static readonly Rule[] s_rules =
        [Product, Quotient, Sum, Difference, Negative, WholePower, Conversion, Guarded];

    public static FunctionGraph Apply(FunctionGraph graph) =>
        // If a rule leaves only numbers, the result must be a constant, so that the next rule recognizes it as a
        // number.
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

    /// <summary>Simplifies x·1, x·−1, −x·c and x·d·c.</summary>
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

    /// <summary>Returns a product in which one factor loses its divisor.</summary>
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

    /// <summary>Multiplies in place of x³ and x⁴: as exact as a power, and several times as fast.</summary>
    private static Variable? WholePower(Apply node)
    {
        if (node.Op is not Binary<Power> || !Match.IsNumber(node.Inputs[1], out double exponent)
            || exponent is not (3 or 4))
        {
            return null;
        }

        Variable x = node.Inputs[0], square = Match.Of<Square>(x);
        return Match.Repeated(
            exponent == 3 ? Match.Of<Multiply>(square, x) : Match.Of<Square>(square), node.Outputs[0].Shape);
    }

    /// <summary>Simplifies −(−x) and −(x·c).</summary>
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

    /// <summary>
    /// Moves the sign of negated operands out of a product or quotient, where it can meet other signs.
    /// </summary>
    private static Variable? Signed<TRow>(Apply node) where TRow : struct, IBinary
    {
        (Variable a, Variable b) = (node.Inputs[0], node.Inputs[1]);
        Shape shape = node.Outputs[0].Shape;
        bool isLeft = Match.Is<Negate>(a, out Variable? left), isRight = Match.Is<Negate>(b, out Variable? right);
        if (isLeft && isRight)
        {
            return Match.Of<TRow>(left!, right!);
        }

        // Not if more elements than before would be negated.
        return isLeft && a.Shape == shape ? Match.Of<Negate>(Match.Of<TRow>(left!, b))
            : isRight && b.Shape == shape ? Match.Of<Negate>(Match.Of<TRow>(a, right!))
            : null;
    }

    /// <summary>Joins two conversions, if the first loses nothing.</summary>
    private static Variable? Conversion(Apply node)
    {
        if (node.Op is not Cast to || !Match.Is(node.Inputs[0], out Cast? _, out Apply? first))
        {
            return null;
        }

        Variable x = first.Inputs[0];
        ElementType from = ElementType.Of(x.DType), between = ElementType.Of(first.Outputs[0].DType),
            last = ElementType.Of(to.To);
        bool losesNothing = between.HoldsAll(from);

        // An integer is truncated to a smaller one; a floating-point number becomes the nearest that the integer holds.
        bool isAsGood = from.IsFloat || !between.IsFloat || last.IsFloat || to.To == DType.Bool || last.HoldsAll(from);
        return !losesNothing || !isAsGood ? null : Symbolic.Cast(x, to.To);
    }

    /// <summary>A value computed from a gradient that is not 0 needs no guard.</summary>
    private static Variable? Guarded(Apply node) =>
        node.Op is Binary<GuardGrad> && Match.IsNumber(node.Inputs[0], out double grad) && grad != 0
            ? Match.Repeated(node.Inputs[1], node.Outputs[0].Shape)
            : null;

    private static bool IsPowerOfTwo(double value) =>
        double.IsNormal(value) && (BitConverter.DoubleToInt64Bits(value) & ((1L << 52) - 1)) == 0;

    /// <summary>
    /// Returns whether a dtype holds a product exactly; otherwise x·c·d would be rounded more than before.
    /// </summary>
    private static bool IsExactProduct(double c, double d, DType dtype) => IsOrdinary(c * d, dtype)
        && (!dtype.IsFloat()
            || (Math.FusedMultiplyAdd(c, d, -(c * d)) == 0 && ElementType.Of(dtype).Round(c * d) == c * d));

    /// <summary>Returns whether a dtype holds a number that is not 0 with all its digits.</summary>
    private static bool IsOrdinary(double value, DType dtype)
    {
        var type = ElementType.Of(dtype);
        double size = Math.Abs(type.Round(value));
        return type.IsFloat
            ? size >= type.MinNormal && double.IsFinite(size)
            : Math.Abs(value) > 0 && Math.Abs(value) <= Math.Min(type.Max, ElementType.MaxWhole);
    }
}
