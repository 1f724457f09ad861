using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct Abs : IUnary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double x) => Math.Abs(x);

    public static string Cuda => "magnitude(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Abs(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Sign(x);
}

/// <summary>Computes the sign. Zeros and NaNs do not change.</summary>
internal readonly struct Sign : IUnary
{
    public static bool TakesIntegers => true;

    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double x) => x > 0 ? 1 : x < 0 ? -1 : x;

    public static string Cuda => "x > 0 ? T(1) : x < 0 ? T(-1) : x";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Select(S.Less(S.Zero, x), S.Const(1), S.Select(S.Less(x, S.Zero), S.Const(-1), x));

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.Zero(x);
}

internal readonly struct Square : IUnary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Product(x, x);

    public static string Cuda => "multiply(x, x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Mul(x, x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * x * 2;
}

internal readonly struct Sqrt : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 5);

    public static DoubleDouble Scalar(double x) => Math.Sqrt(x);

    public static string Cuda => "sqrt(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Sqrt(x);

    public static Variable Grad(Variable x, Variable y, Variable g) =>
        g / ((Norms.IsRootOf(x) ? Norms.NoSlopeAtZero(y) : y) * 2);
}

internal readonly struct Floor : IUnary
{
    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double x) => Math.Floor(x);

    public static string Cuda => "floor(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Floor(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.Zero(x);
}

internal readonly struct Ceiling : IUnary
{
    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double x) => Math.Ceiling(x);

    public static string Cuda => "ceil(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Ceiling(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.Zero(x);
}

internal readonly struct Trunc : IUnary
{
    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double x) => Math.Truncate(x);

    public static string Cuda => "trunc(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Truncate(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.Zero(x);
}

internal readonly struct Round : IUnary
{
    public static bool IsSmooth => false;

    public static DoubleDouble Scalar(double x) => Math.Round(x);

    public static string Cuda => "rint(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Round(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.Zero(x);
}

/// <summary>
/// Computes a power. If the base is not positive, the gradient with respect to the exponent is taken as 0.
/// </summary>
internal readonly struct Power : IBinary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.5, 3);

    public static double Ulps => 8;

    public static DoubleDouble Scalar(double a, double b) =>
        double.IsFinite(a) && double.IsFinite(b) && a > 0
            ? DoubleDouble.Exp(b * DoubleDouble.Log(a))
            : Math.Pow(a, b);

    public static string Cuda => "pow(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Pow<S, V, T>(a, b);

    public static bool MapsRuns => true;

    public static unsafe void MapRun<S, V, T>(int vectors, T* a, T* b)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => VectorMath.Pow<S, V, T>(vectors, a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g)
    {
        // The slope of a⁰ is 0 everywhere, and b·a^(b − 1) would be 0·∞ at 0.
        Variable less = Symbolic.Where(Symbolic.Equal(b, 0), 0, b - 1);
        bool isNorm = b is Constant { Number: > 0 and < 1 } && Norms.IsRootOf(a);
        Variable power = Symbolic.Power(isNorm ? Norms.NoSlopeAtZero(a) : a, less);
        Variable positive = Symbolic.Where(Symbolic.Greater(y, 0), a, 1);
        Variable log = Symbolic.Log(Symbolic.Where(Symbolic.Greater(positive, 0), positive, 1));
        return (g * b * power, g * y * log);
    }
}

internal readonly struct Maximum : IBinary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double a, double b) => Math.Max(a, b);

    public static string Cuda => "maximum(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Max(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (Symbolic.Where(Symbolic.GreaterOrEqual(a, b), g, 0), Symbolic.Where(Symbolic.GreaterOrEqual(a, b), 0, g));
}

internal readonly struct Minimum : IBinary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double a, double b) => Math.Min(a, b);

    public static string Cuda => "minimum(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Min(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (Symbolic.Where(Symbolic.LessOrEqual(a, b), g, 0), Symbolic.Where(Symbolic.LessOrEqual(a, b), 0, g));
}

