using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.IO;

/// <summary>
/// Represents the type of the elements in a file. Tensors hold fewer types: floats of 8 bits become float32, integers
/// of fewer than 32 bits int32, and unsigned ones of 32 or 64 bits int64, in which each value must fit.
/// </summary>
/// <param name="Name">The name in messages.</param>
/// <param name="Size">The bytes of an element.</param>
/// <param name="DType">The dtype of a tensor that holds it.</param>
/// <param name="Convert">
/// Converts elements, in little endian and C order, into a tensor; null if their bytes are those of the tensor.
/// </param>
internal sealed record StoredType(
    string Name, int Size, DType DType, StoredType.Conversion? Convert = null)
{
    /// <summary>Converts all elements.</summary>
    /// <exception cref="NotSupportedException">
    /// An integer does not fit; the message says which one and where.
    /// </exception>
    internal delegate void Conversion(ReadOnlySpan<byte> from, Tensor to);

    public static readonly StoredType Float64 = new("float64", 8, DType.Float64);
    public static readonly StoredType Float32 = new("float32", 4, DType.Float32);
    public static readonly StoredType Int32 = new("int32", 4, DType.Int32);
    public static readonly StoredType Int64 = new("int64", 8, DType.Int64);
    public static readonly StoredType UInt8 = new("uint8", 1, DType.UInt8);
    public static readonly StoredType Bool = new("bool", 1, DType.Bool, static (from, to) =>
    {
        Span<bool> truths = to.AsSpan<bool>();
        for (int i = 0; i < truths.Length; i++)
        {
            truths[i] = from[i] != 0;
        }
    });

    public static readonly StoredType Float16 = new("float16", 2, DType.Float16);

    /// <summary>Represents the upper half of a float32.</summary>
    public static readonly StoredType BFloat16 = new("bfloat16", 2, DType.BFloat16);

    /// <summary>1 sign, 4 exponent and 3 mantissa bits, without infinities ("FN"; arXiv 2209.05433, table 1).</summary>
    public static readonly StoredType Float8E4M3 = Floats<byte>("float8 E4M3", OfE4M3);

    /// <summary>1 sign, 5 exponent and 2 mantissa bits: the upper half of a float16 (arXiv 2209.05433).</summary>
    public static readonly StoredType Float8E5M2 =
        Floats<byte>("float8 E5M2", bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)));

    /// <summary>A power of two: the scales of OCP's microscaling formats (MX 1.0, 5.4.1).</summary>
    public static readonly StoredType Float8E8M0 =
        Floats<byte>("float8 E8M0", bits => bits == byte.MaxValue ? float.NaN : (float)Math.ScaleB(1, bits - 127));

    public static readonly StoredType Int8 = Integers<sbyte, int>("int8"), Int16 = Integers<short, int>("int16");
    public static readonly StoredType UInt16 = Integers<ushort, int>("uint16");
    public static readonly StoredType UInt32 = Integers<uint, long>("uint32"), UInt64 = Integers<ulong, long>("uint64");

    private static readonly StoredType[] s_own = [Float64, Float32, Int32, UInt8, Int64, Bool, Float16, BFloat16];

    /// <summary>Returns the type in which a tensor is written.</summary>
    public static StoredType Of(DType dtype) => Array.Find(s_own, stored => stored.DType == dtype)!;

    /// <summary>
    /// Returns the stored bytes of a tensor with these dimensions, or -1 if there are too many to count.
    /// </summary>
    public long Bytes(Shape shape)
    {
        try
        {
            return shape.Aggregate((long)Size, (bytes, dimension) => checked(bytes * dimension));
        }
        catch (OverflowException)
        {
            return -1;
        }
    }

    /// <summary>Returns whether a tensor can have these dimensions.</summary>
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

    private static StoredType Integers<T, TTensor>(string name)
        where T : unmanaged, IBinaryInteger<T> where TTensor : unmanaged, IBinaryInteger<TTensor> => new(
        name, Unsafe.SizeOf<T>(), DTypes.Of<TTensor>(), (from, to) =>
        {
            ReadOnlySpan<T> stored = MemoryMarshal.Cast<byte, T>(from);
            Span<TTensor> values = to.AsSpan<TTensor>();
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = TTensor.CreateTruncating(stored[i]);
                if (T.IsNegative(stored[i]) != TTensor.IsNegative(values[i]))
                {
                    throw new NotSupportedException(
                        $"it holds {stored[i]}, and integers here have a sign and 64 bits (element {i} "
                        + $"of {name} {to.Shape})");
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
