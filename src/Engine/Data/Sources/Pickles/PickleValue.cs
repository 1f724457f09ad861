namespace Engine.Data;

internal enum PickleKind : byte
{
    None,
    Integer,
    Float,

    /// <summary>A slice of the file, or a decoded array.</summary>
    Bytes,

    /// <summary>A slice of the file, in UTF-8.</summary>
    Text,
    List,
    Tuple,
    Dictionary,
    Global,
    DType,
    Array,
}

/// <summary>
/// Represents a value on the pickle machine's stack. It is a struct without its own payload, so the 20,000 numbers and
/// file names of a batch need no allocation. Strings stay in the file.
/// </summary>
internal readonly struct PickleValue(PickleKind kind, long bits = 0, object? reference = null)
{
    public PickleKind Kind { get; } = kind;

    public object? Reference { get; } = reference;

    public long Integer { get; } = bits;

    public int Start => (int)(Integer >> 32);

    public int Length => (int)Integer;

    public static PickleValue Slice(PickleKind kind, int start, int length) =>
        new(kind, ((long)start << 32) | (uint)length);

    public static PickleValue Boolean(bool value) => new(PickleKind.Integer, value ? 1 : 0);
}

/// <summary>
/// Represents a dictionary as a list of keys and values. There are few, so a search from the end is enough; the last
/// duplicate counts.
/// </summary>
internal sealed class PickleDictionary
{
    public List<PickleValue> Pairs { get; } = [];
}

/// <summary>
/// Specifies the only names that a batch may call. This code implements each of them; none runs Python.
/// </summary>
internal enum PickleGlobal
{
    Reconstruct,
    NdArray,
    DType,
    Encode,
    Scalar,
    FromBuffer,
}

/// <summary>Represents a NumPy integer type.</summary>
internal sealed class PickleDType(bool signed, int size)
{
    public bool Signed { get; } = signed;

    public int Size { get; } = size;

    public bool BigEndian { get; set; }

    public bool IsUInt8 => Size == 1 && !Signed;

    public override string ToString() => $"{(Signed ? "" : "u")}int{8 * Size}";

    public long Read(ReadOnlySpan<byte> element)
    {
        ulong bits = 0;
        for (int i = 0; i < Size; i++)
        {
            bits |= (ulong)element[BigEndian ? Size - 1 - i : i] << (8 * i);
        }

        int unused = 64 - (8 * Size);
        return Signed ? (long)(bits << unused) >> unused : (long)bits;
    }
}

/// <summary>Represents a NumPy array, which is empty until its state is set.</summary>
internal sealed class PickleArray
{
    public int[] Shape { get; set; } = [];

    public PickleDType? DType { get; set; }

    public bool IsFortran { get; set; }

    /// <summary>Gets or sets the elements' bytes.</summary>
    public PickleValue Data { get; set; }
}