public static partial class Symbolic
{
    /// <summary>Returns the absolute value.</summary>
    public static Variable Abs(Variable x) => Map<Abs>(x);

    /// <summary>
    /// Returns 1 for positive numbers, −1 for negative ones, otherwise x itself (0, NaN); its gradient is taken as 0.
    /// </summary>
    public static Variable Sign(Variable x) => Map<Sign>(x);

    /// <summary>Computes x².</summary>
    public static Variable Square(Variable x) => Map<Square>(x);

    /// <summary>
    /// Returns the square root. Its slope at 0 is infinite, except for a norm, which is a root of squares or
    /// magnitudes: the slope of a norm of 0 is taken as 0, as <c>torch.linalg.norm</c> does.
    /// </summary>
    public static Variable Sqrt(Variable x) => Map<Sqrt>(x);

    /// <summary>
    /// Returns the largest integer that is at most x; its gradient is taken as 0. Integers stay as they are.
    /// </summary>
    public static Variable Floor(Variable x) => Whole<Floor>(x);

    /// <summary>
    /// Returns the smallest integer that is at least x; its gradient is taken as 0. Integers stay as they are.
    /// </summary>
    public static Variable Ceiling(Variable x) => Whole<Ceiling>(x);

    /// <summary>
    /// Returns the nearest integer, for halves the even one; its gradient is taken as 0. Integers stay as they are.
    /// </summary>
    public static Variable Round(Variable x) => Whole<Round>(x);

    /// <summary>
    /// Computes a to the power of b, element by element, with broadcasting; integers are raised as float32.
    /// </summary>
    public static Variable Power(Variable a, Variable b) => Map<Power>(a, b);

    /// <summary>
    /// Computes x to the power of a number; integers are raised as float32 (<see cref="Square"/> keeps them).
    /// </summary>
    public static Variable Power(Variable x, double exponent)
    {
        ArgumentNullException.ThrowIfNull(x);
        Variable number = Promotion.Convert("power", [x], takesIntegers: false)[0];
        return exponent == 2 ? Square(number) : exponent == 0.5 ? Sqrt(number) : Map<Power>(number, Constant(exponent));
    }

    /// <summary>Returns the greater of a and b, NaN if either is NaN. If they are equal, a gets the gradient.</summary>
    public static Variable Maximum(Variable a, Variable b) => Promotion.AsTruth(Map<Maximum>(a, b), a, b);

    /// <summary>Returns the greater of x and a number.</summary>
    public static Variable Maximum(Variable x, double min) => Map<Maximum>(x, Constant(min));

    /// <summary>Returns the lesser of a and b, NaN if either is NaN. If they are equal, a gets the gradient.</summary>
    public static Variable Minimum(Variable a, Variable b) => Promotion.AsTruth(Map<Minimum>(a, b), a, b);

    /// <summary>Returns the lesser of x and a number.</summary>
    public static Variable Minimum(Variable x, double max) => Map<Minimum>(x, Constant(max));

    /// <summary>Returns x, clipped to two numbers.</summary>
    public static Variable Clip(Variable x, double min, double max) => Minimum(Maximum(x, min), max);

    /// <summary>Returns x, clipped to two arrays, with broadcasting.</summary>
    public static Variable Clip(Variable x, Variable min, Variable max) => Minimum(Maximum(x, min), max);

    /// <summary>Returns x rounded toward 0; its gradient is taken as 0. Integers stay as they are.</summary>
    public static Variable Trunc(Variable x) => Whole<Trunc>(x);

    /// <summary>Rounds floating-point numbers; float32 could not hold every int32 or int64.</summary>
    private static Variable Whole<TRounding>(Variable x)
        where TRounding : struct, IUnary
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.DType.Computes().IsFloat() ? Map<TRounding>(x) : x;
    }
}
