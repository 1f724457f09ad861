using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes a / b, rounded down. It rounds the exact quotient; the floating-point quotient may already be rounded up to
/// the next integer.
/// </summary>
internal readonly struct IntDiv : IBinary
{
    public static bool TakesIntegers => true;

    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double a, double b) => ScalarMath.IntDiv.Of(a, b);

    public static string Cuda => "quotient(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.IntDiv<S, V, T>(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) => (null, null);
}

/// <summary>Computes the remainder of a / b, with the sign of b.</summary>
internal readonly struct Mod : IBinary
{
    public static bool TakesIntegers => true;

    public static bool IsSmooth => false;

    public static bool HasPoles => true;

    public static DoubleDouble Scalar(double a, double b)
    {
        double rest = a % b;
        return rest == 0 ? Math.CopySign(rest, b) : (rest < 0) == (b < 0) ? rest : DoubleDouble.Sum(rest, b);
    }

    public static string Cuda => "modulo(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Mod<S, V, T>(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (g, -(g * Symbolic.IntDiv(a, b)));
}

public static partial class Symbolic
{
    /// <summary>
    /// Computes a / b rounded down, element by element, with broadcasting: Python's <c>//</c>. For integers the result
    /// is an integer, 0 where b is 0. Of an infinite a it is NaN, as the remainder is.
    /// </summary>
    public static Variable IntDiv(Variable a, Variable b) => Map<IntDiv>(a, b);

    /// <inheritdoc cref="IntDiv(Variable, Variable)"/>
    public static Variable IntDiv(Variable a, double b) => IntDiv(a, Constant(b));

    /// <summary>
    /// Returns the remainder of a / b with the sign of b: Python's <c>%</c>, with broadcasting. For integers the result
    /// is an integer, 0 where b is 0. Its gradient is 1 with respect to a and −⌊a / b⌋ with respect to b.
    /// </summary>
    public static Variable Mod(Variable a, Variable b) => Map<Mod>(a, b);

    /// <inheritdoc cref="Mod(Variable, Variable)"/>
    public static Variable Mod(Variable a, double b) => Mod(a, Constant(b));
}
