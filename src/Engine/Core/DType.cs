namespace Engine;

/// <summary>Represents the element type of a tensor.</summary>
public enum DType
{
    /// <summary>32-bit IEEE 754 floating point; the default of every layer.</summary>
    Float32,

    /// <summary>64-bit IEEE 754 floating point; what the numerical gradient checks use.</summary>
    Float64,

    /// <summary>32-bit signed integer: indices, labels and counters.</summary>
    Int32,

    /// <summary>8-bit unsigned integer: pixels.</summary>
    UInt8,

    /// <summary>64-bit signed integer: what NumPy's files hold, and numbers beyond 2³¹.</summary>
    Int64,

    /// <summary>True or false, a byte each: what comparisons give.</summary>
    Bool,

    /// <summary>
    /// 16-bit IEEE 754 floating point, <see cref="Half"/>: 11 bits, magnitudes to 65504. It is stored; ops compute in
    /// float32.
    /// </summary>
    Float16,

    /// <summary>The upper half of a float32, <see cref="Engine.BFloat16"/>. It is stored; ops compute in float32.</summary>
    BFloat16,
}

/// <summary>Sizes, names and promotion of <see cref="DType"/>s.</summary>
public static class DTypes
{
    /// <summary>Returns bytes of one element.</summary>
    public static int Size(this DType dtype) => ElementType.Of(dtype).Size;

    /// <summary>Returns the name that Theano and NumPy give it: <c>float32</c>, <c>int32</c> …</summary>
    public static string Name(this DType dtype) => ElementType.Of(dtype).Name;

    /// <summary>Returns whether it is a floating-point type.</summary>
    public static bool IsFloat(this DType dtype) => ElementType.Of(dtype).IsFloat;

    /// <summary>Returns the dtype of the C# type <typeparamref name="T"/>.</summary>
    /// <exception cref="EngineException">
    /// <typeparamref name="T"/> is not float, double, int, long, byte, bool, Half or BFloat16.
    /// </exception>
    public static DType Of<T>() where T : unmanaged => ElementType.Of(typeof(T))?.DType ?? throw new EngineException(
        $"Tensors hold float, double, int, long, byte, bool, Half or BFloat16, not {typeof(T).Name}: convert them, labels by "
        + "Array.ConvertAll(labels, Convert.ToInt32).");

    /// <summary>
    /// Returns the type both operands of an element-wise op are converted to: the wider of the two in the order bool,
    /// uint8, int32, int64, float16, bfloat16, float32, float64. An integer beside a float32 gives float32, as Theano's floatX rule has it
    /// (NumPy would widen to float64). What ops do with it, and with number literals, stands in docs/types.md.
    /// </summary>
    public static DType Promote(DType a, DType b) => ElementType.Of(a).Width >= ElementType.Of(b).Width ? a : b;

    /// <summary>
    /// The dtype in which sums and products of such numbers are computed: int32 for small whole ones, float32 for those of
    /// 16 bits.
    /// </summary>
    internal static DType Computes(this DType dtype) => ElementType.Of(dtype).Computes;

    /// <summary>The dtype that functions of such numbers give: float64 of float64, else float32.</summary>
    internal static DType Floating(this DType dtype) => dtype == DType.Float64 ? dtype : DType.Float32;

    /// <summary>Whether it is a floating-point type that only stores numbers: float16 or bfloat16.</summary>
    internal static bool IsHalf(this DType dtype) => dtype is DType.Float16 or DType.BFloat16;

    /// <summary>Calls code with the type that loops over such elements go over: truths are bytes of 1 or 0 to them.</summary>
    internal static TResult Call<TArgument, TResult>(
        this DType dtype, IForElements<TArgument, TResult> code, TArgument argument) =>
        ElementType.Of(dtype).Call(code, argument);

    /// <summary>
    /// A number as another dtype has it: from a fraction toward zero, to the nearest that an integer type holds, and 0
    /// for NaN; of an integer, its low bits; as a truth whether it is other than 0 (NumPy's rule, and what every device
    /// does).
    /// </summary>
    internal static double Convert(double value, DType from, DType to)
    {
        var type = ElementType.Of(to);
        return type.IsFloat || to == DType.Bool ? type.Round(value)
            : !from.IsFloat() ? Wrap(value, to)
            : double.IsNaN(value) ? 0
            : Math.Clamp(Math.Truncate(value), type.Min, type.Max);
    }

    /// <summary>
    /// A whole number's low bits, where the dtype is an integer type, 0 for what is infinite; else the number rounded to
    /// float64. An int64 that float64 does not hold is rounded.
    /// </summary>
    internal static double Wrap(DoubleDouble value, DType dtype) =>
        dtype.IsFloat() || double.IsNaN(value.High) ? value.High
        : double.IsInfinity(value.High) ? 0
        : ElementType.Of(dtype).Wrap((Int128)value.High + (Int128)value.Low);
}
