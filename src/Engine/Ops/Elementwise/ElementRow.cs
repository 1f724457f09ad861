using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Defines an element-wise function of up to three numbers.</summary>
internal delegate DoubleDouble ScalarFunction(ReadOnlySpan<double> x);

/// <summary>
/// Describes an element-wise function to both devices, which compute it alone or as a term of a
/// <see cref="Composite"/>.
/// </summary>
/// <param name="Name">The printed name.</param>
/// <param name="Map">The struct, an <see cref="IMap"/>, whose <c>Map</c> computes a vector's lanes.</param>
/// <param name="Arity">The number of operands.</param>
/// <param name="Cuda">An expression of type T in CUDA C over <see cref="Parameters"/>.</param>
/// <param name="GivesMask">
/// Whether it returns bools. On the CPU they are lanes of all ones or all zeros until they are stored.
/// </param>
/// <param name="Scalar">The definition.</param>
/// <param name="Ulps">The bound of the rounding errors: see <see cref="Op.Ulps"/>.</param>
/// <param name="Phases">The CPU's loop for this row alone.</param>
internal sealed record ElementRow(
    string Name,
    Type Map,
    int Arity,
    string Cuda,
    bool GivesMask,
    ScalarFunction Scalar,
    double Ulps,
    Func<CpuStep, Phase[]> Phases)
{
    /// <summary>
    /// Gets or sets the function that returns the magnitude of the terms if a result is a difference: see
    /// <see cref="IUnary.Terms"/>.
    /// </summary>
    public Func<double, double>? Terms { get; init; }

    /// <summary>
    /// Gets or sets the dtype of 16 bits in which the result is stored: it is rounded to that dtype, but keeps the type
    /// of the computation. Null if both are the same.
    /// </summary>
    public DType? Stored { get; init; }

    private static readonly string[] s_parameters = ["", "x", "a, b", "a, b, c"];

    /// <summary>Gets the row that converts a mask of the CPU to the numbers 1 and 0.</summary>
    public static ElementRow FromMask { get; } = Of<OneWhereSet>("cast", "(T)x", x => x[0]);

    /// <summary>Gets the row that reads a number rounded to 16 bits as one of the type of the computation.</summary>
    public static ElementRow FromHalf { get; } = Of<Itself>("cast", "x", x => x[0]);

    private static readonly ElementRow s_toFloat16 = ToHalf<Half>(DType.Float16),
        s_toBFloat16 = ToHalf<BFloat16>(DType.BFloat16);

    /// <summary>Gets the expression's names for the operands.</summary>
    public string Parameters => s_parameters[Arity];

    public static ElementRow Of<TMap>(
        string name, string cuda, ScalarFunction scalar, double ulps = 0, bool givesMask = false)
        where TMap : struct, IMap =>
        new(name, typeof(TMap), TMap.Arity, cuda, givesMask, scalar, ulps, MapLoop.Phases<TMap>);

    /// <summary>Returns the row that rounds to a dtype of 16 bits.</summary>
    public static ElementRow ToHalf(DType dtype) => dtype == DType.Float16 ? s_toFloat16 : s_toBFloat16;

    private static ElementRow ToHalf<THalf>(DType dtype)
        where THalf : unmanaged, INumber<THalf>
    {
        ElementRow row = Of<Rounded<THalf>>(
            $"cast{{{dtype.Name()}}}", $"convert(convert(x, {dtype.Cuda()}()), T())",
            x => ElementType.Of(dtype).Round(x[0]));
        return row with { Stored = dtype };
    }

    /// <summary>Returns the size of the numbers whose ulp are the errors of a result.</summary>
    public double Magnitude(double result, ReadOnlySpan<double> x) =>
        Terms is null ? result : double.IsFinite(result) ? Math.Max(Math.Abs(result), Terms(x[0])) : 0;

    public bool Equals(ElementRow? other) => other is not null && Map == other.Map;

    public override int GetHashCode() => Map.GetHashCode();

    private readonly struct Itself : IMap
    {
        public static int Arity => 1;

        static V IMap.Map<S, V, T>(V a, V b, V c) => a;
    }

    private readonly struct Rounded<THalf> : IMap where THalf : unmanaged, INumber<THalf>
    {
        public static int Arity => 1;

        static V IMap.Map<S, V, T>(V a, V b, V c) => typeof(T) == typeof(float)
            ? HalfMath.Round<S, V, T, THalf>(a)
            : ScalarMath.PerLane<S, V, T, ToHalfAndBack<THalf>>(a);
    }

    private readonly struct ToHalfAndBack<THalf> : IScalarFunction where THalf : unmanaged, INumber<THalf>
    {
        public static double Of(double x, double y) => double.CreateTruncating(THalf.CreateTruncating(x));
    }

    private readonly struct OneWhereSet : IMap
    {
        public static int Arity => 1;

        static V IMap.Map<S, V, T>(V a, V b, V c) => S.And(a, S.Const(1));
    }
}
