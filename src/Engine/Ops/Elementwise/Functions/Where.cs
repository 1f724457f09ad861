using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Returns the second input where the first is not 0, otherwise the third.</summary>
internal sealed record Where : Elementwise, ISampled
{
    private static readonly ElementRow s_row =
        ElementRow.Of<Map>("where", "a != 0 ? b : c", x => x[0] != 0 ? x[1] : x[2]);

    public static IEnumerable<Sample> Samples(Random random) => SampleShapes(random, 3).SelectMany(shapes => (Sample[])
    [
        new(new Where(), Condition(shapes[0]), new Arg(shapes[1]), new Arg(shapes[2])),
        new(new Where(), Arg.Int(shapes[2], 0, 2), Arg.Int(shapes[0], -9, 9), Arg.Int(shapes[1], -9, 9)),
        new(new Where(), new(shapes[2], DType.Int64, 0, 2), Arg.Int(shapes[0], DType.Int64),
            Arg.Int(shapes[1], DType.Int64)),
    ]);

    public override ElementRow Row => s_row;

    protected override IReadOnlyList<Variable?> Grad(IReadOnlyList<Variable> inputs, Variable output, Variable grad) =>
    [
        null,
        Call(inputs[0], grad, Symbolic.Constant(0, grad.DType)),
        Call(inputs[0], Symbolic.Constant(0, grad.DType), grad),
    ];

    /// <summary>Returns a condition as a comparison gives it, converted to floating point.</summary>
    private static Arg Condition(Shape shape) => new(shape, Low: 0, High: 2, Whole: true);

    private readonly struct Map : IMap
    {
        public static int Arity => 3;

        static V IMap.Map<S, V, T>(V a, V b, V c) => S.Select(S.Equal(a, S.Zero), c, b);
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns a where the condition is true, otherwise b. All three broadcast. Theano's <c>switch</c>. A condition is
    /// true where it is not 0: 0.5 is true, and so is NaN.
    /// </summary>
    public static Variable Where(Variable condition, Variable a, Variable b)
    {
        ArgumentNullException.ThrowIfNull(condition);
        Variable[] values = Promotion.Convert("where", [a, b], takesIntegers: true);
        return Promotion.AsTruth(new Where().Call(Truth(condition, values[0].DType), values[0], values[1]), a, b);
    }

    /// <inheritdoc cref="Where(Variable, Variable, Variable)"/>
    public static Variable Where(Variable condition, Variable a, double b) => Where(condition, a, Constant(b));

    /// <inheritdoc cref="Where(Variable, Variable, Variable)"/>
    public static Variable Where(Variable condition, double a, Variable b) => Where(condition, Constant(a), b);

    /// <summary>
    /// Returns a condition in the dtype of the values. The conversion must not turn a true condition into 0, as it
    /// would for 0.5 and for 2⁴⁰ as int64.
    /// </summary>
    private static Variable Truth(Variable condition, DType dtype)
    {
        bool mayVanish = condition.DType.IsFloat() || (condition.DType == DType.Int64 && !dtype.IsFloat());
        return Cast(mayVanish && condition.DType != dtype ? NotEqual(condition, 0) : condition, dtype);
    }
}
