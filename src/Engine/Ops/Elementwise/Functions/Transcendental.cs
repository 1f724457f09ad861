using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct Exp : IUnary
{
    public static bool HasPoles => true;

    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Exp(x);

    public static string Cuda => "exp(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Exp<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * y;
}

internal readonly struct Exp2 : IUnary
{
    public static bool HasPoles => true;

    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Exp(x * DoubleDouble.Log(2));

    public static string Cuda => "exp2(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Exp2<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * y * Math.Log(2);
}

internal readonly struct Expm1 : IUnary
{
    public static bool HasPoles => true;

    public static double Ulps => 4;

    public static DoubleDouble Scalar(double x) => DoubleDouble.ExpM1(x);

    public static string Cuda => "expm1(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.ExpM1<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Exp(x);
}

internal readonly struct Log : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 5);

    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Log(x);

    public static string Cuda => "log(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Log<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / x;
}

internal readonly struct Log2 : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 5);

    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Log(x) / DoubleDouble.Log(2);

    public static string Cuda => "log2(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Log2<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / (x * Math.Log(2));
}

internal readonly struct Log10 : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.1, 5);

    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Log(x) / DoubleDouble.Log(10);

    public static string Cuda => "log10(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Log10<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / (x * Math.Log(10));
}

internal readonly struct Log1p : IUnary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (-0.9, 5);

    public static double Ulps => 4;

    public static DoubleDouble Scalar(double x) => DoubleDouble.Log1P(x);

    public static string Cuda => "log1p(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Log1P<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g / (x + 1);
}

internal readonly struct Sin : IUnary
{
    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => Math.Sin(x);

    public static string Cuda => "sin(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Sin<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Cos(x);
}

internal readonly struct Cos : IUnary
{
    public static double Ulps => 3;

    public static DoubleDouble Scalar(double x) => Math.Cos(x);

    public static string Cuda => "cos(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Cos<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => -(g * Symbolic.Sin(x));
}

internal readonly struct Tanh : IUnary
{
    public static double Ulps => 4;

    public static DoubleDouble Scalar(double x)
    {
        // exp(−2·|x|) does not overflow, whatever the sign of x.
        DoubleDouble less = DoubleDouble.ExpM1(-2 * Math.Abs(x));
        return Math.CopySign(1, x) * (-less / (2 + less));
    }

    public static string Cuda => "tanh(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Tanh<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * (1 - (y * y));
}

internal readonly struct Sigmoid : IUnary
{
    public static double Ulps => 4;

    public static DoubleDouble Scalar(double x)
    {
        DoubleDouble power = DoubleDouble.Exp(-Math.Abs(x));
        return (x < 0 ? power : 1) / (1 + power);
    }

    public static string Cuda => "(x < 0 ? exp(x) : T(1)) / (1 + exp(-abs(x)))";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Sigmoid<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * y * (1 - y);
}

internal readonly struct Softplus : IUnary
{
    public static double Ulps => 4;

    public static DoubleDouble Scalar(double x) => Math.Max(x, 0) + DoubleDouble.Log1P(DoubleDouble.Exp(-Math.Abs(x)));

    public static string Cuda => "maximum(x, T(0)) + log1p(exp(-abs(x)))";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        VectorMath.Softplus<S, V, T>(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => g * Symbolic.Sigmoid(x);
}

public static partial class Symbolic
{
    /// <summary>Computes e to the power of x.</summary>
    public static Variable Exp(Variable x) => Map<Exp>(x);

    /// <summary>Computes 2 to the power of x, exactly if x is whole.</summary>
    public static Variable Exp2(Variable x) => Map<Exp2>(x);

    /// <summary>Computes e to the power of x, minus 1. It is exact also near 0.</summary>
    public static Variable Expm1(Variable x) => Map<Expm1>(x);

    /// <summary>Returns the natural logarithm.</summary>
    public static Variable Log(Variable x) => Map<Log>(x);

    /// <summary>Returns the logarithm to base 2: a whole number for a power of 2.</summary>
    public static Variable Log2(Variable x) => Map<Log2>(x);

    /// <summary>Returns the logarithm to base 10: a whole number for a power of 10.</summary>
    public static Variable Log10(Variable x) => Map<Log10>(x);

    /// <summary>Computes log(1 + x). It is exact also near 0.</summary>
    public static Variable Log1p(Variable x) => Map<Log1p>(x);

    /// <summary>Returns the sine.</summary>
    public static Variable Sin(Variable x) => Map<Sin>(x);

    /// <summary>Returns the cosine.</summary>
    public static Variable Cos(Variable x) => Map<Cos>(x);

    /// <summary>Returns the hyperbolic tangent.</summary>
    public static Variable Tanh(Variable x) => Map<Tanh>(x);

    /// <summary>Computes 1 / (1 + exp(−x)).</summary>
    public static Variable Sigmoid(Variable x) => Map<Sigmoid>(x);

    /// <summary>Computes log(1 + exp(x)) without overflow.</summary>
    public static Variable Softplus(Variable x) => Map<Softplus>(x);
}
