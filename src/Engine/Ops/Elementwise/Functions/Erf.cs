using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes the error function, 2/√π·∫₀ˣ e⁻ᵗ² dt.</summary>
internal readonly struct Erf : IUnary
{
    private static readonly DoubleDouble s_pi = DoubleDouble.Sum(Math.PI, 1.2246467991473532e-16);

    public static double Ulps => 6;

    public static DoubleDouble RootOfPi { get; } = Root(s_pi);

    /// <summary>Computes 2/√π·e⁻ˣ²·Σ 2ⁿx²ⁿ⁺¹/(1·3·…·(2n + 1)), whose terms are all positive.</summary>
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

        return 2 / RootOfPi * DoubleDouble.Exp(-square) * sum;
    }

    public static string Cuda => "erf(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Erf<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) =>
        g * Symbolic.Exp(-Symbolic.Square(x)) * (2 / Math.Sqrt(Math.PI));

    private static DoubleDouble Root(DoubleDouble x)
    {
        double root = Math.Sqrt(x.High);
        return root + ((x - DoubleDouble.Product(root, root)) / (2 * root));
    }
}

/// <summary>Computes 1 − erf(x), with all digits also where the result is small.</summary>
internal readonly struct Erfc : IUnary
{
    /// <summary>
    /// From this x on, the continued fraction has more correct digits than the difference 1 − erf(x).
    /// </summary>
    private const double Far = 2;

    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x)
    {
        if (!(x > Far))
        {
            return 1 - Erf.Scalar(x);
        }

        // e⁻ˣ²/√π / (x + ½/(x + 1/(x + 3⁄2/(x + …)))), from the innermost fraction outward.
        DoubleDouble fraction = x;
        for (int n = 150; n > 0; n--)
        {
            fraction = x + (n / (2 * fraction));
        }

        return double.IsFinite(x) ? DoubleDouble.Exp(-DoubleDouble.Product(x, x)) / (Erf.RootOfPi * fraction) : 0;
    }

    public static string Cuda => "erfc(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Erfc<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) =>
        g * Symbolic.Exp(-Symbolic.Square(x)) * (-2 / Math.Sqrt(Math.PI));
}

public static partial class Symbolic
{
    /// <summary>Returns the error function, 2/√π·∫₀ˣ e⁻ᵗ² dt.</summary>
    public static Variable Erf(Variable x) => Map<Erf>(x);

    /// <summary>Computes 1 − erf(x), exact also where the result is small.</summary>
    public static Variable Erfc(Variable x) => Map<Erfc>(x);

    /// <summary>
    /// Returns the inverse of the error function; infinite at −1 and 1. It uses polynomials of √−log(1 − x²) (Giles,
    /// Approximating the erfinv function, 2010), which are within 10 ulp for float32. For float64, Newton's method
    /// improves them to within 10 ulp.
    /// </summary>
    public static Variable ErfInv(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        var at = new Input(x.Type, "x");
        Variable near = ErfInvRoughly(at);
        Variable inverse = x.DType == DType.Float64 ? ErfInvByNewton(at, near) : near;
        return new OpFromGraph([at], [inverse], "erfInv", Gradient).Call(x);

        // The derivative of the polynomials would be much less exact than the polynomials are.
        static IReadOnlyList<Variable?> Gradient(
            IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> outputs, IReadOnlyList<Variable> grads)
        {
            Variable slope = Exp(Square(outputs[0])) * (Math.Sqrt(Math.PI) / 2);
            return [new Binary<GuardGrad>().Call(grads[0], grads[0] * slope)];
        }
    }

    private static Variable ErfInvRoughly(Variable x)
    {
        Variable w = -Log((1 - x) * (1 + x));
        Variable near = Horner(
            Minimum(w, 5) - 2.5, 2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
            -0.00125372503,
            -0.00417768164, 0.246640727, 1.50140941);
        Variable far = Horner(
            Sqrt(Maximum(w, 5)) - 3, -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
            -0.0076224613,
            0.00943887047, 1.00167406, 2.83297682);
        return Where(Less(w, 5), near, Where(Equal(w, double.PositiveInfinity), w, far)) * x;

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

    private static Variable ErfInvByNewton(Variable x, Variable y)
    {
        // For small x. Near 1, erf(y) − x has no digits left, but 1 − |x| has all of them.
        Variable little = y, tail = 1 - Abs(x), log = -Log(tail);
        for (int step = 0; step < 2; step++)
        {
            little -= (Erf(little) - x) * Exp(Square(little)) * (Math.Sqrt(Math.PI) / 2);
        }

        // Beyond the range of the polynomials it begins with the first terms of the inverse's series at infinity.
        // Newton's steps use log erfc, which is nearly a parabola.
        Variable large = Where(Greater(log, 14), Sqrt(log - (Log(log * Math.PI) * 0.5)), Abs(y));
        for (int step = 0; step < 3; step++)
        {
            Variable reached = Erfc(large);
            large += Log(reached / tail) * reached * Exp(Square(large)) * (Math.Sqrt(Math.PI) / 2);
        }

        large = Where(Equal(tail, 0), double.PositiveInfinity, large);
        return Where(Less(Abs(x), 0.5), little, Where(Less(x, 0), -large, large));
    }
}
