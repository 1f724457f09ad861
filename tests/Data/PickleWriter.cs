using System.Buffers.Binary;
using System.Text;

namespace Engine.Tests.Data;

/// <summary>Writes pickles opcode by opcode, like Python's own picklers.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    /// <summary>Writes a whole batch with the opcodes of the published files: Python 2's cPickle, protocol 2.</summary>
    public static byte[] Published(byte[] pixels, params int[] labels)
    {
        PickleWriter pickle = new PickleWriter().Op(0x80, 2).Op('}').Op('q', 1).Op('(')
            .ShortString("batch_label").Op('q', 2).ShortString("training batch 1 of 5")
            .ShortString("labels").Op('q', 4).Op(']').Op('q', 5).Op('(');
        foreach (int label in labels)
        {
            pickle.Int(label);
        }

        pickle.Op('e').ShortString("data").Op('q', 6)
            .Global("numpy.core.multiarray", "_reconstruct").Op('q', 7).Global("numpy", "ndarray").Op('q', 8)
            .Int(0).Op(0x85).ShortString("b").Op(0x87).Op('R').Op('q', 9)
            .Op('(').Int(1).Int(labels.Length).Int(3072).Op(0x86)
            .Global("numpy", "dtype").Op('q', 10).ShortString("u1").Int(0).Int(1).Op(0x87).Op('R').Op('q', 11)
            .Op('(').Int(3).ShortString("|").Op('N').Op('N').Op('N').Int(-1).Int(-1).Int(0).Op('t').Op('b')
            .Op(0x89).Op('T').Raw(Little(pixels.Length)).Raw(pixels).Op('t').Op('b')
            .ShortString("filenames").Op(']').Op('(');
        foreach (int label in labels)
        {
            pickle.ShortString($"class{label}_s_000001.png");
        }

        return pickle.Op('e').Op('u').Op('.').ToArray();
    }

    /// <summary>
    /// Writes a batch as Python 3 and NumPy do: <paramref name="core"/> is numpy.core, or numpy._core from NumPy 2 on.
    /// </summary>
    public static byte[] Python3(int protocol, string core, byte[] pixels, bool fortran, params int[] labels)
    {
        PickleWriter pickle = new PickleWriter().Op(0x80, (byte)protocol);
        if (protocol >= 4)
        {
            pickle.Op(0x95).Raw(new byte[8]);
        }

        pickle.Op('}').Memo(protocol).Op('(').PythonBytes(protocol, "data"u8);
        if (protocol == 5)
        {
            pickle.Name(protocol, core + ".numeric", "_frombuffer")
                .Op('(').Op(0x96).Raw(Little((long)pixels.Length)).Raw(pixels).Memo(protocol);
            pickle.UInt8(protocol).Int(labels.Length).Int(3072).Op(0x86).Memo(protocol)
                .Text(protocol, fortran ? "F" : "C").Op('t').Memo(protocol).Op('R').Memo(protocol);
        }
        else
        {
            pickle.Name(protocol, core + ".multiarray", "_reconstruct").Name(protocol, "numpy", "ndarray")
                .Int(0).Op(0x85).Memo(protocol).PythonBytes(protocol, "b"u8).Op(0x87).Memo(protocol).Op('R')
                .Memo(protocol)
                .Op('(').Int(1).Int(labels.Length).Int(3072).Op(0x86).Memo(protocol).UInt8(protocol)
                .Op(fortran ? (byte)0x88 : (byte)0x89).PythonBytes(protocol, pixels).Op('t').Memo(protocol).Op('b');
        }

        pickle.PythonBytes(protocol, "labels"u8).Op(']').Memo(protocol).Op('(');
        foreach (int label in labels)
        {
            pickle.Int(label);
        }

        byte[] bytes = pickle.Op('e').Op('u').Op('.').ToArray();
        if (protocol >= 4)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(3), bytes.Length - 11);
        }

        return bytes;
    }

    public PickleWriter Op(byte opcode)
    {
        _bytes.Add(opcode);
        return this;
    }

    public PickleWriter Op(char opcode) => Op((byte)opcode);

    public PickleWriter Op(byte opcode, byte argument) => Op(opcode).Op(argument);

    public PickleWriter Op(char opcode, byte argument) => Op((byte)opcode, argument);

    public PickleWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Int(int value) => value switch
    {
        >= 0 and < 256 => Op('K', (byte)value),
        >= 0 and < 65536 => Op('M').Raw([(byte)value, (byte)(value >> 8)]),
        _ => Op('J').Raw(Little(value)),
    };

    public PickleWriter ShortString(string text) => Op('U', (byte)text.Length).Raw(Encoding.ASCII.GetBytes(text));

    public PickleWriter Global(string module, string name) =>
        Op('c').Raw(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

    public PickleWriter Text(int protocol, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        return (protocol >= 4 && utf8.Length < 256 ? Op(0x8C, (byte)utf8.Length) : Op('X').Raw(Little(utf8.Length)))
            .Raw(utf8).Memo(protocol);
    }

    public PickleWriter PythonBytes(int protocol, ReadOnlySpan<byte> bytes) => protocol == 2
        ? Name(protocol, "_codecs", "encode").Text(protocol, Encoding.Latin1.GetString(bytes)).Text(protocol, "latin1")
            .Op(0x86).Memo(protocol).Op('R').Memo(protocol)
        : (bytes.Length < 256 ? Op('C', (byte)bytes.Length) : Op('B').Raw(Little(bytes.Length))).Raw(bytes)
        .Memo(protocol);

    public PickleWriter Name(int protocol, string module, string name) => protocol >= 4
        ? Text(protocol, module).Text(protocol, name).Op(0x93).Memo(protocol)
        : Global(module, name).Memo(protocol);

    public PickleWriter UInt8(int protocol) => Name(protocol, "numpy", "dtype").Text(protocol, "u1").Op(0x89).Op(0x88)
        .Op(0x87).Memo(protocol).Op('R').Memo(protocol)
        .Op('(').Int(3).Text(protocol, "|").Op('N').Op('N').Op('N').Int(-1).Int(-1).Int(0).Op('t').Memo(protocol)
        .Op('b');

    public byte[] ToArray() => [.. _bytes];

    // These pickles do not depend on the index under which an old protocol stores a value.
    private PickleWriter Memo(int protocol) => protocol >= 4 ? Op(0x94) : Op('r').Raw(Little(_bytes.Count));

    private static byte[] Little(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Little(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return bytes;
    }
}
