using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Engine.IO;

namespace Engine.Onnx;

/// <summary>
/// Reads tensors. Their elements are in the message as bytes or as numbers, or in another file. That file must be in
/// the model's folder, so that a model cannot read other files.
/// </summary>
internal sealed class OnnxTensorParser(ModelBytes bytes, string? folder)
{
    /// <summary>Reads the tensor of a message.</summary>
    public OnnxTensor Tensor(ProtoReader reader)
    {
        List<long> dims = [], whole = [], unsigned = [];
        List<(long Start, long Length)> floats = [], doubles = [];
        int texts = 0;
        var external = new Dictionary<string, string>();
        (long Start, long Length)? raw = null;
        OnnxType type = OnnxType.Undefined;
        string name = "";
        bool isExternal = false;
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    reader.Numbers(dims);
                    break;
                case 2:
                    type = (OnnxType)reader.Number();
                    break;
                case 4:
                    floats.Add(reader.RangeOfNumbers(sizeof(float)));
                    break;
                case 5 or 7:
                    reader.Numbers(whole);
                    break;
                case 6:
                    reader.Text();
                    texts++;
                    break;
                case 8:
                    name = reader.Text();
                    break;
                case 9:
                    raw = reader.RangeOfBytes();
                    break;
                case 10:
                    doubles.Add(reader.RangeOfNumbers(sizeof(double)));
                    break;
                case 11:
                    reader.Numbers(unsigned);
                    break;
                case 13:
                    (string key, string value) = reader.Message(OnnxParser.Pair);
                    external[key] = value;
                    break;
                case 14:
                    isExternal = reader.Number() == 1;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        Shape shape = ShapeOf(name, dims);
        if (type == OnnxType.String)
        {
            return texts == shape.Count ? new OnnxTensor(name, type, shape) : throw Misfit(name, shape, texts);
        }

        if (isExternal)
        {
            using ModelBytes other = External(name, external, out long at, out long length);
            return Raw(name, type, shape, other, [(at, length)]);
        }

        // Lists of floating-point numbers are stored as the bytes of tensors are.
        return raw is { } range ? Raw(name, type, shape, bytes, [range])
            : type == OnnxType.Float ? Raw(name, type, shape, bytes, floats)
            : type == OnnxType.Double ? Raw(name, type, shape, bytes, doubles)
            : Listed(name, type, shape, whole.Count > 0 ? whole : unsigned);
    }

    private Shape ShapeOf(string name, List<long> dims)
    {
        if (dims.Count > 64 || dims.Exists(dimension => dimension is < 0 or > int.MaxValue))
        {
            throw new ModelFileException(
                $"{bytes.Name}: the tensor '{name}' has the dimensions {string.Join(", ", dims.Take(8))}, "
                + "which no tensor has.");
        }

        Shape shape = [.. dims.Select(dimension => (int)dimension)];
        return shape.Problem is { } problem
            ? throw new ModelFileException($"{bytes.Name}: the tensor '{name}' cannot be: {problem}.")
            : shape;
    }

    private ModelFileException Misfit(string name, Shape shape, long count) => new(
        $"{bytes.Name}: the tensor '{name}' has the shape {shape} and {count} elements, which do not fill it.");

    private ModelFileException NoType(string name, OnnxType type) => new(
        $"{bytes.Name}: the tensor '{name}' is of {type.Name()}: there is no such type here.");

    /// <summary>Reads elements stored as little-endian bytes in some ranges, mostly a single one.</summary>
    private OnnxTensor Raw(
        string name, OnnxType type, Shape shape, ModelBytes from, List<(long Start, long Length)> ranges)
    {
        long length = ranges.Sum(range => range.Length);
        int size = type switch
        {
            OnnxType.UInt8 or OnnxType.Int8 or OnnxType.Bool => 1,
            OnnxType.UInt16 or OnnxType.Int16 or OnnxType.Float16 or OnnxType.BFloat16 => 2,
            OnnxType.Float or OnnxType.Int32 or OnnxType.UInt32 => 4,
            OnnxType.Double or OnnxType.Int64 or OnnxType.UInt64 => 8,
            _ => throw NoType(name, type),
        };
        if (shape.Count * size != length)
        {
            throw Misfit(name, shape, length / size);
        }

        if (ranges.Exists(range => range.Start < 0 || range.Start > from.Length - range.Length))
        {
            throw new ModelFileException($"{from.Name} ends before the tensor '{name}' does: it is cut off.");
        }

        if (DTypeOf(type) is { } dtype)
        {
            var values = new Tensor(dtype, shape);
            long done = 0;
            foreach ((long start, long count) in ranges)
            {
                for (long read = 0; read < count;)
                {
                    Span<byte> part = values.BytesFrom(done);
                    part = part[..(int)Math.Min(part.Length, count - read)];
                    from.Read(start + read, part);
                    (read, done) = (read + part.Length, done + part.Length);
                }
            }

            return new OnnxTensor(name, type, shape) { Values = Truths(name, type, values) };
        }

        var packed = new byte[length];
        from.Read(ranges[0].Start, packed);
        if (type is OnnxType.Float16 or OnnxType.BFloat16)
        {
            ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(packed);
            return Halves(name, type, shape, bits);
        }

        var whole = new long[shape.Count];
        for (int i = 0; i < whole.Length; i++)
        {
            ReadOnlySpan<byte> one = packed.AsSpan(i * size, size);
            whole[i] = type switch
            {
                OnnxType.Int8 => (sbyte)one[0],
                OnnxType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(one),
                OnnxType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(one),
                OnnxType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(one),
                _ => BinaryPrimitives.ReadInt64LittleEndian(one),
            };
        }

        return new OnnxTensor(name, type, shape) { Whole = whole };
    }

