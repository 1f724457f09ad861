using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Replaces expressions that overflow, or lose digits, by others that do not: functions of logarithms and exponentials
/// in this class, functions of rows in <see cref="StableRows"/>.
/// </summary>
internal static class Stabilize
{
    private static readonly Rule[] s_rules =
        [Logarithm, LogarithmToBase, LogarithmOfOneMore, Exponential, Slope, SlopeOfLogSigmoid];

    public static FunctionGraph Apply(FunctionGraph graph) =>
        Complements.Apply(LocalRules.Apply(graph, [.. StableRows.Rules, .. s_rules]));

    /// <summary>Replaces log(exp(x)), log(1 + x), log(1 − x), log(sigmoid(x)).</summary>
    private static Variable? Logarithm(Apply node) => node.Op is not Unary<Log> ? null
        : Match.Is<Exp>(node.Inputs[0], out Variable? power) ? power
        : IsOneMore(node.Inputs[0], out Variable? x) ? Match.Of<Log1p>(x)
        : IsOneLess(node.Inputs[0], out x) ? Match.Of<Log1p>(Match.Of<Negate>(x))
        : Match.Is<Sigmoid>(node.Inputs[0], out x) ? Match.Of<Negate>(Match.Of<Softplus>(Match.Of<Negate>(x)))
        : null;

    /// <summary>Replaces a logarithm to base 2 or 10 where the natural one is replaced.</summary>
    private static Variable? LogarithmToBase(Apply node)
    {
        double scale = node.Op switch { Unary<Log2> => 1 / Math.Log(2), Unary<Log10> => 1 / Math.Log(10), _ => 0 };
        if (scale == 0)
        {
            return null;
        }

        Apply natural = new Unary<Log>().Apply(node.Inputs[0]);
        return (StableRows.Logarithm(natural) ?? Logarithm(natural)) is { } stable
            ? Match.Of<Multiply>(stable, Match.Number(scale, stable))
            : null;
    }

    /// <summary>Replaces log(1 + exp(x)), log(1 − sigmoid(x)).</summary>
    private static Variable? LogarithmOfOneMore(Apply node) => node.Op is not Unary<Log1p> ? null
        : Match.Is<Exp>(node.Inputs[0], out Variable? x) ? Match.Of<Softplus>(x)
        : Match.Is<Negate>(node.Inputs[0], out Variable? minus) && Match.Is<Sigmoid>(minus, out x)
            ? Match.Of<Negate>(Match.Of<Softplus>(x))
        : null;

    /// <summary>Replaces exp(x) − 1.</summary>
    private static Variable? Exponential(Apply node)
    {
        Variable sum = node.Outputs[0];
        Variable? power = Match.Is<Subtract>(sum, out Variable? a, out Variable? b) && Match.IsNumber(b, 1) ? a
            : Match.Is<Add>(sum, out a, out b) && Match.IsNumber(b, -1) ? a
            : Match.Is<Add>(sum, out a, out b) && Match.IsNumber(a, -1) ? b
            : null;
        return power is not null && power.Shape == sum.Shape && Match.Is<Exp>(power, out Variable? x)
            ? Match.Of<Expm1>(x)
            : null;
    }

    /// <summary>Replaces g / (1 + exp(x)) · exp(x), the slope of log(1 + exp(x)), by g · sigmoid(x).</summary>
    private static Variable? Slope(Apply node)
    {
        if (node.Op is not Binary<Multiply>)
        {
            return null;
        }

        return Of(node.Inputs[0], node.Inputs[1]) ?? Of(node.Inputs[1], node.Inputs[0]);

        static Variable? Of(Variable quotient, Variable power) =>
            Match.Is<Exp>(power, out Variable? x)
            && Match.Is<Divide>(Match.Unguarded(quotient), out Variable? g, out Variable? sum)
            && IsOneMore(sum, out Variable? added) && added == power
                ? Match.Of<Multiply>(g, Match.Of<Sigmoid>(x))
                : null;
    }

    /// <summary>Replaces g / s · s · (1 − s), the slope of log(s) for s = sigmoid(x), by g · sigmoid(−x).</summary>
    private static Variable? SlopeOfLogSigmoid(Apply node)
    {
        if (node.Op is not Binary<Multiply>)
        {
            return null;
        }

        return Of(node.Inputs[0], node.Inputs[1]) ?? Of(node.Inputs[1], node.Inputs[0]);

        static Variable? Of(Variable product, Variable rest) =>
            IsOneLess(rest, out Variable? s) && Match.Is<Sigmoid>(s, out Variable? x)
            && Match.Is<Multiply>(product, out Variable? a, out Variable? b)
            && Match.Is<Divide>(Match.Unguarded(b == s ? a : b), out Variable? g, out Variable? divisor)
            && divisor == s && (a == s || b == s)
                ? Match.Of<Multiply>(g, Match.Of<Sigmoid>(Match.Of<Negate>(x)))
                : null;
    }

    private static bool IsOneMore(Variable variable, [NotNullWhen(true)] out Variable? x)
    {
        x = !Match.Is<Add>(variable, out Variable? a, out Variable? b) ? null
            : Match.IsNumber(a, 1) ? b
            : Match.IsNumber(b, 1) ? a
            : null;
        return x is not null && x.Shape == variable.Shape;
    }

    internal static bool IsOneLess(Variable variable, [NotNullWhen(true)] out Variable? x)
    {
        x = Match.Is<Subtract>(variable, out Variable? one, out Variable? minus) && Match.IsNumber(one, 1)
            ? minus
            : null;
        return x is not null && x.Shape == variable.Shape;
    }
}
