using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine;

/// <summary>
/// Represents an n-dimensional array in host memory, in C order: what goes into and comes out of functions and files.
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
    /// A side is negative or unknown, or there are more than <see cref="Shape.MaxElements"/>.
    /// </exception>
    public Tensor(DType dtype, Shape shape) : this(dtype, shape, Zeros(dtype, shape))
    {
    }

    /// <summary>Gets the element type.</summary>
    public DType DType { get; }

    /// <summary>Gets the sides, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>The dtype and the shape as messages say them: <c>float32 (128, 10)</c>.</summary>
    internal string TypeText => $"{DType.Name()} {Shape}";

    /// <summary>Gets the elements' bytes, in C order.</summary>
    /// <exception cref="EngineException">There are more than 2 GiB of them, which no span holds.</exception>
    public Span<byte> Bytes => ByteCount <= int.MaxValue
        ? BytesFrom(0)
        : throw new EngineException(FormattableString.Invariant(
            $"A tensor of {this} has {ByteCount:N0} bytes, and a span holds {int.MaxValue:N0}: take AsSpan, or fewer rows."));

    /// <summary>The elements, to be pinned.</summary>
    internal Array Elements => _data;

    /// <summary>How many bytes the elements are.</summary>
    internal long ByteCount => _data.LongLength * DType.Size();

    /// <summary>Wraps <paramref name="data"/>, which is not copied, as a tensor of this shape; without a shape, a vector.</summary>
    /// <exception cref="EngineException">
    /// The shape does not hold as many elements as the array, or that has more than <see cref="Shape.MaxElements"/>.
    /// </exception>
    public static Tensor From<T>(T[] data, params ReadOnlySpan<int> shape) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(data);
        Shape sides = shape.IsEmpty ? [data.Length] : Shape.Create(shape);
        return sides is { IsKnown: true, Problem: null } && sides.Count == data.Length
            ? new Tensor(DTypes.Of<T>(), sides, data)
            : throw new EngineException(
                $"{data.Length} elements do not fill a tensor of shape {sides}"
                + (sides.Problem is { } problem ? $": {problem}." : "."));
    }

    /// <summary>Returns a tensor of no sides.</summary>
    public static Tensor Scalar<T>(T value) where T : unmanaged => new(DTypes.Of<T>(), Shape.Scalar, new[] { value });

    /// <summary>Returns the elements, in C order.</summary>
    /// <exception cref="EngineException">The tensor's dtype is another.</exception>
    public Span<T> AsSpan<T>() where T : unmanaged => _data is T[] data && DTypes.Of<T>() == DType
        ? data
        : throw new EngineException($"The tensor holds {DType.Name()}, not {DTypes.Of<T>().Name()}.");

    /// <summary>Returns the same elements under another shape; nothing is copied.</summary>
    /// <exception cref="EngineException">The number of elements differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> shape)
    {
        var sides = Shape.Create(shape);
        return sides is { IsKnown: true, Problem: null } && sides.Count == Shape.Count
            ? new Tensor(DType, sides, _data)
            : throw new EngineException($"A tensor of shape {Shape} cannot take the shape {sides}.");
    }

    /// <summary>Returns the rows from <paramref name="start"/> on, <paramref name="count"/> of them, copied.</summary>
    public Tensor Rows(int start, int count)
    {
        var rows = new Tensor(DType, Shape.With(0, count));
        int row = Shape.Product(1, Shape.Rank);
        Array.Copy(_data, start * row, rows._data, 0, count * row);
        return rows;
    }

    /// <summary>Returns the rows with these indices, in this order, copied.</summary>
    public Tensor Rows(ReadOnlySpan<int> indices)
    {
        var rows = new Tensor(DType, Shape.With(0, indices.Length));
        CopyRows(indices, rows);
        return rows;
    }

    /// <summary>The rows of several of one type, one tensor's behind the other's.</summary>
    /// <exception cref="EngineException">They are of different types.</exception>
    internal static Tensor Joined(IReadOnlyList<Tensor> parts)
    {
        Tensor first = parts[0];
        if (parts.FirstOrDefault(part => part.DType != first.DType || !part.Shape.Skip(1).SequenceEqual(first.Shape.Skip(1))) is { } other)
        {
            throw new EngineException($"{first.TypeText} and {other.TypeText} are no rows of one tensor: samples have one shape and one dtype.");
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

    /// <summary>Copies the rows with these indices to a tensor of as many.</summary>
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

    /// <summary>The bytes from a place on, to the end or as many as a span holds: large tensors are copied in pieces.</summary>
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
    /// Returns the elements converted to another type: a fraction becomes an integer by being cut off, a number beyond
    /// the integer's range its nearest end, NaN 0; an integer becomes a smaller one by its low bits; what is not 0
    /// becomes true.
    /// </summary>
    public unsafe Tensor Cast(DType dtype)
    {
        if (dtype == DType)
        {
            return this;
        }

        var cast = new Tensor(dtype, Shape);
        ElementConversion convert = Conversion.Of(DType, dtype);
        fixed (byte* from = &MemoryMarshal.GetArrayDataReference(_data), to = &MemoryMarshal.GetArrayDataReference(cast._data))
        {
            convert(from, to, _data.Length);
        }

        return cast;
    }

    /// <summary>Whole numbers as int32, the nearest that it has: an int64 out of its range must not become one within.</summary>
    internal Tensor ToInt32() => (DType == DType.Int64 ? Cast(DType.Float64) : this).Cast(DType.Int32);

    /// <summary>Returns a tensor of its own with the same elements.</summary>
    public Tensor Clone() => new(DType, Shape, (Array)_data.Clone());

    /// <summary>An element, of the C# type that the dtype has.</summary>
    internal object Element(int index) => _data.GetValue(index)!;

    /// <summary>Keeps the elements where they lie in memory until the handle is freed.</summary>
    internal GCHandle Pin() => GCHandle.Alloc(_data, GCHandleType.Pinned);

    /// <summary>The first element that is NaN or infinite, and where it stands in C order; null if none is.</summary>
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
        string? problem = shape.IsKnown ? shape.Problem : "a side is unknown";
        return problem is not null
            ? throw new EngineException($"There is no tensor of {dtype.Name()} {shape}: {problem}.")
            : ElementType.Of(dtype).Zeros(shape.Count);
    }

    private static int FirstNotFinite<T>(ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // x · 0 is 0 for every finite x and nan for the others, which tells of a whole vector at a time.
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
    /// Returns the elements, as NumPy prints them: <c>[[1.  2.5]\n [3.  4. ]]</c>, and of more than 1,000 those at the
    /// edges.
    /// </summary>
    public override string ToString() => TensorText.Of(this);
}
