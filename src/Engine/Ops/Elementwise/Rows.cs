using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a function of one number that is applied to each element: one row of the table of element-wise ops. A row
/// is a struct, so that the JIT compiles a loop for each row and inlines its <see cref="Map"/>.
/// </summary>
internal interface IUnary
{
    /// <summary>
    /// Computes the definition. Rounding it to float64 gives the correctly rounded result, except for products of
    /// integers.
    /// </summary>
    static abstract DoubleDouble Scalar(double x);

    /// <summary>Gets the definition in CUDA C: an expression over x, whose type is T.</summary>
    static abstract string Cuda { get; }

    /// <summary>Computes a vector's lanes at once.</summary>
    static abstract V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>Returns the gradient with respect to x, given x, y = f(x) and the gradient with respect to y.</summary>
    static abstract Variable Grad(Variable x, Variable y, Variable g);

    /// <inheritdoc cref="Op.Ulps"/>
    static virtual double Ulps => 0;

    /// <summary>
    /// Gets the function that returns the magnitude of the terms if f(x) is a difference: <see cref="Ulps"/> then
    /// counts ulp of the largest term. Null if it always counts ulp of f(x).
    /// </summary>
    static virtual Func<double, double>? Terms => null;

    /// <summary>Gets whether integers are allowed; if not, they are converted to float32 first.</summary>
    static virtual bool TakesIntegers => false;

    /// <summary>Gets the range in which to test it, within its domain.</summary>
    static virtual (double Low, double High) Domain => (-3, 3);

    /// <summary>
    /// Gets whether the tests should compare its gradient with differences (not if the function jumps).
    /// </summary>
    static virtual bool IsSmooth => true;

    /// <summary>
    /// Gets whether its slope is infinite or undefined at some finite number. There, a gradient of 0 stays 0, instead
    /// of 0 times the slope (<see cref="GuardGrad"/>).
    /// </summary>
    static virtual bool HasPoles => false;
}

/// <summary>Represents a function of two numbers, applied element by element with broadcasting.</summary>
internal interface IBinary
{
    /// <inheritdoc cref="IUnary.Scalar"/>
    static abstract DoubleDouble Scalar(double a, double b);

    /// <summary>Gets the definition in CUDA C: an expression over a and b, whose type is T.</summary>
    static abstract string Cuda { get; }

    /// <inheritdoc cref="IUnary.Map"/>
    static abstract V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>
    /// Gets whether several vectors at once are faster than one by one, for a chain of many instructions.
    /// </summary>
    static virtual bool MapsRuns => false;

    /// <summary>
    /// Replaces a of up to <see cref="VectorMath.MaxRun"/> vectors by the results, with the bits of <see cref="Map"/>.
    /// </summary>
    static virtual unsafe void MapRun<S, V, T>(int vectors, T* a, T* b)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
    }

    /// <summary>Returns the gradients with respect to a and b, before they are summed over broadcast axes.</summary>
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

/// <summary>Represents a row for the CPU's loop, with any number of operands.</summary>
internal interface IMap
{
    static abstract int Arity { get; }

    static abstract V Map<S, V, T>(V a, V b, V c) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <inheritdoc cref="IBinary.MapsRuns"/>
    static virtual bool MapsRuns => false;

    /// <inheritdoc cref="IBinary.MapRun"/>
    static virtual unsafe void MapRun<S, V, T>(int vectors, T* a, T* b)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
    }
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

    public static bool MapsRuns => TRow.MapsRuns;

    public static unsafe void MapRun<S, V, T>(int vectors, T* a, T* b)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged => TRow.MapRun<S, V, T>(vectors, a, b);
}
