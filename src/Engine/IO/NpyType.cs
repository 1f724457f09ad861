using System.Globalization;
using System.Text;

namespace Engine.IO;

/// <summary>The type of an element in NumPy's files.</summary>
/// <param name="Code">Its kind and size in NumPy's notation: <c>f4</c>, <c>i8</c>.</param>
/// <param name="IsBigEndian">Whether the highest byte comes first.</param>
internal sealed record NpyType(string Code, bool IsBigEndian)
{
    /// <summary>Longer texts are no names.</summary>
    private const int MaxLetters = 1 << 20;

    private static readonly OrderedDictionary<string, StoredType> s_known = new()
    {
        ["f4"] = StoredType.Float32,
        ["f8"] = StoredType.Float64,
        ["i4"] = StoredType.Int32,
        ["u1"] = StoredType.UInt8,
        ["b1"] = StoredType.Bool,
        ["f2"] = StoredType.Float16,
        ["i1"] = StoredType.Int8,
        ["i2"] = StoredType.Int16,
        ["u2"] = StoredType.UInt16,
        ["i8"] = StoredType.Int64,
        ["u4"] = StoredType.UInt32,
        ["u8"] = StoredType.UInt64,
    };

    /// <summary>NumPy's kinds that cannot be read, by their letter.</summary>
    private static readonly Dictionary<char, string> s_others = new()
    {
        ['c'] = "complex numbers; save the real and the imaginary part",
        ['f'] = "floats of a machine's own length; save them as float64",
        ['O'] = "Python objects, which only Python can make; save arrays of numbers, or of texts by x.astype(str)",
        ['S'] = "bytes; save numbers",
        ['U'] = "texts; save numbers",
        ['M'] = "dates; save numbers",
        ['m'] = "spans of time; save numbers",
        ['V'] = "raw bytes; save numbers",
    };

    /// <summary>Gets the stored type that files of all formats share; there is none for texts.</summary>
    public StoredType Stored => s_known[Code];

    /// <summary>Gets whether elements are texts with a maximum length: <c>U5</c>, or <c>S5</c> in bytes.</summary>
    public bool IsText => Code[0] is 'U' or 'S';

    /// <summary>Gets the bytes of an element.</summary>
    public int Size => IsText ? Letters * LetterBytes : Stored.Size;

    private int Letters => int.Parse(Code.AsSpan(1), CultureInfo.InvariantCulture);

    private int LetterBytes => Code[0] == 'U' ? sizeof(int) : 1;

    /// <summary>Returns the bytes of an array with these dimensions, or -1 if there are too many to count.</summary>
    public long Bytes(Shape shape) => !IsText ? Stored.Bytes(shape)
        : StoredType.UInt8.Bytes(shape) is >= 0 and <= int.MaxValue and var count ? count * Size : -1;

    /// <summary>Returns whether an array in memory can have these dimensions.</summary>
    public bool Fits(Shape shape) => (IsText ? StoredType.UInt8 : Stored).Fits(shape);

    /// <summary>Returns the texts of elements in C order, without the zeros at their ends.</summary>
    /// <exception cref="FormatException">A text is no Unicode.</exception>
    public string[] TextsOf(ReadOnlySpan<byte> from, int count)
    {
        var texts = new string[count];
        Encoding encoding = LetterBytes == 1
            ? new UTF8Encoding(false, true)
            : new UTF32Encoding(IsBigEndian, false, true);
        for (int i = 0; i < count; i++)
        {
            try
            {
                texts[i] = encoding.GetString(from.Slice(i * Size, Size)).TrimEnd('\0');
            }
            catch (DecoderFallbackException error)
            {
                throw new FormatException(
                    $"the text of element {i} is no {(LetterBytes == 1 ? "UTF-8" : "Unicode")}", error);
            }
        }

        return texts;
    }

    /// <summary>Returns the type in which a tensor of this dtype is written.</summary>
    public static NpyType Of(DType dtype) =>
        s_known.FirstOrDefault(pair => pair.Value == StoredType.Of(dtype)).Key is { } code
            ? new(code, IsBigEndian: false)
            : throw new EngineException(
                $"NumPy has no {dtype.Name()}: save the tensor as safetensors, or cast it to float32, "
                + "which holds the same numbers.");

    /// <summary>Parses NumPy's description, a byte order and a code.</summary>
    /// <exception cref="NotSupportedException">A tensor cannot hold such elements.</exception>
    public static NpyType Parse(string text)
    {
        if (text is ['<' or '>' or '=' or '|', .. string code] && (s_known.ContainsKey(code) || IsOfTexts(code)))
        {
            return new NpyType(code, text[0] == '>');
        }

        throw NotRead(text);
    }

    /// <summary>Returns the error that numbers are wanted and these elements are none.</summary>
    public NotSupportedException NotRead() => NotRead(ToString());

    private static bool IsOfTexts(string code) =>
        code is ['U' or 'S', .. var length]
        && int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int letters)
        && letters <= MaxLetters;

    private static NotSupportedException NotRead(string text)
    {
        string kind = text.Length > 1 && s_others.TryGetValue(text[1], out string? what)
            ? $"; '{text[1]}' are {what}"
            : "";
        return new NotSupportedException(
            $"it holds '{Cut(text)}'; what can be read here are {string.Join(", ", s_known.Keys)}{kind}");
    }

    /// <summary>Converts elements, given in C order, into a tensor. The bytes may be overwritten.</summary>
    /// <exception cref="NotSupportedException">An integer does not fit.</exception>
    public void Convert(Span<byte> from, Tensor to)
    {
        if (IsBigEndian)
        {
            for (int at = 0; at < from.Length; at += Stored.Size)
            {
                from.Slice(at, Stored.Size).Reverse();
            }
        }

        if (Stored.Convert is null)
        {
            from.CopyTo(to.Bytes);
        }
        else
        {
            Stored.Convert(from, to);
        }
    }

    /// <summary>Returns NumPy's notation: <c>&lt;f4</c>.</summary>
    public override string ToString() =>
        $"{(IsBigEndian ? '>' : Code[0] == 'S' || (!IsText && Stored.Size == 1) ? '|' : '<')}{Code}";

    private static string Cut(string text) => text.Length <= 80 ? text : text[..80] + "…";
}
