using System.Buffers;
using System.Text;

namespace Engine.Onnx;

/// <summary>
/// Writes a message in Protocol Buffers' encoding: the field's number and wire type come before each value
/// (https://protobuf.dev/programming-guides/encoding). It supports only the two wire types that the export needs.
/// </summary>
internal sealed class ProtoWriter
{
    private const int VarintEncoding = 0;
    private const int BytesEncoding = 2;
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>Writes an integer.</summary>
    public ProtoWriter Number(int field, long value)
    {
        Varint((uint)((field << 3) | VarintEncoding));
        Varint((ulong)value);
        return this;
    }

    /// <summary>Writes the integers of a repeated field.</summary>
    public ProtoWriter Numbers(int field, IEnumerable<long> values)
    {
        foreach (long value in values)
        {
            Number(field, value);
        }

        return this;
    }

    /// <summary>Writes a text.</summary>
    public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Writes the texts of a repeated field.</summary>
    public ProtoWriter Texts(int field, IEnumerable<string> values)
    {
        foreach (string value in values)
        {
            Text(field, value);
        }

        return this;
    }

    /// <summary>Writes bytes.</summary>
    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint((uint)((field << 3) | BytesEncoding));
        Varint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>Writes a message within this one.</summary>
    public ProtoWriter Message(int field, ProtoWriter value) => Bytes(field, value.Written);

    /// <summary>Writes the messages of a repeated field.</summary>
    public ProtoWriter Messages(int field, IEnumerable<ProtoWriter> values)
    {
        foreach (ProtoWriter value in values)
        {
            Message(field, value);
        }

        return this;
    }

    /// <summary>Gets the written bytes.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>Writes seven bits per byte, the lowest first. The highest bit says that more follow.</summary>
    private void Varint(ulong value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            _bytes.Write([(byte)(value | 0x80)]);
        }

        _bytes.Write([(byte)value]);
    }
}
