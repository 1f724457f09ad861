using System.Buffers.Binary;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Reads files in MNIST's idx format (http://yann.lecun.com/exdb/mnist, "the IDX file format"), with or without gzip:
/// two zeros, the type and the number of dimensions, the dimensions, the values, all big-endian.
/// </summary>
public static class Idx
{
    /// <summary>Reads the values of one file; 16-bit values become int32.</summary>
    /// <exception cref="DataFormatException">
    /// It is not such a file, or its content does not match its header.
    /// </exception>
    public static Tensor Read(string path) => ReadableFile.Read(path, (file, name) =>
    {
        bool isPacked = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        using Stream stream = isPacked ? new WholeGzip(file) : file;
        try
        {
            return Read(stream, name);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new DataFormatException(
                $"{name} is damaged: it ends before its values do, or is not packed rightly.", error);
        }
    });

    private static Tensor Read(Stream stream, string path)
    {
        Span<byte> head = stackalloc byte[4];
        stream.ReadExactly(head);
        if (head is not [0, 0, 0x08 or 0x09 or 0x0B or 0x0C or 0x0D or 0x0E, > 0 and <= 8])
        {
            throw new DataFormatException(
                $"{path} is not in the format idx: it begins with {Convert.ToHexString(head)}.");
        }

        int kind = head[2];
        var dimensions = new int[head[3]];
        for (int i = 0; i < dimensions.Length; i++)
        {
            stream.ReadExactly(head);
            dimensions[i] = BinaryPrimitives.ReadInt32BigEndian(head);
        }

        Shape shape = Shape.Create(dimensions);
        if (dimensions.Any(dimension => dimension < 0) || shape.Problem is not null)
        {
            throw new DataFormatException($"{path} says that it holds {shape} values, which is damaged or too much.");
        }

        // Read in pieces, so that a header with a false size allocates no memory for it.
        int size = kind switch { 0x08 or 0x09 => 1, 0x0B => 2, 0x0E => 8, _ => 4 };
        var bytes = new MemoryStream();
        Span<byte> piece = new byte[1 << 16];
        for (long left = shape.Count * (long)size; left > 0;)
        {
            int read = stream.Read(piece[..(int)Math.Min(left, piece.Length)]);
            if (read == 0)
            {
                throw new EndOfStreamException();
            }

            bytes.Write(piece[..read]);
            left -= read;
        }

        if (stream.ReadByte() >= 0)
        {
            throw new DataFormatException($"{path} has more values than the {shape} that it says.");
        }

        byte[] all = bytes.ToArray();
        int count = (int)shape.Count;
        return kind switch
        {
            0x08 => Tensor.From(all, dimensions),
            0x09 => Tensor.From(Each(i => (int)(sbyte)all[i]), dimensions),
            0x0B => Tensor.From(Each(i => (int)BinaryPrimitives.ReadInt16BigEndian(all.AsSpan(2 * i))), dimensions),
            0x0C => Tensor.From(Each(i => BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(4 * i))), dimensions),
            0x0D => Tensor.From(Each(i => BinaryPrimitives.ReadSingleBigEndian(all.AsSpan(4 * i))), dimensions),
            _ => Tensor.From(Each(i => BinaryPrimitives.ReadDoubleBigEndian(all.AsSpan(8 * i))), dimensions),
        };

        T[] Each<T>(Func<int, T> value) => [.. Enumerable.Range(0, count).Select(value)];
    }
}
