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

public static partial class Symbolic
{
    /// <summary>The error function, 2/√π·∫₀ˣ e⁻ᵗ² dt.</summary>
    public static Variable Erf(Variable x) => Map<Erf>(x);

    /// <summary>1 − erf(x), of which digits are lost where that is little.</summary>
    public static Variable Erfc(Variable x) => 1 - Erf(x);
}
