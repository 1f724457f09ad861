using Engine.IO;

namespace Engine.Onnx;

/// <summary>Specifies ONNX's element types by its numbers.</summary>
internal enum OnnxType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    BFloat16 = 16,
}

/// <summary>Maps ONNX's element types to dtypes.</summary>
internal static class OnnxTypes
{
    /// <summary>Returns the dtype that stores values of a type; null if no dtype computes as the type does.</summary>
    public static DType? Stored(this OnnxType type) => type switch
    {
        OnnxType.Float => DType.Float32,
        OnnxType.Double => DType.Float64,
        OnnxType.Int32 => DType.Int32,
        OnnxType.Int64 => DType.Int64,
        OnnxType.UInt8 => DType.UInt8,
        OnnxType.Bool => DType.Bool,

        // These are only moved, quantized and dequantized; no op here computes in them.
        OnnxType.Int8 or OnnxType.Int16 or OnnxType.UInt16 => DType.Int32,
        _ => null,
    };

    /// <summary>Returns whether ops compute with values of the type, not only move them.</summary>
    public static bool IsComputed(this OnnxType type) =>
        type is OnnxType.Float or OnnxType.Double or OnnxType.Int32 or OnnxType.Int64 or OnnxType.UInt8
            or OnnxType.Bool;

    public static bool IsFloat(this OnnxType type) => type is OnnxType.Float or OnnxType.Double;

    public static bool IsHalf(this OnnxType type) => type is OnnxType.Float16 or OnnxType.BFloat16;

    public static bool IsWhole(this OnnxType type) => type is OnnxType.UInt8 or OnnxType.Int8 or OnnxType.UInt16
        or OnnxType.Int16 or OnnxType.Int32 or OnnxType.Int64 or OnnxType.UInt32 or OnnxType.UInt64;

    /// <summary>Returns the smallest and the maximum number of an integer type, within the range of long.</summary>
    public static (long Min, long Max) Range(this OnnxType type) => type switch
    {
        OnnxType.UInt8 => (byte.MinValue, byte.MaxValue),
        OnnxType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        OnnxType.UInt16 => (ushort.MinValue, ushort.MaxValue),
        OnnxType.Int16 => (short.MinValue, short.MaxValue),
        OnnxType.Int32 => (int.MinValue, int.MaxValue),
        OnnxType.Bool => (0, 1),
        OnnxType.UInt32 => (uint.MinValue, uint.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };

    /// <summary>Returns the type that the exporter writes for a dtype.</summary>
    public static OnnxType Of(DType dtype) => (OnnxType)OnnxGraph.Type(dtype);

    /// <summary>Returns its name in ONNX.</summary>
    public static string Name(this OnnxType type) =>
        Enum.IsDefined(type) ? type.ToString().ToLowerInvariant() : FormattableString.Invariant($"type {(int)type}");
}

/// <summary>
/// Represents a tensor of a file: a tensor if its type is a dtype, float if it is float16 or bfloat16, or a list of
/// integers for other integer types.
/// </summary>
internal sealed record OnnxTensor(string Name, OnnxType Type, Shape Shape)
{
    /// <summary>Gets or sets the values, if their type is a dtype, until a network takes them.</summary>
    public Tensor? Values { get; set; }

    /// <summary>Gets or sets the values of other integer types.</summary>
    public long[]? Whole { get; init; }

    /// <summary>Returns its values in the dtype that stores them.</summary>
    /// <exception cref="ModelFileException">There is no such dtype, or it cannot hold the values.</exception>
    public Tensor ToTensor()
    {
        if (Values is not null)
        {
            return Values;
        }

        DType stored = Type.Stored() ?? throw new ModelFileException(
            $"The tensor '{Name}' is of {Type.Name()}, and there are no tensors of that type here.");
        if (stored != DType.Int32)
        {
            return Tensor.From(Whole!).Reshape(Shape.Dimensions).Cast(stored);
        }

        var tensor = new Tensor(stored, Shape);
        for (int i = 0; i < Whole!.Length; i++)
        {
            tensor.AsSpan<int>()[i] = checked((int)Whole[i]);
        }

        return tensor;
    }

    /// <summary>Returns its values as integers; null if they are not integers, or are too many.</summary>
    public long[]? ToLongs(int max)
    {
        if (Shape.Count > max)
        {
            return null;
        }

        return Whole ?? (Values is { DType: var dtype } && !dtype.IsFloat() ? OnnxValue.Longs(Values) : null);
    }
}
