using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Computes the slopes of sigmoids, and of the logarithms of sigmoids, without a difference that loses digits. If a
/// value is replaced by a more exact one, its slope must be, too: the errors of the two as written may cancel.
/// </summary>
internal static class StableSlopes
{
    /// <summary>The most factors of a product that are looked at, so that long products take linear time.</summary>
    private const int MaxFactors = 8;

    public static Rule[] Rules { get; } = [OfSoftplus, OfSigmoid, OfLogarithm];

    /// <summary>Replaces g / (1 + exp(x)) · exp(x), the slope of log(1 + exp(x)), by g · sigmoid(x).</summary>
    private static Variable? OfSoftplus(Apply node)
    {
        if (node.Op is not Binary<Multiply>)
        {
            return null;
        }

        return Of(node.Inputs[0], node.Inputs[1]) ?? Of(node.Inputs[1], node.Inputs[0]);

        static Variable? Of(Variable factor, Variable power)
        {
            Variable quotient = Match.Unguarded(factor);
            bool isNegative = Match.Is<Negate>(quotient, out Variable? positive);
            return Match.Is<Exp>(power, out Variable? x)
                && Match.Is<Divide>(Match.Unguarded(positive ?? quotient), out Variable? g, out Variable? sum)
                && Stabilize.IsOneMore(sum, out Variable? added)
                && Match.Is<Exp>(added, out Variable? same) && same == x
                    ? Match.Of<Multiply>(isNegative ? Match.Of<Negate>(g) : g, Match.Of<Sigmoid>(x))
                    : null;
        }
    }

    /// <summary>
    /// Replaces g·s − g·s·s, the slope of exp(x) / (1 + exp(x)), which is s = sigmoid(x), by g·s·sigmoid(−x).
    /// </summary>
    private static Variable? OfSigmoid(Apply node)
    {
        bool isDifference = node.Op is Binary<Subtract>;
        if (!(isDifference || node.Op is Binary<Add>)
            || !Product.TryRead(node.Inputs[0], out Product? a) || !Product.TryRead(node.Inputs[1], out Product? b)
            || (a.IsNegative == b.IsNegative) != isDifference)
        {
            return null;
        }

        bool isFirst = a.Factors.Count <= b.Factors.Count;
        (Product once, Product twice) = isFirst ? (a, b) : (b, a);
        Variable? x = null;
        if (!once.Factors.Any(factor => Match.Is<Sigmoid>(factor, out x))
            || twice.Factors.RemoveAll(factor => IsSigmoidOf(factor, x!))
                != once.Factors.RemoveAll(factor => IsSigmoidOf(factor, x!)) + 1
            || !once.IsOfTheFactorsOf(twice) || node.Inputs[isFirst ? 0 : 1].Shape != node.Outputs[0].Shape)
        {
            return null;
        }

        Variable slope = Match.Of<Multiply>(node.Inputs[isFirst ? 0 : 1], Match.Of<Sigmoid>(Match.Of<Negate>(x!)));
        return isDifference && !isFirst ? Match.Of<Negate>(slope) : slope;
    }

    /// <summary>
    /// Replaces g / s · s · (1 − s), the slope of log(s) for s = sigmoid(x), by g · sigmoid(−x), and
    /// g / (1 − s) · s · (1 − s), that of log(1 − s), by g · sigmoid(x). The divisor of other logarithms has a factor.
    /// </summary>
    private static Variable? OfLogarithm(Apply node)
    {
        if (node.Op is not Binary<Multiply> || !Product.TryRead(node.Outputs[0], out Product? product))
        {
            return null;
        }

        Variable? s = null, x = null;
        if (!product.Remove(factor => IsRest(factor, out s) && Match.Is<Sigmoid>(s, out x))
            || !product.Remove(factor => factor == s))
        {
            return null;
        }

        foreach (Variable factor in product.Factors)
        {
            if (Match.Is<Divide>(factor, out Variable? g, out Variable? divisor)
                && IsScaled(divisor, s!, out Variable? scale, out bool isOfRest))
            {
                g = product.Guards.TryGetValue(factor, out Variable? guard) && guard != g && guard.Shape == g.Shape
                    ? Match.Of<GuardGrad>(guard, g)
                    : g;
                g = scale is null ? g : Match.Of<Divide>(g, scale);
                Variable result = Match.Of<Multiply>(g, Match.Of<Sigmoid>(isOfRest ? x! : Match.Of<Negate>(x!)));
                foreach (Variable other in product.Factors.Where(other => other != factor))
                {
                    result = Match.Of<Multiply>(result, other);
                }

                result = product.IsNegative ? Match.Of<Negate>(result) : result;
                return result.Shape == node.Outputs[0].Shape ? result : null;
            }
        }

        return null;
    }

    /// <summary>Returns whether a divisor is s or 1 − s, or one of them times a number.</summary>
    private static bool IsScaled(Variable divisor, Variable s, out Variable? scale, out bool isOfRest)
    {
        scale = null;
        if (Match.Is<Multiply>(divisor, out Variable? a, out Variable? b))
        {
            (scale, divisor) = Match.IsNumber(a, out _) ? (a, b) : Match.IsNumber(b, out _) ? (b, a) : (null, divisor);
        }

        isOfRest = IsRest(divisor, out Variable? other) && other == s;
        return divisor == s || isOfRest;
    }

    /// <summary>Returns whether a variable is 1 − s.</summary>
    private static bool IsRest(Variable variable, [NotNullWhen(true)] out Variable? s)
    {
        if (Stabilize.IsOneLess(variable, out s))
        {
            return true;
        }

        return Stabilize.IsOneMore(variable, out Variable? minus) && Match.Is<Negate>(minus, out s);
    }

    private static bool IsSigmoidOf(Variable variable, Variable x) =>
        Match.Is<Sigmoid>(variable, out Variable? other) && other == x;

    /// <summary>The factors of a product, without its signs, its ones, and the guards of gradients.</summary>
    private sealed class Product
    {
        public List<Variable> Factors { get; } = [];

        /// <summary>Gets the gradients that guard factors.</summary>
        public Dictionary<Variable, Variable> Guards { get; } = [];

        public bool IsNegative { get; private set; }

        public static bool TryRead(Variable variable, [NotNullWhen(true)] out Product? product)
        {
            product = new Product();
            return product.Read(variable, null);
        }

        /// <summary>Removes the first factor of a kind; false if there is none.</summary>
        public bool Remove(Predicate<Variable> isMeant)
        {
            int index = Factors.FindIndex(isMeant);
            if (index >= 0)
            {
                Factors.RemoveAt(index);
            }

            return index >= 0;
        }

        public bool IsOfTheFactorsOf(Product other) =>
            Factors.Count == other.Factors.Count && Factors.All(other.Factors.Remove);

        private bool Read(Variable variable, Variable? guard)
        {
            if (Match.Is<GuardGrad>(variable, out Variable? gradient, out Variable? passed))
            {
                return Read(passed, gradient);
            }

            if (Match.Is<Negate>(variable, out Variable? positive))
            {
                IsNegative = !IsNegative;
                return Read(positive, guard);
            }

            if (Match.Is<Multiply>(variable, out Variable? a, out Variable? b))
            {
                return Read(a, null) && Read(b, null);
            }

            if (!Match.IsNumber(Match.Seen(variable), 1))
            {
                Factors.Add(variable);
                if (guard is not null)
                {
                    Guards[variable] = guard;
                }
            }

            return Factors.Count <= MaxFactors;
        }
    }
}
