using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct ArcSin : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (-0.95, 0.95);

    public static double Ulps => 5;

    public static DoubleDouble Scalar(double x) => Math.Asin(x);

    public static string Cuda => "asin(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Asin<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / Symbolic.Sqrt((1 - x) * (1 + x));
}

internal readonly struct ArcCos : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (-0.95, 0.95);

    public static double Ulps => 5;

    public static DoubleDouble Scalar(double x) => Math.Acos(x);

    public static string Cuda => "acos(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Acos<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => -(g / Symbolic.Sqrt((1 - x) * (1 + x)));
}

internal readonly struct ArcTan : IUnary
{
    public static double Ulps => 5;

    public static DoubleDouble Scalar(double x) => Math.Atan(x);

    public static string Cuda => "atan(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Atan<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / (1 + Symbolic.Square(x));
}

internal readonly struct ArcTan2 : IBinary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.5, 3);

    public static double Ulps => 5;

    public static DoubleDouble Scalar(double a, double b) => Math.Atan2(a, b);

    public static string Cuda => "atan2(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Atan2<S, V, T>(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g)
    {
        // b / (a² + b²) and −a / (a² + b²) without the squares, which may overflow or become 0 where the slopes do not.
        Variable isSteep = Symbolic.Greater(Symbolic.Abs(a), Symbolic.Abs(b));
        Variable max = Symbolic.Where(isSteep, a, b), min = Symbolic.Where(isSteep, b, a), ratio = min / max;
        Variable slope = g / (max + (min * ratio)), other = slope * ratio;
        return (Symbolic.Where(isSteep, other, slope), -Symbolic.Where(isSteep, slope, other));
    }
}

internal readonly struct Sinh : IUnary
{
    public static bool HasPoles => true;

    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x)
    {
        DoubleDouble m = DoubleDouble.ExpM1(Math.Abs(x));
        return double.IsFinite(m.High) ? Math.CopySign(0.5, x) * (m + (m / (m + 1))) : Math.Sinh(x);
    }

    public static string Cuda => "sinh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Sinh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Cosh(x);
}

internal readonly struct Cosh : IUnary
{
    public static bool HasPoles => true;

    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x)
    {
        DoubleDouble e = DoubleDouble.Exp(Math.Abs(x));
        return double.IsFinite(e.High) ? 0.5 * (e + (1 / e)) : Math.Cosh(x);
    }

    public static string Cuda => "cosh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Cosh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Sinh(x);
}

internal readonly struct ArcSinh : IUnary
{
    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x) => Math.Asinh(x);

    public static string Cuda => "asinh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Asinh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g)
    {
        // √(1 + x²) equals |x| long before its square overflows.
        Variable a = Symbolic.Abs(x);
        return g / Symbolic.Where(Symbolic.Greater(a, 1e9), a, Symbolic.Sqrt(1 + Symbolic.Square(x)));
    }
}

internal readonly struct ArcCosh : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (1.1, 5);

    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x) => Math.Acosh(x);

    public static string Cuda => "acosh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Acosh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) =>
        g / (Symbolic.Sqrt(x - 1) * Symbolic.Sqrt(x + 1));
}

internal readonly struct ArcTanh : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (-0.95, 0.95);

    public static double Ulps => 6;

    public static DoubleDouble Scalar(double x) => Math.Atanh(x);

    public static string Cuda => "atanh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Atanh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / ((1 - x) * (1 + x));
}

public static partial class Symbolic
{
    /// <summary>Returns the tangent.</summary>
    public static Variable Tan(Variable x) => Sin(x) / Cos(x);

    /// <summary>Returns the angle from −π/2 to π/2 with the sine x; NaN outside −1 to 1.</summary>
    public static Variable ArcSin(Variable x) => Map<ArcSin>(x);

    /// <summary>Returns the angle from 0 to π with the cosine x; NaN outside −1 to 1.</summary>
    public static Variable ArcCos(Variable x) => Map<ArcCos>(x);

    /// <summary>Returns the angle from −π/2 to π/2 with the tangent x.</summary>
    public static Variable ArcTan(Variable x) => Map<ArcTan>(x);

    /// <summary>Returns the angle of the point (x, y), from −π to π, with broadcasting.</summary>
    public static Variable ArcTan2(Variable y, Variable x) => Map<ArcTan2>(y, x);

    /// <summary>Returns the hyperbolic sine.</summary>
    public static Variable Sinh(Variable x) => Map<Sinh>(x);

    /// <summary>Returns the hyperbolic cosine.</summary>
    public static Variable Cosh(Variable x) => Map<Cosh>(x);

    /// <summary>Returns the inverse of the hyperbolic sine.</summary>
    public static Variable ArcSinh(Variable x) => Map<ArcSinh>(x);

    /// <summary>Returns the inverse of the hyperbolic cosine; NaN below 1.</summary>
    public static Variable ArcCosh(Variable x) => Map<ArcCosh>(x);

    /// <summary>Returns the inverse of the hyperbolic tangent; NaN outside −1 to 1.</summary>
    public static Variable ArcTanh(Variable x) => Map<ArcTanh>(x);
}
