using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>The error function, 2/√π·∫₀ˣ e⁻ᵗ² dt.</summary>
internal readonly struct Erf : IUnary
{
    private static readonly DoubleDouble s_pi = DoubleDouble.Sum(Math.PI, 1.2246467991473532e-16);

    public static double Ulps => 6;

    /// <summary>2/√π·e⁻ˣ²·Σ 2ⁿx²ⁿ⁺¹/(1·3·…·(2n + 1)), whose terms are all positive.</summary>
    public static DoubleDouble Scalar(double x)
    {
        if (!(Math.Abs(x) < 6))
        {
            return double.IsNaN(x) ? x : Math.Sign(x);
        }

        DoubleDouble square = DoubleDouble.Product(x, x), term = x, sum = x;
        for (int n = 1; Math.Abs(term.High) > Math.Abs(sum.High) * 1e-32; n++)
        {
            term = term * square * 2 / ((2 * n) + 1);
            sum += term;
        }

        double root = Math.Sqrt(Math.PI);
        DoubleDouble exactRoot = root + ((s_pi - DoubleDouble.Product(root, root)) / (2 * root));
        return 2 / exactRoot * DoubleDouble.Exp(-square) * sum;
    }

    public static string Cuda => "erf(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Erf<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) =>
        g * Symbolic.Exp(-Symbolic.Square(x)) * (2 / Math.Sqrt(Math.PI));
}

/// <summary>What of a is left when b fits into it no more, with the sign of b.</summary>
internal readonly struct Mod : IBinary
{
    public static bool IsSmooth => false;

    public static bool HasPoles => true;

    public static DoubleDouble Scalar(double a, double b)
    {
        double rest = a % b;
        return rest == 0 ? Math.CopySign(rest, b) : (rest < 0) == (b < 0) ? rest : DoubleDouble.Sum(rest, b);
    }

    public static string Cuda => "modulo(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, ScalarMath.Mod>(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (g, -(g * Symbolic.Floor(a / b)));
}

public static partial class Symbolic
{
    /// <summary>The error function, 2/√π·∫₀ˣ e⁻ᵗ² dt.</summary>
    public static Variable Erf(Variable x) => Map<Erf>(x);

    /// <summary>1 − erf(x), of which digits are lost where that is little.</summary>
    public static Variable Erfc(Variable x) => 1 - Erf(x);

    /// <summary>
    /// a / b rounded down, element by element, with broadcasting: Python's <c>//</c>. Of integers it is one, 0 where b is 0.
    /// </summary>
    public static Variable IntDiv(Variable a, Variable b)
    {
        Variable[] same = Promotion.Convert("intDiv", [a, b], takesIntegers: true);
        if (same[0].DType.IsFloat())
        {
            return Floor(same[0] / same[1]);
        }

        // Quotients of 32 bits are so far from whole numbers, if they are none, that float64 rounds them to none.
        Variable quotient = Floor(Cast(same[0], DType.Float64) / Cast(same[1], DType.Float64));
        return Cast(Where(Equal(same[1], 0), 0, quotient), DType.Int32);
    }

    /// <inheritdoc cref="IntDiv(Variable, Variable)"/>
    public static Variable IntDiv(Variable a, double b) => IntDiv(a, Constant(b));

    /// <summary>
    /// What of a is left when b fits into it no more, with the sign of b: Python's <c>%</c>, with broadcasting. Of integers
    /// it is one, 0 where b is 0. Its gradient is 1 to a and −⌊a / b⌋ to b.
    /// </summary>
    public static Variable Mod(Variable a, Variable b)
    {
        Variable[] same = Promotion.Convert("mod", [a, b], takesIntegers: true);
        return same[0].DType.IsFloat()
            ? Map<Mod>(same[0], same[1])
            : Where(Equal(same[1], 0), 0, same[0] - (IntDiv(same[0], same[1]) * same[1]));
    }

    /// <inheritdoc cref="Mod(Variable, Variable)"/>
    public static Variable Mod(Variable a, double b) => Mod(a, Constant(b));
}
