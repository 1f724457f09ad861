using Engine.Graph;

namespace Engine.Ops;

/// <summary>Distinguishes norms from other roots.</summary>
internal static class Norms
{
    /// <summary>
    /// Returns whether a variable consists only of magnitudes and powers, combined by sums, means and views, so that
    /// its root is a norm. Where the norm is 0 all of them are 0, and their slopes too.
    /// </summary>
    public static bool IsRootOf(Variable x)
    {
        // No recursion: a sum may have as many terms as a network has parameters.
        var terms = new Stack<Variable>([x]);
        var seen = new HashSet<Variable>();
        while (terms.TryPop(out Variable? term))
        {
            if (!seen.Add(term))
            {
                continue;
            }

            if (term is Constant { Number: 0 })
            {
                continue;
            }

            if (term is not Result { Owner: var node })
            {
                return false;
            }

            switch (node.Op)
            {
                case Unary<Square> or Unary<Abs>:
                case Binary<Power> when node.Inputs[1] is Constant { Number: > 1 }:
                case Binary<Multiply> when Unscaled(node.Inputs[0]) == Unscaled(node.Inputs[1]):
                case Dot when IsOfOneVector(node):
                    break;
                case Binary<Add>:
                    terms.Push(node.Inputs[0]);
                    terms.Push(node.Inputs[1]);
                    break;
                case Binary<Divide> when IsPositive(node.Inputs[1]):
                case Binary<Multiply> when IsPositive(node.Inputs[1]):
                case Reduce<Sum> or SumTo or View or DimShuffle:
                    terms.Push(node.Inputs[0]);
                    break;
                case Binary<Multiply> when IsPositive(node.Inputs[0]):
                    terms.Push(node.Inputs[1]);
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>Returns the divisor of a norm's slope: infinite instead of 0, so that the slope there is 0.</summary>
    public static Variable NoSlopeAtZero(Variable x) =>
        Symbolic.Where(Symbolic.Equal(x, 0), double.PositiveInfinity, x);

    /// <summary>Returns whether a product is that of a vector with itself.</summary>
    private static bool IsOfOneVector(Apply dot)
    {
        Shape one = [1, 1];
        return dot.Outputs[0].Shape == one && Vector(dot.Inputs[0]) == Vector(dot.Inputs[1]);

        static Variable Vector(Variable x) => x is Result { Owner: { Op: DimShuffle } shuffle } ? shuffle.Inputs[0] : x;
    }

    /// <summary>Returns a variable without its positive factors: x for 2·x.</summary>
    private static Variable Unscaled(Variable x)
    {
        while (x is Result { Owner: var node })
        {
            Variable? inner = node.Op switch
            {
                Binary<Multiply> when IsPositive(node.Inputs[0]) => node.Inputs[1],
                Binary<Multiply> or Binary<Divide> when IsPositive(node.Inputs[1]) => node.Inputs[0],
                _ => null,
            };
            if (inner is null)
            {
                break;
            }

            x = inner;
        }

        return x;
    }

    /// <summary>
    /// Returns whether a variable is a positive number or a count of elements. A count minus a number is accepted, as
    /// for a sample's variance: if it is not positive, there is no variance.
    /// </summary>
    private static bool IsPositive(Variable x) => x is Constant { Number: > 0 }
        || (x is Result { Owner: var node } && (node.Op is Count
            || (node.Op is Cast or Binary<Subtract> && IsPositive(node.Inputs[0])
                && node.Inputs.Skip(1).All(input => input is Constant { Number: not null }))));
}
