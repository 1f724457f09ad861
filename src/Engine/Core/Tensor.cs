using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine;

/// <summary>
/// Represents an n-dimensional array in host memory, in C order: the arguments and results of functions, and the
/// contents of files.
/// </summary>
[DebuggerDisplay("{TypeText}")]
public sealed partial class Tensor
{
    private readonly Array _data;

    private Tensor(DType dtype, Shape shape, Array data)
    {
        DType = dtype;
        Shape = shape;
        _data = data;
    }

    /// <summary>Creates a tensor of zeros.</summary>
    /// <exception cref="EngineException">
    /// A dimension is negative or unknown, or there are more than <see cref="Shape.MaxElements"/>.
    /// </exception>
    public Tensor(DType dtype, Shape shape) : this(dtype, shape, Zeros(dtype, shape))
    {
    }

    /// <summary>Gets the element type.</summary>
    public DType DType { get; }

    /// <summary>Gets the dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Gets the dtype and the shape for messages: <c>float32 (128, 10)</c>.</summary>
    internal string TypeText => $"{DType.Name()} {Shape}";

    /// <summary>Gets the elements' bytes, in C order.</summary>
    /// <exception cref="EngineException">There are more than 2 GiB of them, which is too much for a span.</exception>
    public Span<byte> Bytes => ByteCount <= int.MaxValue
        ? BytesFrom(0)
        : throw new EngineException(FormattableString.Invariant(
            $"A tensor of {this} has {ByteCount:N0} bytes, and a span holds {int.MaxValue:N0}: take AsSpan, or fewer rows."));

    /// <summary>Gets the elements, to be pinned.</summary>
    internal Array Elements => _data;

    /// <summary>Gets the number of bytes of the elements.</summary>
    internal long ByteCount => _data.LongLength * DType.Size();

