using System.Buffers.Binary;
using System.Text;
using Engine.IO;

namespace Engine.Onnx;

/// <summary>
/// Reads messages in Protocol Buffers' encoding, which <see cref="ProtoWriter"/> writes, field by field. Everything is
/// checked: a field is within its message, and the depth and the number of messages are limited.
/// </summary>
internal sealed class ProtoReader(ModelBytes bytes)
{
    /// <summary>
    /// The largest depth of messages. A graph in a node in a graph takes three, and nobody nests 30 of these.
    /// </summary>
    private const int Deepest = 100;

    /// <summary>
    /// The maximum number of messages in a file. The largest models have about 100,000 nodes and as many attributes.
    /// </summary>
    private const int MaxMessages = 4_000_000;

    /// <summary>The largest length of a text: code in metadata, not weights.</summary>
    private const int LongestText = 64 << 20;

    private readonly byte[] _buffer = new byte[(int)Math.Min(bytes.Length, 1 << 16)];
    private long _at;
    private long _bufferAt;
    private int _buffered;
    private long _end = bytes.Length;
    private int _depth;
    private int _messages;
    private Encoding _encoding;

    private enum Encoding
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    /// <summary>Returns the number of the current message's next field, or 0 at its end.</summary>
    public int Next()
    {
        if (_at == _end)
        {
            return 0;
        }

        ulong tag = Varint();
        _encoding = (Encoding)(tag & 7);
        ulong field = tag >> 3;
        return field is > 0 and < 1 << 29
            && _encoding is Encoding.Varint or Encoding.Fixed64 or Encoding.Bytes or Encoding.Fixed32
            ? (int)field
            : throw Damaged("there is no such field");
    }

    /// <summary>Reads the field as a message, which <paramref name="read"/> reads to its end.</summary>
    public T Message<T>(Func<ProtoReader, T> read)
    {
        (long start, long length) = Range();
        if (++_depth > Deepest || ++_messages > MaxMessages)
        {
            throw Damaged(_depth > Deepest
                ? $"messages are nested deeper than {Deepest}"
                : $"there are more than {MaxMessages} messages");
        }

        long outer = _end;
        _end = start + length;
        T message = read(this);
        if (_at != _end)
        {
            throw Damaged("a message is longer than what is in it");
        }

        (_end, _depth) = (outer, _depth - 1);
        return message;
    }

    /// <summary>Reads an integer.</summary>
    public long Number() => _encoding switch
    {
        Encoding.Varint => (long)Varint(),
        Encoding.Fixed64 => (long)Fixed64(),
        Encoding.Fixed32 => (int)Fixed32(),
        _ => throw Damaged("a number is encoded as bytes"),
    };

    /// <summary>Reads a float32.</summary>
    public float Float() => _encoding == Encoding.Fixed32
        ? BitConverter.UInt32BitsToSingle(Fixed32())
        : throw Damaged("a float is not encoded in four bytes");

    /// <summary>Adds a repeated field's integers: one, or many if packed.</summary>
    public void Numbers(List<long> to) => Packed(to, Encoding.Varint, () => (long)Varint());

    /// <summary>Adds a repeated field's float32 numbers.</summary>
    public void Floats(List<float> to) =>
        Packed(to, Encoding.Fixed32, () => BitConverter.UInt32BitsToSingle(Fixed32()));

    /// <summary>Reads a text.</summary>
    public string Text() => System.Text.Encoding.UTF8.GetString(Bytes());

    /// <summary>Reads bytes into a new array.</summary>
    public byte[] Bytes()
    {
        (long start, long length) = Range();
        if (length > LongestText)
        {
            throw Damaged($"a text is longer than {LongestText} bytes");
        }

        var text = new byte[length];
        bytes.Read(start, text);
        _at = start + length;
        return text;
    }

    /// <summary>Skips bytes and returns their range in the file.</summary>
    public (long Start, long Length) RangeOfBytes()
    {
        (long start, long length) = Range();
        _at = start + length;
        return (start, length);
    }

    /// <summary>Skips a repeated field's numbers of four or eight bytes, and returns their range in the file.</summary>
    public (long Start, long Length) RangeOfNumbers(int size)
    {
        if (_encoding == Encoding.Bytes)
        {
            return RangeOfBytes();
        }

        if (_encoding != (size == sizeof(float) ? Encoding.Fixed32 : Encoding.Fixed64) || size > _end - _at)
        {
            throw Damaged("a number is encoded as one of another type, or cut off");
        }

        _at += size;
        return (_at - size, size);
    }

    /// <summary>Skips a field that is not needed.</summary>
    public void Skip()
    {
        switch (_encoding)
        {
            case Encoding.Varint:
                Varint();
                break;
            case Encoding.Fixed64:
                Fixed64();
                break;
            case Encoding.Fixed32:
                Fixed32();
                break;
            default:
                RangeOfBytes();
                break;
        }
    }

    /// <summary>Returns an error with its position in the file.</summary>
    public ModelFileException Damaged(string what) =>
        new($"{bytes.Name} is no ONNX model, or a damaged one: near byte {InvariantText.Of($"{_at}")} {what}.");

    private void Packed<T>(List<T> to, Encoding one, Func<T> read)
    {
        if (_encoding != Encoding.Bytes)
        {
            if (_encoding != one)
            {
                throw Damaged("a number is encoded as one of another type");
            }

            to.Add(read());
            return;
        }

        (long start, long length) = Range();
        long outer = _end;
        _end = start + length;
        while (_at < _end)
        {
            to.Add(read());
        }

        _end = outer;
    }

    private (long Start, long Length) Range()
    {
        if (_encoding != Encoding.Bytes)
        {
            throw Damaged("a message, a text or bytes are encoded as a number");
        }

        ulong length = Varint();
        return length <= (ulong)(_end - _at)
            ? (_at, (long)length)
            : throw Damaged("a value is longer than what it is part of");
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Byte();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Damaged("a number has more than ten bytes");
    }

    private uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian([Byte(), Byte(), Byte(), Byte()]);

    private ulong Fixed64() => Fixed32() | ((ulong)Fixed32() << 32);

    private byte Byte()
    {
        if (_at >= _end)
        {
            throw Damaged("a value is longer than what it is part of");
        }

        long offset = _at - _bufferAt;
        if (offset < 0 || offset >= _buffered)
        {
            _buffered = (int)Math.Min(_buffer.Length, bytes.Length - _at);
            bytes.Read(_at, _buffer.AsSpan(0, _buffered));
            (_bufferAt, offset) = (_at, 0);
        }

        _at++;
        return _buffer[offset];
    }
}
