using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Compares two numbers, element by element with broadcasting.</summary>
internal interface IComparison
{
    /// <inheritdoc cref="IUnary.Scalar"/>
    static abstract bool Scalar(double a, double b);

    /// <summary>Gets the definition in CUDA C: an expression over a and b, whose type is T.</summary>
    static abstract string Cuda { get; }

    /// <summary>Returns lanes of all ones where the comparison is true, otherwise of all zeros.</summary>
    static abstract V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;
}

/// <summary>Returns true where the comparison holds, otherwise false.</summary>
internal sealed record Compare<TRow> : Elementwise, ISampled where TRow : struct, IComparison
{
    private static readonly ElementRow s_row = ElementRow.Of<Map>(
        Symbolic.RowName<TRow>(), TRow.Cuda, x => TRow.Scalar(x[0], x[1]) ? 1 : 0, givesMask: true);

    public override string Name => s_row.Name;

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (Shape[] shapes in SampleShapes(random, 2))
        {
            yield return new Sample(new Compare<TRow>(), new Arg(shapes[0]), new Arg(shapes[1]));
            yield return new Sample(new Compare<TRow>(), Whole(shapes[1]), Whole(shapes[0]));
            yield return new Sample(new Compare<TRow>(), Arg.Int(shapes[0], -2, 2), Arg.Int(shapes[1], -2, 2));
            yield return new Sample(new Compare<TRow>(), Long(shapes[0]), Long(shapes[1]));
        }

        // The mask has as many bytes as the operand that is repeated.
        yield return new Sample(new Compare<TRow>(), Whole([1, 4]), Whole([4, 4]));
    }

    public override ElementRow Row => s_row;

    protected override IReadOnlyList<Variable?> Grad(IReadOnlyList<Variable> inputs, Variable output, Variable grad) =>
        [null, null];

    private static Arg Whole(Shape shape) => new(shape, Whole: true);

    private static Arg Long(Shape shape) => new(shape, DType.Int64, -2, 2);

    private readonly struct Map : IMap
    {
        public static int Arity => 2;

        static V IMap.Map<S, V, T>(V a, V b, V c) => TRow.Map<S, V, T>(a, b);
    }
}

internal readonly struct Equal : IComparison
{
    public static bool Scalar(double a, double b) => a == b;

    public static string Cuda => "a == b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Equal(a, b);
}

internal readonly struct NotEqual : IComparison
{
    public static bool Scalar(double a, double b) => a != b;

    public static string Cuda => "a != b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Not(S.Equal(a, b));
}

internal readonly struct Less : IComparison
{
    public static bool Scalar(double a, double b) => a < b;

    public static string Cuda => "a < b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Less(a, b);
}

internal readonly struct LessOrEqual : IComparison
{
    public static bool Scalar(double a, double b) => a <= b;

    public static string Cuda => "a <= b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.LessOrEqual(a, b);
}

internal readonly struct Greater : IComparison
{
    public static bool Scalar(double a, double b) => a > b;

    public static string Cuda => "a > b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Less(b, a);
}

internal readonly struct GreaterOrEqual : IComparison
{
    public static bool Scalar(double a, double b) => a >= b;

    public static string Cuda => "a >= b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.LessOrEqual(b, a);
}

internal readonly struct And : IComparison
{
    public static bool Scalar(double a, double b) => a != 0 && b != 0;

    public static string Cuda => "a != 0 && b != 0";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Not(S.Or(S.Equal(a, S.Zero), S.Equal(b, S.Zero)));
}

internal readonly struct Or : IComparison
{
    public static bool Scalar(double a, double b) => a != 0 || b != 0;

    public static string Cuda => "a != 0 || b != 0";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Not(S.And(S.Equal(a, S.Zero), S.Equal(b, S.Zero)));
}

internal readonly struct Xor : IComparison
{
    public static bool Scalar(double a, double b) => a != 0 != (b != 0);

    public static string Cuda => "(a != 0) != (b != 0)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Xor(S.Equal(a, S.Zero), S.Equal(b, S.Zero));
}

