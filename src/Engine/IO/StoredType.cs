using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.IO;

/// <summary>
/// What elements are stored as in files. Tensors hold fewer types: floats of 8 and 16 bits become float32, truths
/// uint8, other integers int32, in which each must fit.
/// </summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Size">Bytes of an element.</param>
/// <param name="DType">What a tensor holds it as.</param>
/// <param name="Convert">
/// Puts elements, in little endian and C order, into a tensor; null where their bytes are the tensor's own.
/// </param>
internal sealed record StoredType(
    string Name, int Size, DType DType, StoredType.Conversion? Convert = null)
{
    /// <summary>Converts all elements.</summary>
    /// <exception cref="NotSupportedException">An integer does not fit; the message says which and where.</exception>
    internal delegate void Conversion(ReadOnlySpan<byte> from, Tensor to);

    public static readonly StoredType Float64 = new("float64", 8, DType.Float64);
    public static readonly StoredType Float32 = new("float32", 4, DType.Float32);
    public static readonly StoredType Int32 = new("int32", 4, DType.Int32);
    public static readonly StoredType UInt8 = new("uint8", 1, DType.UInt8);
    public static readonly StoredType Bool = new("bool", 1, DType.UInt8);

    public static readonly StoredType Float16 = Floats<Half>("float16", value => (float)value);

    /// <summary>The upper half of a float32.</summary>
    public static readonly StoredType BFloat16 =
        Floats<ushort>("bfloat16", bits => BitConverter.Int32BitsToSingle(bits << 16));

    /// <summary>1 sign, 4 exponent and 3 mantissa bits, without infinities ("FN"; arXiv 2209.05433, table 1).</summary>
    public static readonly StoredType Float8E4M3 = Floats<byte>("float8 E4M3", OfE4M3);

    /// <summary>1 sign, 5 exponent and 2 mantissa bits: the upper half of a float16 (arXiv 2209.05433).</summary>
    public static readonly StoredType Float8E5M2 =
        Floats<byte>("float8 E5M2", bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)));

    /// <summary>A power of two: the scales of OCP's microscaling formats (MX 1.0, 5.4.1).</summary>
    public static readonly StoredType Float8E8M0 =
        Floats<byte>("float8 E8M0", bits => bits == byte.MaxValue ? float.NaN : (float)Math.ScaleB(1, bits - 127));

    public static readonly StoredType Int8 = Integers<sbyte>("int8"), Int16 = Integers<short>("int16");
    public static readonly StoredType Int64 = Integers<long>("int64"), UInt16 = Integers<ushort>("uint16");
    public static readonly StoredType UInt32 = Integers<uint>("uint32"), UInt64 = Integers<ulong>("uint64");

    /// <summary>What a tensor is written as.</summary>
    public static StoredType Of(DType dtype) => dtype switch
    {
        DType.Float64 => Float64,
        DType.Float32 => Float32,
        DType.Int32 => Int32,
        _ => UInt8,
    };

    /// <summary>The bytes of a tensor of these sides as it is stored, or -1 if they are too many to count.</summary>
    public long Bytes(Shape shape)
    {
        try
        {
            return shape.Aggregate((long)Size, (bytes, side) => checked(bytes * side));
        }
        catch (OverflowException)
        {
            return -1;
        }
    }

    /// <summary>Whether a tensor of these sides can be held.</summary>
    public bool Fits(Shape shape) =>
        Bytes(shape) is >= 0 and var bytes && bytes / Size * DType.Size() <= Array.MaxLength;

    private static StoredType Floats<T>(string name, Func<T, float> value) where T : unmanaged => new(
        name, Unsafe.SizeOf<T>(), DType.Float32, (from, to) =>
        {
            ReadOnlySpan<T> stored = MemoryMarshal.Cast<byte, T>(from);
            Span<float> values = to.AsSpan<float>();
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = value(stored[i]);
            }
        });

    private static StoredType Integers<T>(string name) where T : unmanaged, IBinaryInteger<T> => new(
        name, Unsafe.SizeOf<T>(), DType.Int32, (from, to) =>
        {
            ReadOnlySpan<T> stored = MemoryMarshal.Cast<byte, T>(from);
            Span<int> values = to.AsSpan<int>();
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = int.CreateTruncating(stored[i]);
                if (T.CreateTruncating(values[i]) != stored[i] || T.IsNegative(stored[i]) != (values[i] < 0))
                {
                    throw new NotSupportedException(
                        $"it holds {stored[i]}, and integers here are of 32 bits (element {i} of {name} {to.Shape})");
                }
            }
        });

    private static float OfE4M3(byte bits)
    {
        const int Bias = 7, MantissaBits = 3;
        int exponent = (bits >> MantissaBits) & 15, mantissa = bits & 7;
        float size = (bits & 0x7F) == 0x7F ? float.NaN
            : exponent == 0 ? (float)Math.ScaleB(mantissa, 1 - Bias - MantissaBits)
            : (float)Math.ScaleB(8 + mantissa, exponent - Bias - MantissaBits);
        return (bits & 0x80) == 0 ? size : -size;
    }
}
