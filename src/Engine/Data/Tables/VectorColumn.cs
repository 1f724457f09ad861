namespace Engine.Data;

/// <summary>Represents a picture or a vector for each sample. None is missing.</summary>
public abstract class VectorColumn : Column
{
    private protected VectorColumn(string name, int count, DType dtype, Shape dimensions)
        : base(name, count) => (DType, Dimensions) = (dtype, dimensions);

    /// <summary>Gets the dtype of the values: uint8 for pictures.</summary>
    public DType DType { get; }

    /// <summary>Gets the shape of one sample: (channels, height, width) for pictures, (length) for vectors.</summary>
    public Shape Dimensions { get; }

    /// <summary>Reads the values of one sample.</summary>
    /// <param name="row">The index of the sample.</param>
    /// <param name="to">Receives as many numbers as <see cref="Dimensions"/> has.</param>
    public abstract void Read(int row, Span<float> to);

    /// <summary>Returns the values of all samples in memory, one row per sample.</summary>
    public abstract Tensor Load();

    /// <inheritdoc/>
    public override string? Text(int row) => Dimensions.ToString();

    internal override Column Joined(IReadOnlyList<Column> columns)
    {
        var all = new Tensor(DType, [columns.Sum(column => column.Count), .. Dimensions]);
        int at = 0;
        foreach (Column column in columns)
        {
            all.PutRows(at, ((VectorColumn)column).Load());
            at += column.Count;
        }

        return new TensorColumn(Name, all);
    }

    private protected static void Convert(ReadOnlySpan<byte> from, Span<float> to)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i];
        }
    }
}

/// <summary>Represents a picture or a vector for each sample, in memory.</summary>
/// <param name="name">The name of the column.</param>
/// <param name="values">
/// The values, one row per sample: uint8 (n, channels, height, width) for pictures, (n, length) for vectors.
/// </param>
public sealed class TensorColumn(string name, Tensor values)
    : VectorColumn(name, values.Shape[0], values.DType, [.. values.Shape.Skip(1)])
{
    /// <summary>Gets the values.</summary>
    public Tensor Values => values;

    /// <inheritdoc/>
    public override Column Rows(ReadOnlySpan<int> indices) => new TensorColumn(Name, values.Rows(indices));

    /// <inheritdoc/>
    public override Tensor Load() => values;

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to)
    {
        if (values.DType == DType.UInt8)
        {
            Convert(values.AsSpan<byte>().Slice(row * to.Length, to.Length), to);
        }
        else
        {
            values.Rows(row, 1).Cast(DType.Float32).AsSpan<float>().CopyTo(to);
        }
    }
}
