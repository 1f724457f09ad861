using System.Buffers;
using System.Text;

namespace Engine.Onnx;

/// <summary>
/// Writes a message in Protocol Buffers' encoding: before each value stand its field's number and how it is encoded
/// (https://protobuf.dev/programming-guides/encoding). Only the two encodings that ONNX needs here.
/// </summary>
internal sealed class ProtoWriter
{
    private const int VarintEncoding = 0;
    private const int BytesEncoding = 2;
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>Returns a whole number.</summary>
    public ProtoWriter Number(int field, long value)
    {
        Varint((uint)((field << 3) | VarintEncoding));
        Varint((ulong)value);
        return this;
    }

    /// <summary>Returns the numbers of a repeated field.</summary>
    public ProtoWriter Numbers(int field, IEnumerable<long> values)
    {
        foreach (long value in values)
        {
            Number(field, value);
        }

        return this;
    }

    /// <summary>Returns a text.</summary>
    public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Returns the texts of a repeated field.</summary>
    public ProtoWriter Texts(int field, IEnumerable<string> values)
    {
        foreach (string value in values)
        {
            Text(field, value);
        }

        return this;
    }

    /// <summary>Bytes.</summary>
    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint((uint)((field << 3) | BytesEncoding));
        Varint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>Returns a message within this one.</summary>
    public ProtoWriter Message(int field, ProtoWriter value) => Bytes(field, value.Written);

    /// <summary>Returns the messages of a repeated field.</summary>
    public ProtoWriter Messages(int field, IEnumerable<ProtoWriter> values)
    {
        foreach (ProtoWriter value in values)
        {
            Message(field, value);
        }

        return this;
    }

    /// <summary>Gets what was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>Seven bits a byte, the lowest first; the highest bit says that more follow.</summary>
    private void Varint(ulong value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            _bytes.Write([(byte)(value | 0x80)]);
        }

        _bytes.Write([(byte)value]);
    }
}
