using System.Buffers.Binary;
using System.Text;
using static Engine.TextTable;

namespace Engine.Data;

/// <summary>
/// Reads the pickles in which CIFAR-10 is published (protocol 2), and pickles of the same dictionary from newer
/// versions of Python and NumPy (protocols 2 to 5). It executes nothing: this code implements the few functions that
/// NumPy's arrays need, and any other name is an error. Every length is checked against the remaining bytes before an
/// allocation, the length of the file bounds the number of values, and nothing recurses. The opcodes are those of
/// Python's Lib/pickletools.py.
/// </summary>
internal sealed partial class PickleReader
{
    private const int MaximumMarks = 64;

    private const int MaximumName = 256;
    private const int WindowBytes = 1 << 16;

    private readonly ByteSource _source;
    private readonly int _maximumValues;
    private readonly List<PickleValue> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<uint, PickleValue> _memo = [];
    private readonly Dictionary<int, byte[]> _decoded = [];
    private byte[] _window;
    private int _windowStart;
    private int _windowLength;
    private int _position;
    private int _opcodeAt;
    private int _values;

    private PickleReader(ByteSource source)
    {
        _source = source;
        // An image takes 3,072 bytes, a label and a file name. A file with more than one value per 64 bytes contains no
        // images.
        _maximumValues = 4096 + (source.Length / 64);
        _window = source.Memory ?? [];
        _windowLength = _window.Length;
    }

    /// <summary>
    /// Returns the value in the pickle. Its byte strings stay in <paramref name="source"/> until they are needed.
    /// </summary>
    /// <exception cref="DataFormatException">It is cut off, malformed, or contains more than plain data.</exception>
    public static (PickleValue Root, PickleReader Reader) Read(ByteSource source)
    {
        var reader = new PickleReader(source);
        return (reader.Run(), reader);
    }

    /// <summary>Returns the length of a byte string or text.</summary>
    public static int LengthOf(PickleValue value) => value.Reference is byte[] decoded ? decoded.Length : value.Length;

    /// <summary>Copies the bytes of a byte string or text.</summary>
    public void CopyTo(PickleValue value, Span<byte> destination)
    {
        if (value.Reference is byte[] decoded)
        {
            decoded.CopyTo(destination);
        }
        else if (value.Start >= _windowStart && value.Start + value.Length <= _windowStart + _windowLength)
        {
            _window.AsSpan(value.Start - _windowStart, value.Length).CopyTo(destination);
        }
        else
        {
            _source.Read(destination[..value.Length], value.Start);
        }
    }

    /// <summary>Returns a copy of the bytes of a byte string or text.</summary>
    public byte[] BytesOf(PickleValue value)
    {
        byte[] bytes = new byte[LengthOf(value)];
        CopyTo(value, bytes);
        return bytes;
    }

    /// <summary>Returns whether it is a byte string or text with exactly these bytes.</summary>
    public bool Is(PickleValue value, ReadOnlySpan<byte> expected)
    {
        if (value.Kind is not (PickleKind.Bytes or PickleKind.Text) || LengthOf(value) != expected.Length)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[expected.Length];
        CopyTo(value, bytes);
        return bytes.SequenceEqual(expected);
    }

