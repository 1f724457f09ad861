using System.Globalization;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Describes how gradients are clipped before an update rule uses them: <c>new NesterovMomentum(0.01f) { Clip =
/// GradientClip.TotalNorm(5) }</c>. Norms are Euclidean; the formulas are Lasagne's, with its epsilon of 1e-7.
/// </summary>
public abstract record GradientClip
{
    private const double Epsilon = 1e-7;

    private GradientClip(double max) => Max = max > 0 && double.IsFinite(max)
        ? max
        : throw new EngineException(string.Create(
            CultureInfo.InvariantCulture, $"Gradients are kept below a number greater than 0, not {max}."));

    /// <summary>Gets the limit.</summary>
    public double Max { get; }

    /// <summary>Clips each element to the range from −max to max.</summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip Value(double max) => new ByValue(max);

    /// <summary>
    /// Limits the norm of each parameter's gradient: g · min(‖g‖, max) / (‖g‖ + 1e-7). ‖g‖ is the norm over all its
    /// elements (Lasagne's <c>norm_constraint</c> over all axes).
    /// </summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip Norm(double max) => new ByNorm(max);

    /// <summary>
    /// Limits the norm of all gradients together, as one vector: g · min(n, max) / (n + 1e-7) with n = √(Σ ‖g‖²). All
    /// gradients are multiplied by the same number, so their direction stays the same (Lasagne's
    /// <c>total_norm_constraint</c>; Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks.
    /// ICML 2013).
    /// </summary>
    /// <exception cref="EngineException">The number is not greater than 0.</exception>
    public static GradientClip TotalNorm(double max) => new ByTotalNorm(max);

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public sealed override string ToString() => RecordText.Of(GetType().Name, PrintMembers);

    /// <summary>Returns the clipped gradients.</summary>
    internal abstract IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> gradients);

    /// <summary>Returns the sum of squares in float64. In float32, squares overflow from 2·10¹⁹ on.</summary>
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