public static partial class Symbolic
{
    /// <summary>Returns true where both a and b are true (not 0), else false; with broadcasting.</summary>
    public static Variable And(Variable a, Variable b) => Test<And>(a, b);

    /// <summary>Returns true where a, b or both are true (not 0), else false; with broadcasting.</summary>
    public static Variable Or(Variable a, Variable b) => Test<Or>(a, b);

    /// <summary>Returns true where exactly one of a and b is true (not 0), else false; with broadcasting.</summary>
    public static Variable Xor(Variable a, Variable b) => Test<Xor>(a, b);

    /// <summary>Returns true where x is 0, else false.</summary>
    public static Variable Not(Variable x) => Equal(x, 0);

    /// <summary>Returns true where x is NaN, else false.</summary>
    public static Variable IsNaN(Variable x) => NotEqual(x, x);

    /// <summary>Returns true where x is positive or negative infinity, else false.</summary>
    public static Variable IsInf(Variable x) => Equal(Abs(x), double.PositiveInfinity);

    /// <summary>
    /// Returns true where a and b differ by at most atol + rtol·|b|, else false: NumPy's <c>isclose</c>.
    /// </summary>
    public static Variable IsClose(Variable a, Variable b, double rtol = 1e-5, double atol = 1e-8) =>
        Or(Equal(a, b), And(LessOrEqual(Abs(a - b), (Abs(b) * rtol) + atol), Less(Abs(b), double.PositiveInfinity)));

    /// <summary>Returns true where a = b, else false; with broadcasting.</summary>
    public static Variable Equal(Variable a, Variable b) => Test<Equal>(a, b);

    /// <summary>Returns true where a = b, else false; b is a number.</summary>
    public static Variable Equal(Variable a, double b) => Test<Equal>(a, Constant(b));

    /// <summary>Returns true where a ≠ b, else false; with broadcasting.</summary>
    public static Variable NotEqual(Variable a, Variable b) => Test<NotEqual>(a, b);

    /// <summary>Returns true where a ≠ b, else false; b is a number.</summary>
    public static Variable NotEqual(Variable a, double b) => Test<NotEqual>(a, Constant(b));

    /// <summary>Returns true where a &lt; b, else false; with broadcasting.</summary>
    public static Variable Less(Variable a, Variable b) => Test<Less>(a, b);

    /// <summary>Returns true where a &lt; b, else false; b is a number.</summary>
    public static Variable Less(Variable a, double b) => Test<Less>(a, Constant(b));

    /// <summary>Returns true where a ≤ b, else false; with broadcasting.</summary>
    public static Variable LessOrEqual(Variable a, Variable b) => Test<LessOrEqual>(a, b);

    /// <summary>Returns true where a ≤ b, else false; b is a number.</summary>
    public static Variable LessOrEqual(Variable a, double b) => Test<LessOrEqual>(a, Constant(b));

    /// <summary>Returns true where a &gt; b, else false; with broadcasting.</summary>
    public static Variable Greater(Variable a, Variable b) => Test<Greater>(a, b);

    /// <summary>Returns true where a &gt; b, else false; b is a number.</summary>
    public static Variable Greater(Variable a, double b) => Test<Greater>(a, Constant(b));

    /// <summary>Returns true where a ≥ b, else false; with broadcasting.</summary>
    public static Variable GreaterOrEqual(Variable a, Variable b) => Test<GreaterOrEqual>(a, b);

    /// <summary>Returns true where a ≥ b, else false; b is a number.</summary>
    public static Variable GreaterOrEqual(Variable a, double b) => Test<GreaterOrEqual>(a, Constant(b));

    private static Variable Test<TRow>(Variable a, Variable b) where TRow : struct, IComparison
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return new Compare<TRow>().Call(Promotion.Convert(RowName<TRow>(), [a, b], takesIntegers: true));
    }
}
