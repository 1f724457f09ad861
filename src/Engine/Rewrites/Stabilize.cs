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
        [Logarithm, LogarithmToBase, LogarithmOfOneMore, Exponential, Quotient, DifferenceToOne];

    // log(1 − exp(x)) becomes log(1 + (−exp(x))) before 1 − exp(x) is replaced.
    public static FunctionGraph Apply(FunctionGraph graph) => Complements.Apply(LocalRules.Apply(
        LocalRules.Apply(graph, [.. StableRows.Rules, .. s_rules, .. StableSlopes.Rules]), OneLessExponential));

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
    private static Variable? Exponential(Apply node) =>
        IsLessOne(node.Outputs[0], out Variable? power) && Match.Is<Exp>(power, out Variable? x)
            ? Match.Of<Expm1>(x)
            : null;

    /// <summary>Replaces 1 − exp(x).</summary>
    private static Variable? OneLessExponential(Apply node) =>
        IsOneLess(node.Outputs[0], out Variable? power) && Match.Is<Exp>(power, out Variable? x)
            ? Match.Of<Negate>(Match.Of<Expm1>(x))
            : null;

    /// <summary>Replaces exp(x) / (1 + exp(x)).</summary>
    private static Variable? Quotient(Apply node) =>
        node.Op is Binary<Divide> && Match.Is<Exp>(node.Inputs[0], out Variable? x)
        && IsOneMore(node.Inputs[1], out Variable? power) && Match.Is<Exp>(power, out Variable? same) && same == x
            ? Match.Of<Sigmoid>(x)
            : null;

    /// <summary>
    /// Replaces (1 + x) − 1 and 1 − (1 − x), which have the rounding error of 1 + x. In log(1 + x)·x / ((1 + x) − 1),
    /// it cancels the logarithm's, which is gone when the logarithm is replaced.
    /// </summary>
    private static Variable? DifferenceToOne(Apply node)
    {
        Variable? x = null;
        Variable difference = node.Outputs[0];
        return !difference.DType.IsFloat() ? null
            : IsLessOne(difference, out Variable? sum) && IsOneMore(sum, out x) ? x
            : IsOneLess(difference, out sum) && IsOneLess(sum, out x) ? x
            : IsLessOne(difference, out sum) && IsOneLess(sum, out x) ? Match.Of<Negate>(x)
            : IsOneLess(difference, out sum) && IsOneMore(sum, out x) ? Match.Of<Negate>(x)
            : null;
    }

    /// <summary>Returns whether a variable is x − 1.</summary>
    private static bool IsLessOne(Variable variable, [NotNullWhen(true)] out Variable? x)
    {
        x = Match.Is<Subtract>(variable, out Variable? a, out Variable? b) && Match.IsNumber(b, 1) ? a
            : Match.Is<Add>(variable, out a, out b) && Match.IsNumber(b, -1) ? a
            : Match.Is<Add>(variable, out a, out b) && Match.IsNumber(a, -1) ? b
            : null;
        return x is not null && x.Shape == variable.Shape;
    }

    internal static bool IsOneMore(Variable variable, [NotNullWhen(true)] out Variable? x)
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
