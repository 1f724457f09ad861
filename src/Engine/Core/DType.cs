namespace Engine;

/// <summary>The element type of a tensor.</summary>
public enum DType
{
    /// <summary>32-bit IEEE 754 floating point; the default of every layer.</summary>
    Float32,

    /// <summary>64-bit IEEE 754 floating point; what the numerical gradient checks use.</summary>
    Float64,

    /// <summary>32-bit signed integer: indices, labels and counters.</summary>
    Int32,

    /// <summary>8-bit unsigned integer: pixels, and the 0/1 results of comparisons.</summary>
    UInt8,
}

/// <summary>Sizes, names and promotion of <see cref="DType"/>s.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.Float64 => 8,
        DType.UInt8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>The name that Theano and NumPy give it: <c>float32</c>, <c>int32</c> …</summary>
    public static string Name(this DType dtype) => dtype switch
    {
        DType.Float32 => "float32",
        DType.Float64 => "float64",
        DType.Int32 => "int32",
        DType.UInt8 => "uint8",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>Whether it is a floating-point type.</summary>
    public static bool IsFloat(this DType dtype) => dtype is DType.Float32 or DType.Float64;

    /// <summary>The dtype of the C# type <typeparamref name="T"/>.</summary>
    /// <exception cref="EngineException"><typeparamref name="T"/> is not float, double, int or byte.</exception>
    public static DType Of<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? DType.Float32
        : typeof(T) == typeof(double) ? DType.Float64
        : typeof(T) == typeof(int) ? DType.Int32
        : typeof(T) == typeof(byte) ? DType.UInt8
        : throw new EngineException(
            $"Tensors hold float, double, int or byte, not {typeof(T).Name}: convert them, labels by "
            + "Array.ConvertAll(labels, Convert.ToInt32).");

    /// <summary>
    /// The type both operands of an element-wise op are converted to: the wider of the two in the order
    /// uint8, int32, float32, float64. An integer beside a float32 gives float32 (NumPy and Theano would widen to float64).
    /// What ops do with it, and with number literals, stands in docs/types.md.
    /// </summary>
    public static DType Promote(DType a, DType b) => Width(a) >= Width(b) ? a : b;

    /// <summary>
    /// A number as another dtype has it: from a fraction towards zero, to the nearest that an integer type holds, and 0
    /// for NaN; of an integer, its low bits (NumPy's rule, and what every device does).
    /// </summary>
    internal static double Convert(double value, DType from, DType to) => to switch
    {
        DType.Float32 => (float)value,
        DType.Float64 => value,
        _ when !from.IsFloat() => Wrap(value, to),
        _ when double.IsNaN(value) => 0,
        DType.Int32 => Math.Clamp(Math.Truncate(value), int.MinValue, int.MaxValue),
        _ => Math.Clamp(Math.Truncate(value), byte.MinValue, byte.MaxValue),
    };

    /// <summary>
    /// A whole number's low bits, where the dtype is an integer type, 0 for what is infinite; else the number rounded to
    /// float64.
    /// </summary>
    internal static double Wrap(DoubleDouble value, DType dtype)
    {
        if (dtype.IsFloat() || double.IsNaN(value.High))
        {
            return value.High;
        }

        if (double.IsInfinity(value.High))
        {
            return 0;
        }

        long whole = unchecked((long)value.High + (long)value.Low);
        return dtype == DType.Int32 ? unchecked((int)whole) : unchecked((byte)whole);
    }

    private static int Width(DType dtype) => dtype switch
    {
        DType.UInt8 => 0,
        DType.Int32 => 1,
        DType.Float32 => 2,
        _ => 3,
    };
}
