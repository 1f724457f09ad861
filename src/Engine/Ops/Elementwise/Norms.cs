using Engine.Graph;

namespace Engine.Ops;

/// <summary>Tells norms from other roots.</summary>
internal static class Norms
{
    /// <summary>
    /// Returns whether a variable is made of magnitudes and powers by sums, means and views alone, so that its root is
    /// a norm: where it is 0 all of them are, and have no slope.
    /// </summary>
    public static bool IsRootOf(Variable x)
    {
        // Not by recursion: a sum may have as many terms as a network has parameters.
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

    /// <summary>
    /// Returns what the slope of a norm is divided by: infinite in the place of 0, so that there it is 0.
    /// </summary>
    public static Variable NoSlopeAtZero(Variable x) =>
        Symbolic.Where(Symbolic.Equal(x, 0), double.PositiveInfinity, x);

    /// <summary>Whether a product is a vector's with itself.</summary>
    private static bool IsOfOneVector(Apply dot)
    {
        Shape one = [1, 1];
        return dot.Outputs[0].Shape == one && Vector(dot.Inputs[0]) == Vector(dot.Inputs[1]);

        static Variable Vector(Variable x) => x is Result { Owner: { Op: DimShuffle } shuffle } ? shuffle.Inputs[0] : x;
    }

    /// <summary>What is multiplied or divided by positive numbers: x of 2·x.</summary>
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

    /// <summary>A number that is, or one of elements; less some of them, as of a sample's variance: where it is not, nothing is.</summary>
    private static bool IsPositive(Variable x) => x is Constant { Number: > 0 }
        || (x is Result { Owner: var node } && (node.Op is Count
            || (node.Op is Cast or Binary<Subtract> && IsPositive(node.Inputs[0])
                && node.Inputs.Skip(1).All(input => input is Constant { Number: not null }))));
}
