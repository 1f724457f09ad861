using System.Buffers.Binary;

namespace Engine.IO;

/// <summary>An array in NumPy's own format: numbers, or texts.</summary>
internal sealed class NpyArray
{
    private readonly Tensor? _numbers;
    private readonly NpyHeader _header;

    private NpyArray(NpyHeader header, Tensor? numbers, string[]? texts) =>
        (_header, _numbers, Texts) = (header, numbers, texts);

    /// <summary>Creates an array of numbers.</summary>
    public NpyArray(Tensor numbers)
        : this(new NpyHeader(NpyType.Of(numbers.DType), IsFortran: false, numbers.Shape), numbers, null)
    {
    }

    /// <summary>Gets the dimensions.</summary>
    public Shape Shape => _header.Shape;

    /// <summary>Gets the texts in C order; null if there are numbers.</summary>
    public string[]? Texts { get; }

    /// <summary>Gets the numbers.</summary>
    /// <exception cref="NotSupportedException">There are texts.</exception>
    public Tensor Numbers => _numbers ?? throw _header.Type.NotRead();

    /// <summary>Reads a file with the ending <c>.npy</c>, which may be untrusted.</summary>
    /// <exception cref="ModelFileException">It is damaged, or contains values that cannot be read.</exception>
    public static NpyArray Load(string path) => ReadableFile.Read(path, (stream, name) =>
    {
        try
        {
            return Read(stream, stream.Length, areTextsRead: true, out _);
        }
        catch (NotSupportedException error)
        {
            throw new ModelFileException($"{name} cannot be read: {error.Message}.", error);
        }
        catch (Exception error) when (error is FormatException or EndOfStreamException)
        {
            byte[] begin = new byte[Signature.Bytes];
            stream.Position = 0;
            _ = stream.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false);
            string? what = begin.AsSpan().StartsWith(NpyHeader.Mark) ? null : Signature.Of(begin);
            string why = what is null ? error.Message.TrimEnd('.') : $"it is {what}";
            throw new ModelFileException($"{name} is not a whole npy file: {why}.", error);
        }
    });

    /// <summary>Reads an array from a stream.</summary>
    /// <param name="from">The stream.</param>
    /// <param name="all">The length of the array with its header, in bytes.</param>
    /// <param name="areTextsRead">Whether texts are read, too.</param>
    /// <param name="sum">Receives the check sum of these bytes.</param>
    /// <exception cref="FormatException">It is no such array.</exception>
    /// <exception cref="NotSupportedException">It has elements that cannot be read.</exception>
    /// <exception cref="EndOfStreamException">It is cut off.</exception>
    public static NpyArray Read(Stream from, long all, bool areTextsRead, out uint sum)
    {
        sum = 0;
        byte[] preamble = Take(from, NpyHeader.PreambleBytes, ref sum);
        Require(preamble.AsSpan().StartsWith(NpyHeader.Mark), "it does not begin as NumPy's arrays do");
        int version = preamble[6];
        Require(version is 1 or 2 or 3 && preamble[7] == 0, $"its format is {version}.{preamble[7]}, not 1.0 to 3.0");
        uint length = BinaryPrimitives.ReadUInt16LittleEndian(preamble.AsSpan(8));
        long headerBytes = NpyHeader.PreambleBytes;
        if (version > 1)
        {
            byte[] high = Take(from, 2, ref sum);
            headerBytes += high.Length;
            length |= (uint)BinaryPrimitives.ReadUInt16LittleEndian(high) << 16;
        }

        Require(length <= NpyHeader.MaxBytes, $"its header would be {length} bytes long");
        headerBytes += length;
        NpyHeader header = NpyHeader.Parse(Take(from, (int)length, ref sum));
        NpyType type = header.Type;
        if (type.IsText && !areTextsRead)
        {
            throw type.NotRead();
        }

        long bytes = all - headerBytes;
        Require(bytes == type.Bytes(header.Shape),
            $"{bytes} bytes follow its header, which is not what {type} {header.Shape} takes");
        if (bytes > Array.MaxLength || !type.Fits(header.Shape))
        {
            throw new NotSupportedException(
                $"as {(type.IsText ? "texts" : type.Stored.DType.Name())} {header.Shape} it takes more "
                + $"than {Array.MaxLength} bytes");
        }

        byte[] elements = Take(from, (int)bytes, ref sum);
        elements = header.IsFortran ? Transposed(elements, header) : elements;
        if (type.IsText)
        {
            return new NpyArray(header, null, type.TextsOf(elements, (int)header.Shape.Count));
        }

        var tensor = new Tensor(type.Stored.DType, header.Shape);
        type.Convert(elements, tensor);
        return new NpyArray(header, tensor, null);
    }

    private static byte[] Take(Stream from, int count, ref uint sum)
    {
        byte[] bytes = new byte[count];
        from.ReadExactly(bytes);
        sum = Crc32.Of(bytes, sum);
        return bytes;
    }

    /// <summary>Converts elements from Fortran order to C order.</summary>
    private static byte[] Transposed(byte[] from, NpyHeader header)
    {
        byte[] to = new byte[from.Length];
        int size = header.Type.Size, at = 0;
        foreach (int[] index in from.Length == 0 ? [] : NdArray.Indices(header.Shape))
        {
            int offset = 0;
            for (int axis = index.Length - 1; axis >= 0; axis--)
            {
                offset = (offset * header.Shape[axis]) + index[axis];
            }

            from.AsSpan(offset * size, size).CopyTo(to.AsSpan(at));
            at += size;
        }

        return to;
    }

    private static void Require(bool condition, string why)
    {
        if (!condition)
        {
            throw new FormatException(why);
        }
    }
}
