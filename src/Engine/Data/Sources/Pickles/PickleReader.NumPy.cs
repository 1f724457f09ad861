using static Engine.TextTable;

namespace Engine.Data;

/// <summary>Implements the allowed names, as NumPy's <c>__reduce__</c> methods write them.</summary>
internal sealed partial class PickleReader
{
    private void PushGlobal(ReadOnlySpan<byte> module, ReadOnlySpan<byte> name)
    {
        bool multiarray = module.SequenceEqual("numpy.core.multiarray"u8) ||
            module.SequenceEqual("numpy._core.multiarray"u8);
        bool numeric = module.SequenceEqual("numpy.core.numeric"u8) || module.SequenceEqual("numpy._core.numeric"u8);
        bool numpy = module.SequenceEqual("numpy"u8);
        PickleGlobal global =
            multiarray && name.SequenceEqual("_reconstruct"u8) ? PickleGlobal.Reconstruct
            : multiarray && name.SequenceEqual("scalar"u8) ? PickleGlobal.Scalar
            : numeric && name.SequenceEqual("_frombuffer"u8) ? PickleGlobal.FromBuffer
            : numpy && name.SequenceEqual("ndarray"u8) ? PickleGlobal.NdArray
            : numpy && name.SequenceEqual("dtype"u8) ? PickleGlobal.DType
            : module.SequenceEqual("_codecs"u8) && name.SequenceEqual("encode"u8) ? PickleGlobal.Encode
            : throw Error(
                $"it names {Printable(module)}.{Printable(name)}, which CIFAR-10 does not need; nothing was executed");
        Push(new(PickleKind.Global, (long)global));
    }

    private PickleValue Call(PickleGlobal function, PickleValue[] arguments)
    {
        switch (function)
        {
            case PickleGlobal.Reconstruct when arguments.Length == 3 &&
                arguments[0] is { Kind: PickleKind.Global, Integer: (long)PickleGlobal.NdArray }:
                return new(PickleKind.Array, 0, new PickleArray());

            case PickleGlobal.DType when arguments.Length is >= 1 and <= 3 &&
                arguments[0].Kind is PickleKind.Bytes or PickleKind.Text:
                return new(PickleKind.DType, 0, DTypeNamed(ReadName(arguments[0])));

            case PickleGlobal.Encode when arguments.Length == 2 && arguments[0].Kind == PickleKind.Text &&
                Is(arguments[1], "latin1"u8):
                return new(PickleKind.Bytes, 0, Latin1(arguments[0]));

            case PickleGlobal.Scalar when arguments.Length == 2 && arguments[0].Reference is PickleDType dtype &&
                arguments[1].Kind == PickleKind.Bytes:
                return LengthOf(arguments[1]) == dtype.Size
                    ? new(PickleKind.Integer, dtype.Read(BytesOf(arguments[1])))
                    : throw Error(
                        $"a number of {Digits(LengthOf(arguments[1]))} bytes where its type has {dtype.Size}");

            case PickleGlobal.FromBuffer when arguments.Length == 4 && arguments[0].Kind == PickleKind.Bytes &&
                (Is(arguments[3], "C"u8) || Is(arguments[3], "F"u8)):
                var array = new PickleArray();
                SetState(array, arguments[2], arguments[1], Is(arguments[3], "F"u8), arguments[0]);
                return new(PickleKind.Array, 0, array);

            default:
                throw Error($"{function} called with other arguments than NumPy writes");
        }
    }

    private void Build(PickleValue target, PickleValue state)
    {
        if (state.Reference is PickleValue[] items)
        {
            if (target.Reference is PickleDType dtype && items.Length >= 2 &&
                (Is(items[1], ">"u8) || Is(items[1], "<"u8) || Is(items[1], "|"u8) || Is(items[1], "="u8)))
            {
                dtype.BigEndian = Is(items[1], ">"u8);
                return;
            }

            if (target.Reference is PickleArray array && items.Length == 5 && items[4].Kind == PickleKind.Bytes &&
                items[3].Kind == PickleKind.Integer)
            {
                SetState(array, items[1], items[2], items[3].Integer != 0, items[4]);
                return;
            }
        }

        throw Error("a NumPy state of another form than NumPy writes");
    }

    private void SetState(
        PickleArray array, PickleValue shape, PickleValue dtype, bool fortran, PickleValue data)
    {
        if (shape.Reference is not PickleValue[] dimensions || dtype.Reference is not PickleDType type
            || dimensions.Length > 8)
        {
            throw Error("an array without a shape or a type");
        }

        long size = type.Size;
        var shapeOf = new int[dimensions.Length];
        for (int i = 0; i < dimensions.Length; i++)
        {
            if (dimensions[i].Kind != PickleKind.Integer || dimensions[i].Integer is < 0 or > int.MaxValue)
            {
                throw Error("an array with a dimension that is no whole number");
            }

            shapeOf[i] = (int)dimensions[i].Integer;
            // The dimensions are below 2^31 and the product is capped at 2^31, so it cannot overflow 64 bits.
            size = Math.Min(size * shapeOf[i], 1L << 31);
        }

        if (size != LengthOf(data))
        {
            throw Error($"an array of shape ({string.Join(", ", shapeOf)}) with {Digits(LengthOf(data))} bytes");
        }

        (array.Shape, array.DType, array.IsFortran, array.Data) = (shapeOf, type, fortran, data);
    }

    private PickleDType DTypeNamed(ReadOnlySpan<byte> name) =>
        name.Length == 2 && name[0] is (byte)'u' or (byte)'i' or (byte)'b' &&
        name[1] is (byte)'1' or (byte)'2' or (byte)'4' or (byte)'8'
            ? new PickleDType(name[0] == 'i', name[1] - '0')
            : throw Error($"an array of type '{Printable(name)}'; the pixels are uint8 and the labels integers");

    // With protocol 2, Python 3 writes bytes as text in which each character represents a byte. Each string is decoded
    // once, so repeated references to one cannot fill the memory. The decoding is in place, because no character grows.
    private byte[] Latin1(PickleValue text)
    {
        if (_decoded.TryGetValue(text.Start, out byte[]? bytes))
        {
            return bytes;
        }

        byte[] utf8 = BytesOf(text);
        bytes = utf8;
        int length = 0;
        for (int i = 0; i < utf8.Length; i++)
        {
            byte b = utf8[i];
            if (b >= 0x80)
            {
                if (b is not (0xC2 or 0xC3) || ++i == utf8.Length || (utf8[i] & 0xC0) != 0x80)
                {
                    throw Error("text that stands for bytes, with a character above 255");
                }

                b = (byte)((b << 6) | (utf8[i] & 0x3F));
            }

            bytes[length++] = b;
        }

        Array.Resize(ref bytes, length);
        _decoded.Add(text.Start, bytes);
        return bytes;
    }
}