    /// <summary>
    /// Gets the entry of this name, which Python 2 wrote as bytes and Python 3 may write as bytes or text.
    /// </summary>
    public bool TryGet(PickleDictionary dictionary, ReadOnlySpan<byte> key, out PickleValue value)
    {
        List<PickleValue> pairs = dictionary.Pairs;
        for (int i = pairs.Count - 2; i >= 0; i -= 2)
        {
            if (Is(pairs[i], key))
            {
                value = pairs[i + 1];
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Returns up to 100 printable characters of a name from the file.</summary>
    public static string Printable(ReadOnlySpan<byte> text)
    {
        var printable = new StringBuilder();
        foreach (byte b in text[..Math.Min(text.Length, 100)])
        {
            printable.Append(b is >= 0x20 and < 0x7F ? (char)b : '?');
        }

        return printable.ToString();
    }

    private DataFormatException Error(string what) => new(
        $"{_source.Name}: {what} (at byte {Digits(_opcodeAt)}). It is not a whole CIFAR-10 batch: copy or unpack it " +
        "again, or write your own as pickle.dump({'data': uint8 array of shape (n, 3072), 'labels': list of n ints}, " +
        "file, protocol=2).");

    private PickleValue Run()
    {
        while (true)
        {
            _opcodeAt = _position;
            byte opcode = ReadByte();
            if (opcode == '.')
            {
                PickleValue root = Pop();
                return _position == _source.Length
                    ? root
                    : throw Error($"{Digits(_source.Length - _position)} bytes stand after the pickle's end");
            }

            if (!Structure(opcode) && !Constant(opcode))
            {
                throw Error("ILSVFpg"u8.Contains(opcode)
                    ? "pickle protocol 0 or 1, which is not read; write it with protocol=2"
                    : $"the pickle opcode 0x{opcode:X2}, which plain data do not need");
            }
        }
    }

    private bool Constant(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'N':
                Push(new(PickleKind.None));
                return true;
            case 0x88 or 0x89:
                Push(PickleValue.Boolean(opcode == 0x88));
                return true;
            case (byte)'K':
                Push(new(PickleKind.Integer, ReadByte()));
                return true;
            case (byte)'M':
                Push(new(PickleKind.Integer, BinaryPrimitives.ReadUInt16LittleEndian(Read(2))));
                return true;
            case (byte)'J':
                Push(new(PickleKind.Integer, BinaryPrimitives.ReadInt32LittleEndian(Read(4))));
                return true;
            case 0x8A:
                Push(new(PickleKind.Integer, ReadLong(ReadByte())));
                return true;
            case (byte)'G':
                Read(8);
                Push(new(PickleKind.Float));
                return true;
            case (byte)'U' or (byte)'C':
                PushSlice(PickleKind.Bytes, ReadByte());
                return true;
            case (byte)'T' or (byte)'B':
                PushSlice(PickleKind.Bytes, BinaryPrimitives.ReadUInt32LittleEndian(Read(4)));
                return true;
            case 0x8E or 0x96:
                PushSlice(PickleKind.Bytes, BinaryPrimitives.ReadUInt64LittleEndian(Read(8)));
                return true;
            case 0x8C:
                PushSlice(PickleKind.Text, ReadByte());
                return true;
            case (byte)'X':
                PushSlice(PickleKind.Text, BinaryPrimitives.ReadUInt32LittleEndian(Read(4)));
                return true;
            case 0x8D:
                PushSlice(PickleKind.Text, BinaryPrimitives.ReadUInt64LittleEndian(Read(8)));
                return true;
            default:
                return false;
        }
    }

    private bool Structure(byte opcode)
    {
        switch (opcode)
        {
            case 0x80:
                byte protocol = ReadByte();
                return protocol is >= 2 and <= 5 ? true : throw Error($"pickle protocol {protocol}; 2 to 5 are read");
            case 0x95:
                _ = CheckLength(BinaryPrimitives.ReadUInt64LittleEndian(Read(8)));
                return true;
            case (byte)'(':
                if (_marks.Count == MaximumMarks)
                {
                    throw Error($"values nested more than {MaximumMarks} deep");
                }

                _marks.Push(_stack.Count);
                return true;
            case (byte)'0':
                Pop();
                return true;
            case (byte)'1':
                PopToMark();
                return true;
            case (byte)'2':
                Push(Peek());
                return true;
            case (byte)']':
                Push(new(PickleKind.List, 0, new List<PickleValue>()));
                return true;
            case (byte)'}':
                Push(new(PickleKind.Dictionary, 0, new PickleDictionary()));
                return true;
            case (byte)')':
                Push(new(PickleKind.Tuple, 0, Array.Empty<PickleValue>()));
                return true;
            case 0x85 or 0x86 or 0x87:
                PushTuple(opcode - 0x84);
                return true;
            case (byte)'t':
                Push(new(PickleKind.Tuple, 0, PopToMark()));
                return true;
            case (byte)'l':
                Push(new(PickleKind.List, 0, new List<PickleValue>(PopToMark())));
                return true;
            case (byte)'d':
                PickleValue[] items = PopToMark();
                Push(new(PickleKind.Dictionary, 0, new PickleDictionary()));
                SetItems(items);
                return true;
            case (byte)'a':
                PickleValue item = Pop();
                Top<List<PickleValue>>(PickleKind.List).Add(item);
                return true;
            case (byte)'e':
                PickleValue[] appended = PopToMark();
                Top<List<PickleValue>>(PickleKind.List).AddRange(appended);
                return true;
            case (byte)'s':
                PickleValue value = Pop();
                PickleValue key = Pop();
                SetItems([key, value]);
                return true;
            case (byte)'u':
                SetItems(PopToMark());
                return true;
            case (byte)'c':
                PushGlobal(ReadLine(), ReadLine());
                return true;
            case 0x93:
                byte[] name = ReadName(Pop(PickleKind.Text));
                PushGlobal(ReadName(Pop(PickleKind.Text)), name);
                return true;
            case (byte)'R':
                var arguments = (PickleValue[])Pop(PickleKind.Tuple).Reference!;
                Push(Call((PickleGlobal)Pop(PickleKind.Global).Integer, arguments));
                return true;
            case (byte)'b':
                PickleValue state = Pop();
                Build(Peek(), state);
                return true;
            case (byte)'q':
                Memorize(ReadByte());
                return true;
            case (byte)'r':
                Memorize(BinaryPrimitives.ReadUInt32LittleEndian(Read(4)));
                return true;
            case 0x94:
                Memorize((uint)_memo.Count);
                return true;
            case (byte)'h':
                Push(Recall(ReadByte()));
                return true;
            case (byte)'j':
                Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Read(4))));
                return true;
            default:
                return false;
        }
    }
}
