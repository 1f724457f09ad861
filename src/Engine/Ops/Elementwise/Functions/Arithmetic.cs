using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct Add : IBinary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double a, double b) => a + b;

    public static string Cuda => "add(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct
        where T : unmanaged => S.Add(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) => (g, g);
}

internal readonly struct Subtract : IBinary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double a, double b) => a - b;

    public static string Cuda => "subtract(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct
        where T : unmanaged => S.Sub(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) => (g, -g);
}

internal readonly struct Multiply : IBinary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double a, double b) => DoubleDouble.Product(a, b);

    public static string Cuda => "multiply(a, b)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct
        where T : unmanaged => S.Mul(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (Times(g, b), Times(g, a));

    /// <summary>
    /// Returns the product, but 0 where the gradient is 0, even if the factor is infinite. Log(x) of x·Log(x), for
    /// example, is infinite at 0 on the side of a <see cref="Where"/> that is not taken. The check costs an op, so only
    /// factors that may be infinite get it.
    /// </summary>
    private static Variable Times(Variable g, Variable factor)
    {
        Variable inner = factor;
        while (inner is Result { Owner: { Op: Unary<Negate> } negate })
        {
            inner = negate.Inputs[0];
        }

        bool mayBeInfinite = inner is Result { Owner: var node }
            && (node.Op is Unary<Log> or Unary<Log2> or Unary<Log10> or Unary<Log1p>
            || (node.Op is Binary<Divide> && node.Inputs[0] is Constant));
        return mayBeInfinite ? new Binary<GuardGrad>().Call(g, g * factor) : g * factor;
    }
}

internal readonly struct Divide : IBinary
{
    public static bool HasPoles => true;

    public static (double Low, double High) Domain => (0.5, 3);

    public static DoubleDouble Scalar(double a, double b) => a / b;

    public static string Cuda => "a / b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct
        where T : unmanaged => S.Div(a, b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (g / b, -(g * y / b));
}

internal readonly struct Negate : IUnary
{
    public static bool TakesIntegers => true;

    public static DoubleDouble Scalar(double x) => -x;

    public static string Cuda => "negate(x)";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged => S.Neg(x);

    public static Variable Grad(Variable x, Variable y, Variable g) => -g;
}

public static partial class Symbolic
{
    /// <summary>Computes a + b, element by element, with broadcasting.</summary>
    public static Variable Add(Variable a, Variable b) => Map<Add>(a, b);

    /// <summary>Computes a − b, element by element, with broadcasting.</summary>
    public static Variable Subtract(Variable a, Variable b) => Map<Subtract>(a, b);

    /// <summary>Computes a · b, element by element, with broadcasting.</summary>
    public static Variable Multiply(Variable a, Variable b) => Map<Multiply>(a, b);

    /// <summary>Computes a / b, element by element, with broadcasting; integers are divided as float32.</summary>
    public static Variable Divide(Variable a, Variable b) => Map<Divide>(a, b);

    /// <summary>Computes −x.</summary>
    public static Variable Negate(Variable x) => Map<Negate>(x);
}
