namespace Engine;

/// <summary>Specifies the element type of a tensor.</summary>
public enum DType
{
    /// <summary>32-bit IEEE 754 floating point; the default of every layer.</summary>
    Float32,

    /// <summary>64-bit IEEE 754 floating point, for numerical gradient checks.</summary>
    Float64,

    /// <summary>32-bit signed integer, for indices, labels and counters.</summary>
    Int32,

    /// <summary>8-bit unsigned integer, for pixels.</summary>
    UInt8,

    /// <summary>64-bit signed integer, for NumPy's files and for numbers beyond 2³¹.</summary>
    Int64,

    /// <summary>True or false, one byte each: the result of comparisons.</summary>
    Bool,

    /// <summary>
    /// 16-bit IEEE 754 floating point, <see cref="Half"/>: 11 bits of precision, magnitudes to 65504. Tensors store it;
    /// ops compute in float32.
    /// </summary>
    Float16,

    /// <summary>
    /// The upper half of a float32, <see cref="Engine.BFloat16"/>. Tensors store it; ops compute in float32.
    /// </summary>
    BFloat16,
}

/// <summary>Provides sizes, names and promotion of <see cref="DType"/>s.</summary>
public static class DTypes
{
    /// <summary>Returns the bytes of one element.</summary>
    public static int Size(this DType dtype) => ElementType.Of(dtype).Size;

    /// <summary>Returns the name in Theano and NumPy: <c>float32</c>, <c>int32</c> …</summary>
    public static string Name(this DType dtype) => ElementType.Of(dtype).Name;

    /// <summary>Returns whether it is a floating-point type.</summary>
    public static bool IsFloat(this DType dtype) => ElementType.Of(dtype).IsFloat;

    /// <summary>Returns the dtype of the C# type <typeparamref name="T"/>.</summary>
    /// <exception cref="EngineException">
    /// <typeparamref name="T"/> is not float, double, int, long, byte, bool, Half or BFloat16.
    /// </exception>
    public static DType Of<T>() where T : unmanaged => ElementType.Of(typeof(T))?.DType ?? throw new EngineException(
        $"Tensors hold float, double, int, long, byte, bool, Half or BFloat16, not {typeof(T).Name}: convert them, "
        + "labels by Array.ConvertAll(labels, Convert.ToInt32).");

    /// <summary>
    /// Returns the type both operands of an element-wise op are converted to: the wider of the two in the order bool,
    /// uint8, int32, int64, float16, bfloat16, float32, float64. If that is a type of 16 bits that does not hold all
    /// numbers of the other, it is float32. An integer and a float32 give float32, as Theano's floatX rule says (NumPy
    /// would widen to float64). docs/graphs/types.md says how ops use it, and how they treat literals.
    /// </summary>
    public static DType Promote(DType a, DType b)
    {
        (ElementType wide, ElementType other) = (ElementType.Of(a), ElementType.Of(b));
        (wide, other) = wide.Width >= other.Width ? (wide, other) : (other, wide);
        return wide.DType.IsHalf() && !wide.HoldsAll(other) ? DType.Float32 : wide.DType;
    }

    /// <summary>
    /// Returns the dtype in which ops compute sums and products of such numbers: int32 for bool and uint8, float32 for
    /// numbers of 16 bits.
    /// </summary>
    internal static DType Computes(this DType dtype) => ElementType.Of(dtype).Computes;

    /// <summary>Returns the dtype of functions of such numbers: float64 for float64, else float32.</summary>
    internal static DType Floating(this DType dtype) => dtype == DType.Float64 ? dtype : DType.Float32;

    /// <summary>Returns whether it only stores numbers: float16 or bfloat16.</summary>
    internal static bool IsHalf(this DType dtype) => dtype is DType.Float16 or DType.BFloat16;

    /// <summary>Calls code with the C# type for loops over such elements: bool elements are bytes of 1 or 0.</summary>
    internal static TResult Call<TArgument, TResult>(
        this DType dtype, IForElements<TArgument, TResult> code, TArgument argument) =>
        ElementType.Of(dtype).Call(code, argument);

    /// <summary>
    /// Converts a number to another dtype. A fraction is rounded toward zero to an integer, a number out of range
    /// becomes the nearest integer that the type holds, and NaN becomes 0. An integer keeps its low bits. A bool is
    /// true for any number except 0 (NumPy's rule, which every device follows).
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
    /// Returns a whole number's low bits if the dtype is an integer type, with 0 for infinity; else the number rounded
    /// to float64. An int64 that float64 cannot hold is rounded.
    /// </summary>
    internal static double Wrap(DoubleDouble value, DType dtype) =>
        dtype.IsFloat() || double.IsNaN(value.High) ? value.High
        : double.IsInfinity(value.High) ? 0
        : ElementType.Of(dtype).Wrap((Int128)value.High + (Int128)value.Low);

    /// <summary>
    /// Returns a whole number's low bits as <see cref="Wrap"/> does, but with all digits of an int64.
    /// </summary>
    internal static DoubleDouble WrapExactly(DoubleDouble value, DType dtype)
    {
        if (dtype != DType.Int64 || !double.IsFinite(value.High))
        {
            return Wrap(value, dtype);
        }

        long whole = long.CreateTruncating((Int128)value.High + (Int128)value.Low);
        return ((DoubleDouble)(whole >> 32) * (1L << 32)) + (uint)whole;
    }
}
