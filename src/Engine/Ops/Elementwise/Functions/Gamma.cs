using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes the logarithm of the magnitude of the gamma function.</summary>
internal readonly struct GammaLn : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 8);

    public static double Ulps => 6;

    public static Func<double, double>? Terms => GammaMath.TermsOfLog;

    public static DoubleDouble Scalar(double x) => GammaReference.Log(x);

    public static string Cuda => "lgamma(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, GammaMath.Log>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Digamma(x);
}

/// <summary>Computes the slope of <see cref="GammaLn"/>, ψ.</summary>
internal readonly struct Digamma : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 8);

    public static double Ulps => 6;

    public static Func<double, double>? Terms => GammaMath.TermsOfDigamma;

    public static DoubleDouble Scalar(double x) => GammaReference.Digamma(x);

    public static string Cuda => "digamma(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, GammaMath.Digamma>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Polygamma(1, x);
}

/// <summary>
/// Computes the derivative of ψ of an order, which is rounded, from 1 to <see cref="GammaMath.MaxOrder"/>.
/// </summary>
internal readonly struct Polygamma : IBinary
{
    public static bool HasPoles => true;

    /// <summary>The domain of both operands, for the orders 1 to 3.</summary>
    public static (double Low, double High) Domain => (0.6, 3.4);

    public static double Ulps => 8;

    public static DoubleDouble Scalar(double a, double b) => GammaReference.Polygamma(a, b);

    public static string Cuda => "polygamma(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        ScalarMath.PerLane<S, V, T, GammaMath.Polygamma>(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (null, g * new Binary<Polygamma>().Call(a + 1, b));
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the logarithm of |Γ(x)|, which is infinite at 0 and the negative integers. It is within 6 ulp. For x
    /// below 0 it is a difference, and the ulp are those of the larger of its terms and 1.
    /// </summary>
    public static Variable GammaLn(Variable x) => Map<GammaLn>(x);

    /// <summary>
    /// Computes ψ, the slope of <see cref="GammaLn"/>: NaN at the negative integers, infinite at 0. It is within 6 ulp.
    /// For x below 0 it is a difference, and the ulp are those of the larger of its terms.
    /// </summary>
    public static Variable Digamma(Variable x) => Map<Digamma>(x);

    /// <summary>
    /// Returns the derivative of an order of <see cref="Digamma"/>; order 0 is that function itself, order 1 the
    /// trigamma function. It is within 8 ulp. For x below 0, orders from 2 on give NaN, or infinity at integers if the
    /// order is odd.
    /// </summary>
    /// <param name="order">The order, from 0 to 100.</param>
    /// <param name="x">Any numbers.</param>
    /// <exception cref="EngineException">The order is not from 0 to 100.</exception>
    public static Variable Polygamma(int order, Variable x) => order is >= 0 and <= GammaMath.MaxOrder
        ? order == 0 ? Digamma(x) : Map<Polygamma>(Constant(order), x)
        : throw new EngineException(
            $"There is no polygamma function of order {order}: "
            + $"orders go from 0 to {GammaMath.MaxOrder}.{Origin.Current}");
}
