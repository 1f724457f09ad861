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

    /// <summary>
    /// The number of which x is the error function; infinite at −1 and 1. Polynomials of √−log(1 − x²) (Giles, Approximating
    /// the erfinv function, 2010), within 10 ulp of float32; of float64 two steps of Newton's bring it to within 10⁻¹⁶ / (1 −
    /// |x|).
    /// </summary>
    public static Variable ErfInv(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        Variable w = -Log((1 - x) * (1 + x));
        Variable near = Horner(
            Minimum(w, 5) - 2.5, 2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
            -0.00417768164, 0.246640727, 1.50140941);
        Variable far = Horner(
            Sqrt(Maximum(w, 5)) - 3, -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
            0.00943887047, 1.00167406, 2.83297682);
        Variable y = Where(Less(w, 5), near, Where(Equal(w, double.PositiveInfinity), w, far)) * x;
        for (int step = 0; step < 2 && x.DType == DType.Float64; step++)
        {
            Variable slope = Exp(-Square(y)) * (2 / Math.Sqrt(Math.PI));
            y = Where(Greater(slope, 0), y - ((Erf(y) - x) / slope), y);
        }

        return y;

        static Variable Horner(Variable t, params ReadOnlySpan<double> coefficients)
        {
            Variable sum = t * coefficients[0] + coefficients[1];
            foreach (double coefficient in coefficients[2..])
            {
                sum = (sum * t) + coefficient;
            }

            return sum;
        }
    }
}
