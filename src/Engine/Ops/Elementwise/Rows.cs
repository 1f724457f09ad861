using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// A function of one number, applied to each element: one row of the table of element-wise ops. A struct, so that the
/// loops are compiled for each row and its <see cref="Map"/> is part of them.
/// </summary>
internal interface IUnary
{
    /// <summary>The definition, which float64 may round, and rounds right, but for products of integers.</summary>
    static abstract DoubleDouble Scalar(double x);

    /// <summary>The definition in CUDA C: an expression over x, whose type is T.</summary>
    static abstract string Cuda { get; }

    /// <summary>A vector's lanes at once.</summary>
    static abstract V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>The gradient with respect to x, given x, y = f(x) and the gradient with respect to y.</summary>
    static abstract Variable Grad(Variable x, Variable y, Variable g);

    /// <inheritdoc cref="Op.Ulps"/>
    static virtual double Ulps => 0;

    /// <summary>
    /// How large the terms are of which f(x) is a difference, where <see cref="Ulps"/> are of the largest of them; null where they
    /// are always of f(x).
    /// </summary>
    static virtual Func<double, double>? Terms => null;

    /// <summary>Whether integers are allowed; else they are converted to float32 first.</summary>
    static virtual bool TakesIntegers => false;

    /// <summary>Where to try it, within its domain.</summary>
    static virtual (double Low, double High) Domain => (-3, 3);

    /// <summary>Whether the tests should compare its gradient with differences (not where it jumps).</summary>
    static virtual bool IsSmooth => true;

    /// <summary>
    /// Whether its slope is infinite, or none, at some finite number. There no gradient stays no gradient, which is not
    /// 0 times the slope (<see cref="GuardGrad"/>).
    /// </summary>
    static virtual bool HasPoles => false;
}

/// <summary>A function of two numbers, applied element by element with broadcasting.</summary>
internal interface IBinary
{
    /// <inheritdoc cref="IUnary.Scalar"/>
    static abstract DoubleDouble Scalar(double a, double b);

    /// <summary>The definition in CUDA C: an expression over a and b, whose type is T.</summary>
    static abstract string Cuda { get; }

    /// <inheritdoc cref="IUnary.Map"/>
    static abstract V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>The gradients with respect to a and b, before they are summed over broadcast sides.</summary>
    static abstract (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g);

    /// <inheritdoc cref="Op.Ulps"/>
    static virtual double Ulps => 0;

    /// <inheritdoc cref="IUnary.TakesIntegers"/>
    static virtual bool TakesIntegers => false;

    /// <inheritdoc cref="IUnary.Domain"/>
    static virtual (double Low, double High) Domain => (-3, 3);

    /// <inheritdoc cref="IUnary.IsSmooth"/>
    static virtual bool IsSmooth => true;

    /// <inheritdoc cref="IUnary.HasPoles"/>
    static virtual bool HasPoles => false;
}

/// <summary>A row as the CPU's loop sees it, whatever its number of operands.</summary>
internal interface IMap
{
    static abstract int Arity { get; }

    static abstract V Map<S, V, T>(V a, V b, V c) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;
}

internal readonly struct UnaryMap<TRow> : IMap where TRow : struct, IUnary
{
    public static int Arity => 1;

    public static V Map<S, V, T>(V a, V b, V c) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        TRow.Map<S, V, T>(a);
}

internal readonly struct BinaryMap<TRow> : IMap where TRow : struct, IBinary
{
    public static int Arity => 2;

    public static V Map<S, V, T>(V a, V b, V c) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        TRow.Map<S, V, T>(a, b);
}