    /// <summary>Reads elements stored as integers of the message.</summary>
    private OnnxTensor Listed(string name, OnnxType type, Shape shape, List<long> whole)
    {
        if (shape.Count != whole.Count)
        {
            throw Misfit(name, shape, whole.Count);
        }

        if (type is OnnxType.Float16 or OnnxType.BFloat16)
        {
            return Halves(name, type, shape, [.. whole.Select(bits => (ushort)bits)]);
        }

        int[] dimensions = [.. shape];
        (long min, long max) = type.Range();
        if (whole.Exists(value => value < min || value > max))
        {
            throw new ModelFileException($"{bytes.Name}: the tensor '{name}' has elements that are no {type.Name()}.");
        }

        var tensor = new OnnxTensor(name, type, shape);
        return type switch
        {
            OnnxType.Int32 =>
                tensor with { Values = Engine.Tensor.From([.. whole.Select(value => (int)value)]).Reshape(dimensions) },
            OnnxType.Int64 => tensor with { Values = Engine.Tensor.From(whole.ToArray()).Reshape(dimensions) },
            OnnxType.UInt8 => tensor with
            {
                Values = Engine.Tensor.From([.. whole.Select(value => (byte)value)]).Reshape(dimensions),
            },
            OnnxType.Bool =>
                tensor with { Values = Engine.Tensor.From([.. whole.Select(value => value != 0)]).Reshape(dimensions) },
            _ when type.IsWhole() => tensor with { Whole = [.. whole] },
            _ => throw NoType(name, type),
        };
    }

    private static OnnxTensor Halves(string name, OnnxType type, Shape shape, ReadOnlySpan<ushort> bits)
    {
        var values = new float[bits.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = type == OnnxType.Float16
                ? (float)BitConverter.UInt16BitsToHalf(bits[i])
                : BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
        }

        return new OnnxTensor(name, type, shape) { Values = Engine.Tensor.From(values).Reshape([.. shape]) };
    }

    private Tensor Truths(string name, OnnxType type, Tensor values) =>
        type == OnnxType.Bool && values.Bytes.ContainsAnyExcept((byte)0, (byte)1)
            ? throw new ModelFileException($"{bytes.Name}: the tensor '{name}' has elements that are no bool.")
            : values;

    private static DType? DTypeOf(OnnxType type) => type switch
    {
        OnnxType.Float => DType.Float32,
        OnnxType.Double => DType.Float64,
        OnnxType.Int32 => DType.Int32,
        OnnxType.Int64 => DType.Int64,
        OnnxType.UInt8 => DType.UInt8,
        OnnxType.Bool => DType.Bool,
        _ => null,
    };

    /// <summary>Returns the file that contains a tensor's elements.</summary>
    private ModelBytes External(string name, Dictionary<string, string> external, out long at, out long length)
    {
        string location = external.GetValueOrDefault("location", "");
        string? path = folder is null || location.Length == 0 ? null : Inside(folder, location);
        if (path is null)
        {
            throw new ModelFileException(
                $"{bytes.Name}: the tensor '{name}' is said to lie in '{location}', "
                + "which is no file of the model's folder: it is not read.");
        }

        at = Number("offset", 0);
        ModelBytes file;
        try
        {
            file = ModelBytes.Open(path);
        }
        catch (EngineException error)
        {
            throw new ModelFileException($"{bytes.Name}: the tensor '{name}' is not there. {error.Message}", error);
        }

        length = Number("length", Math.Max(0, file.Length - at));
        return file;

        long Number(string key, long otherwise) => !external.TryGetValue(key, out string? text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
            : throw new ModelFileException($"{bytes.Name}: the {key} '{text}' of the tensor '{name}' is no number.");
    }

    /// <summary>
    /// Returns the path of a file in a folder or below it, without links; null if it is not such a file.
    /// </summary>
    private static string? Inside(string folder, string location)
    {
        string root = Path.GetFullPath(folder);
        string[] parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || location.Contains(':') || location.Contains('\0')
            || Array.Exists(parts, part => part is ".."))
        {
            return null;
        }

        string path = root;
        foreach (string part in parts.Where(part => part is not ("" or ".")))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
            {
                return null;
            }
        }

        return path == root ? null : path;
    }
}
