using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Engine.IO;

/// <summary>What NumPy stores an element as.</summary>
/// <param name="Code">Its kind and size as NumPy writes them: <c>f4</c>, <c>i8</c>.</param>
/// <param name="IsBigEndian">Whether the highest byte comes first.</param>
internal sealed record NpyType(string Code, bool IsBigEndian)
{
    private static readonly Dictionary<string, DType> s_known = new()
    {
        ["f4"] = DType.Float32,
        ["f8"] = DType.Float64,
        ["i4"] = DType.Int32,
        ["u1"] = DType.UInt8,
        ["b1"] = DType.UInt8,
        ["f2"] = DType.Float32,
        ["i1"] = DType.Int32,
        ["i2"] = DType.Int32,
        ["u2"] = DType.Int32,
        ["i8"] = DType.Int32,
        ["u4"] = DType.Int32,
        ["u8"] = DType.Int32,
    };

    /// <summary>Bytes of one element.</summary>
    public int Size => Code[1] - '0';

    /// <summary>What a tensor holds it as: integers as int32, where they must fit; half precision as single.</summary>
    public DType DType => s_known[Code];

    /// <summary>Whether the bytes in little endian are those of a tensor.</summary>
    public bool IsSame => Code is "f4" or "f8" or "i4" or "u1" or "b1";

    /// <summary>What a tensor of this dtype is written as.</summary>
    public static NpyType Of(DType dtype) => new(
        dtype switch { DType.Float32 => "f4", DType.Float64 => "f8", DType.Int32 => "i4", _ => "u1" }, false);

    /// <summary>Reads NumPy's description, a byte order and a code.</summary>
    /// <exception cref="FormatException">Tensors here cannot hold such elements.</exception>
    public static NpyType Parse(string text) =>
        text is ['<' or '>' or '=' or '|', .. string code] && s_known.ContainsKey(code)
            ? new NpyType(code, text[0] == '>')
            : throw new FormatException(
                $"it holds '{Cut(text)}'; what can be read here are {string.Join(", ", s_known.Keys)}");

    /// <summary>Puts elements, given in C order, into a tensor. The bytes are used up.</summary>
    /// <exception cref="FormatException">An integer does not fit.</exception>
    public void Convert(Span<byte> from, Tensor to)
    {
        if (IsBigEndian)
        {
            for (int at = 0; at < from.Length; at += Size)
            {
                from.Slice(at, Size).Reverse();
            }
        }

        if (IsSame)
        {
            from.CopyTo(to.Bytes);
        }
        else if (Code == "f2")
        {
            Span<float> values = to.AsSpan<float>();
            ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(from);
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)halves[i];
            }
        }
        else
        {
            Span<int> values = to.AsSpan<int>();
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = Integer(from.Slice(i * Size, Size));
            }
        }
    }

    /// <summary>As NumPy writes it: <c>&lt;f4</c>.</summary>
    public override string ToString() => $"{(IsBigEndian ? '>' : Size == 1 ? '|' : '<')}{Code}";

    private int Integer(ReadOnlySpan<byte> bytes)
    {
        Int128 value = Code switch
        {
            "i1" => (sbyte)bytes[0],
            "i2" => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            "u2" => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            "u4" => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            "i8" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        };
        return value >= int.MinValue && value <= int.MaxValue
            ? (int)value
            : throw new FormatException($"it holds {value}, and integers here are of 32 bits");
    }

    private static string Cut(string text) => text.Length <= 80 ? text : text[..80] + "…";
}