    /// <summary>
    /// Wraps <paramref name="data"/>, without a copy, as a tensor of this shape; without a shape, as a vector.
    /// </summary>
    /// <exception cref="EngineException">
    /// The number of elements in the shape and in the array differ, or it is more than <see cref="Shape.MaxElements"/>.
    /// </exception>
    public static Tensor From<T>(T[] data, params ReadOnlySpan<int> shape) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(data);
        Shape dimensions = shape.IsEmpty ? [data.Length] : Shape.Create(shape);
        return dimensions is { IsKnown: true, Problem: null } && dimensions.Count == data.Length
            ? new Tensor(DTypes.Of<T>(), dimensions, data)
            : throw new EngineException(
                $"{data.Length} elements do not fill a tensor of shape {dimensions}"
                + (dimensions.Problem is { } problem ? $": {problem}." : "."));
    }

    /// <summary>Returns a tensor without dimensions.</summary>
    public static Tensor Scalar<T>(T value) where T : unmanaged => new(DTypes.Of<T>(), Shape.Scalar, new[] { value });

    /// <summary>Returns the elements, in C order.</summary>
    /// <exception cref="EngineException">The tensor has another dtype.</exception>
    public Span<T> AsSpan<T>() where T : unmanaged => _data is T[] data && DTypes.Of<T>() == DType
        ? data
        : throw new EngineException($"The tensor holds {DType.Name()}, not {DTypes.Of<T>().Name()}.");

    /// <summary>Returns the same elements with another shape, without a copy.</summary>
    /// <exception cref="EngineException">The number of elements differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> shape)
    {
        var dimensions = Shape.Create(shape);
        return dimensions is { IsKnown: true, Problem: null } && dimensions.Count == Shape.Count
            ? new Tensor(DType, dimensions, _data)
            : throw new EngineException($"A tensor of shape {Shape} cannot take the shape {dimensions}.");
    }

    /// <summary>Returns a copy of <paramref name="count"/> rows from <paramref name="start"/> on.</summary>
    /// <exception cref="EngineException">The tensor has no such rows.</exception>
    public Tensor Rows(int start, int count)
    {
        if (Shape.Rank == 0 || start < 0 || count < 0 || count > Shape[0] - start)
        {
            throw new EngineException(InvariantText.Of(
                $"A tensor of shape {Shape} does not have {count} rows from row {start} on."));
        }

        var rows = new Tensor(DType, Shape.With(0, count));
        int row = Shape.Product(1, Shape.Rank);
        Array.Copy(_data, start * row, rows._data, 0, count * row);
        return rows;
    }

    /// <summary>Returns a copy of the rows with these indices, in this order.</summary>
    /// <exception cref="EngineException">The tensor has no such row.</exception>
    public Tensor Rows(ReadOnlySpan<int> indices)
    {
        foreach (int index in indices)
        {
            if (Shape.Rank == 0 || index < 0 || index >= Shape[0])
            {
                throw new EngineException(InvariantText.Of($"A tensor of shape {Shape} has no row {index}."));
            }
        }

        if (Shape.Rank == 0)
        {
            throw new EngineException("A tensor without dimensions has no rows.");
        }

        var rows = new Tensor(DType, Shape.With(0, indices.Length));
        CopyRows(indices, rows);
        return rows;
    }

    /// <summary>Joins the rows of several tensors of one type, one tensor after the other.</summary>
    /// <exception cref="EngineException">They have different types.</exception>
    internal static Tensor Joined(IReadOnlyList<Tensor> parts)
    {
        Tensor first = parts[0];
        if (parts.FirstOrDefault(
            part => part.DType != first.DType || !part.Shape.Skip(1).SequenceEqual(first.Shape.Skip(1))) is { } other)
        {
            throw new EngineException(
                $"{first.TypeText} and {other.TypeText} are no rows of one tensor: "
                + "samples have one shape and one dtype.");
        }

        var all = new Tensor(first.DType, first.Shape.With(0, parts.Sum(part => part.Shape[0])));
        int at = 0;
        foreach (Tensor part in parts)
        {
            all.PutRows(at, part);
            at += part.Shape[0];
        }

        return all;
    }

    /// <summary>Copies the rows with these indices to a tensor with as many rows.</summary>
    internal void CopyRows(ReadOnlySpan<int> indices, Tensor to)
    {
        int row = Shape.Product(1, Shape.Rank);
        for (int i = 0; i < indices.Length; i++)
        {
            Array.Copy(_data, indices[i] * row, to._data, i * row, row);
        }
    }

    /// <summary>Replaces the rows from <paramref name="start"/> on by those of a tensor of the same type.</summary>
    internal void PutRows(int start, Tensor rows) =>
        Array.Copy(rows._data, 0, _data, start * Shape.Product(1, Shape.Rank), rows._data.Length);

    /// <summary>Copies all elements to a tensor of the same type.</summary>
    internal void CopyTo(Tensor to) => Array.Copy(_data, to._data, _data.Length);

    /// <summary>
    /// Returns the bytes from an offset on, as many as a span holds: large tensors are copied in pieces.
    /// </summary>
    internal Span<byte> BytesFrom(long start) => MemoryMarshal.CreateSpan(
        ref Unsafe.AddByteOffset(ref MemoryMarshal.GetArrayDataReference(_data), (nint)start),
        (int)Math.Min(ByteCount - start, int.MaxValue));

    /// <summary>Copies all elements to a block of memory, from <paramref name="offset"/> on.</summary>
    internal void CopyTo(Storage storage, long offset = 0)
    {
        for (long done = 0; done < ByteCount; done += int.MaxValue)
        {
            storage.Write(BytesFrom(done), offset + done);
        }
    }

    /// <summary>Copies all elements from a block of memory, from <paramref name="offset"/> on.</summary>
    internal void CopyFrom(Storage storage, long offset = 0)
    {
        for (long done = 0; done < ByteCount; done += int.MaxValue)
        {
            storage.Read(BytesFrom(done), offset + done);
        }
    }

    /// <summary>
    /// Returns the elements converted to another type. A fraction is truncated to an integer, a number beyond the
    /// integer's range becomes the nearest end, and NaN becomes 0. An integer becomes a smaller one by its low bits.
    /// Any number except 0 becomes true.
    /// </summary>
    public unsafe Tensor Cast(DType dtype)
    {
        if (dtype == DType)
        {
            return this;
        }

        var cast = new Tensor(dtype, Shape);
        ElementConversion convert = Conversion.Of(DType, dtype);
        fixed (byte* from = &MemoryMarshal.GetArrayDataReference(_data),
               to = &MemoryMarshal.GetArrayDataReference(cast._data))
        {
            convert(from, to, _data.Length);
        }

        return cast;
    }

    /// <summary>Returns labels as int32.</summary>
    /// <exception cref="EngineException">
    /// One is an int64 that int32 does not hold: no class has that number.
    /// </exception>
    internal Tensor ToInt32()
    {
        int wrong = DType == DType.Int64 ? AsSpan<long>().IndexOfAnyExceptInRange(int.MinValue, int.MaxValue) : -1;
        return wrong < 0 ? Cast(DType.Int32) : throw new EngineException(
            $"The label of sample {wrong} is {AsSpan<long>()[wrong]}: labels go from 0, and up to {int.MaxValue} at "
            + "most.");
    }

    /// <summary>Returns a copy of the tensor.</summary>
    public Tensor Clone() => new(DType, Shape, (Array)_data.Clone());

    /// <summary>Returns an element as the C# type of the dtype.</summary>
    internal object Element(int index) => _data.GetValue(index)!;

    /// <summary>Pins the elements in memory until the handle is freed.</summary>
    internal GCHandle Pin() => GCHandle.Alloc(_data, GCHandleType.Pinned);

    /// <summary>
    /// Returns the first element that is NaN or infinite, and its index in C order; null if there is none.
    /// </summary>
    internal (int Index, double Value)? FirstNotFinite()
    {
        switch (DType)
        {
            case DType.Float32:
                int index = FirstNotFinite(AsSpan<float>());
                return index < 0 ? null : (index, AsSpan<float>()[index]);
            case DType.Float64:
                index = FirstNotFinite(AsSpan<double>());
                return index < 0 ? null : (index, AsSpan<double>()[index]);
            case DType.Float16 or DType.BFloat16:
                return Cast(DType.Float32).FirstNotFinite();
            default:
                return null;
        }
    }

    private static Array Zeros(DType dtype, Shape shape)
    {
        string? problem = shape.IsKnown ? shape.Problem : "a dimension is unknown";
        return problem is not null
            ? throw new EngineException($"There is no tensor of {dtype.Name()} {shape}: {problem}.")
            : ElementType.Of(dtype).Zeros(shape.Count);
    }

    private static int FirstNotFinite<T>(ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // x · 0 is 0 for every finite x and nan for the others, so one comparison checks a whole vector.
        int i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var vector = new Vector<T>(values[i..]);
            if (!Vector.EqualsAll(vector * Vector<T>.Zero, Vector<T>.Zero))
            {
                break;
            }
        }

        for (; i < values.Length; i++)
        {
            if (!T.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>
    /// Returns the elements as NumPy prints them: <c>[[1.  2.5]\n [3.  4. ]]</c>; of more than 1,000, only those at the
    /// edges.
    /// </summary>
    public override string ToString() => TensorText.Of(this);
}
