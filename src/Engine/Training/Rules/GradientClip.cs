using System.Globalization;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Describes how gradients are kept small before an update rule follows them: <c>new NesterovMomentum(0.01f) { Clip =
/// GradientClip.TotalNorm(5) }</c>. Norms are Euclidean; the formulas are Lasagne's, with its epsilon of 1e-7.
/// </summary>
public abstract record GradientClip
{
    private const double Epsilon = 1e-7;

    private GradientClip(double most) => Max = most > 0 && double.IsFinite(most)
        ? most
        : throw new EngineException(string.Create(
            CultureInfo.InvariantCulture, $"Gradients are kept below a number greater than 0, not {most}."));

    /// <summary>Gets what is not exceeded.</summary>
    public double Max { get; }

    /// <summary>Returns each element kept between −most and most.</summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip Value(double most) => new ByValue(most);

    /// <summary>
    /// Returns the gradient of each parameter shortened to a norm of most where it is longer: g · min(‖g‖, most) / (‖g‖
    /// + 1e-7), ‖g‖ being that of all its elements (Lasagne's <c>norm_constraint</c> over all axes).
    /// </summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip Norm(double most) => new ByNorm(most);

    /// <summary>
    /// Returns all gradients multiplied by one number, so that the norm of all of them taken as one vector is not above
    /// most: g · min(n, most) / (n + 1e-7) with n = √(Σ ‖g‖²). Their direction stays (Lasagne's
    /// <c>total_norm_constraint</c>; Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks.
    /// ICML 2013).
    /// </summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip TotalNorm(double most) => new ByTotalNorm(most);

    /// <summary>Returns its members, with points in the numbers.</summary>
    public sealed override string ToString() => RecordText.Of(GetType().Name, PrintMembers);

    /// <summary>The gradients as the rule is to see them.</summary>
    internal abstract IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> gradients);

    /// <summary>The sum of squares, in float64: in float32 they overflow from 2·10¹⁹ on.</summary>
    private static Variable Squares(Variable gradient) =>
        Symbolic.Sum(Symbolic.Square(Symbolic.Cast(gradient, DType.Float64)));

    private Variable Factor(Variable squares, DType dtype)
    {
        Variable norm = Symbolic.Sqrt(squares);
        return Symbolic.Cast(Symbolic.Minimum(norm, Max) / (norm + Epsilon), dtype);
    }

    private sealed record ByValue(double Max) : GradientClip(Max)
    {
        internal override IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> gradients) =>
            [.. gradients.Select(gradient => Symbolic.Clip(gradient, -Max, Max))];
    }

    private sealed record ByNorm(double Max) : GradientClip(Max)
    {
        internal override IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> gradients) =>
            [.. gradients.Select(gradient => gradient * Factor(Squares(gradient), gradient.DType))];
    }

    private sealed record ByTotalNorm(double Max) : GradientClip(Max)
    {
        internal override IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> gradients)
        {
            if (gradients.Count == 0)
            {
                return gradients;
            }

            Variable squares = gradients.Select(Squares).Aggregate((sum, squares) => sum + squares);
            return [.. gradients.Select(gradient => gradient * Factor(squares, gradient.DType))];
        }
    }
}
