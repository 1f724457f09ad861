using System.Buffers;
using System.Globalization;
using Engine.IO;
using Microsoft.Win32.SafeHandles;

namespace Engine.Data;

/// <summary>
/// Represents a picture or a vector for each sample in a file of bytes. Samples are read on demand, so they need not
/// fit into memory. The file contains samples of equal length one after the other, as NumPy's <c>tofile</c> writes
/// uint8.
/// </summary>
public sealed class StoredColumn : VectorColumn
{
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly int[] _rows;
    private readonly long _stride;
    private readonly int _length;

    /// <summary>Creates a column from a file.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">
    /// The shape of one sample with one byte per value: (channels, height, width) for pictures.
    /// </param>
    /// <exception cref="EngineException">
    /// There is no such file, or its length is not a multiple of a sample's length.
    /// </exception>
    public StoredColumn(string name, string path, Shape dimensions)
        : this(name, path, dimensions, dimensions.Count, rows: null)
    {
    }

    /// <summary>Creates a column from some samples of a file, or from a file with other data between samples.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">The shape of one sample.</param>
    /// <param name="stride">The number of bytes from one sample to the next.</param>
    /// <param name="rows">The index of each sample in the file; null for all samples in order.</param>
    internal StoredColumn(string name, string path, Shape dimensions, long stride, int[]? rows)
        : this(name, path, dimensions, stride, rows ?? All(path, stride), Open(path))
    {
    }

    private StoredColumn(string name, string path, Shape dimensions, long stride, int[] rows, SafeFileHandle file)
        : base(name, rows.Length, DType.UInt8, dimensions) =>
        (_path, _stride, _length, _rows, _file) = (path, stride, (int)dimensions.Count, rows, file);

    /// <summary>
    /// Gets or sets, for each sample of the file, the sums of each plane's values, and then the sums of their squares.
    /// </summary>
    internal IReadOnlyList<long[]>? Sums { get; init; }

    /// <summary>Returns the sums of a sample; null if they are unknown.</summary>
    internal long[]? SumsOf(int row) => Sums?[_rows[row]];

    /// <inheritdoc/>
    public override Column Rows(ReadOnlySpan<int> indices) =>
        new StoredColumn(Name, _path, Dimensions, _stride, Pick(_rows, indices), _file) { Sums = Sums };

    /// <inheritdoc/>
    public override Tensor Load()
    {
        var all = new Tensor(DType.UInt8, [Count, .. Dimensions]);
        for (int row = 0; row < Count; row++)
        {
            Read(row, all.AsSpan<byte>().Slice(row * _length, _length));
        }

        return all;
    }

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(_length);
        try
        {
            Read(row, bytes.AsSpan(0, _length));
            Convert(bytes, to);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Read(int row, Span<byte> to)
    {
        long at = _rows[row] * _stride;
        while (to.Length > 0)
        {
            int count = RandomAccess.Read(_file, to, at);
            if (count == 0)
            {
                throw new DataFormatException($"{_path}: it became shorter while it was read. Try again.");
            }

            to = to[count..];
            at += count;
        }
    }

    private static SafeFileHandle Open(string path)
    {
        ReadableFile.RequireFile(path);
        return File.OpenHandle(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
    }

    private static int[] All(string path, long stride)
    {
        ReadableFile.RequireFile(path);
        long length = new FileInfo(path).Length;
        return length > 0 && length % stride == 0 && length / stride <= int.MaxValue
            ? [.. Enumerable.Range(0, (int)(length / stride))]
            : throw new DataFormatException(string.Create(
                CultureInfo.InvariantCulture,
                $"{path} has {length:N0} bytes, which are no whole samples of {stride:N0} bytes."));
    }
}
