namespace Engine;

/// <summary>
/// Represents an n-dimensional array of float64 in C order, indexed the way a formula is written: what the reference
/// definition of every op computes with. Slow on purpose: it is there to be read and to be right.
/// </summary>
public sealed class NdArray
{
    private readonly int[] _strides;

    /// <summary>Creates an array of zeros.</summary>
    public NdArray(Shape shape, DType dtype = DType.Float64) : this(shape, new double[shape.Count], dtype)
    {
    }

    /// <summary>Wraps <paramref name="data"/>, which is not copied.</summary>
    public NdArray(Shape shape, double[] data, DType dtype = DType.Float64)
    {
        ArgumentNullException.ThrowIfNull(data);
        Shape = shape;
        Data = data;
        DType = dtype;
        _strides = shape.Strides();
    }

    /// <summary>
    /// Gets the dtype of what the array stands for. Floating-point numbers are kept in float64 all the same; of what
    /// overflows an integer, its low bits are what a definition is to give.
    /// </summary>
    public DType DType { get; }

    /// <summary>Gets the sides, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Gets the elements in C order.</summary>
    public double[] Data { get; }

    /// <summary>
    /// Gets or sets the element at an index. Where the array has side 1, any index reads its only element, and missing
    /// outer indices are allowed for: an array can be read under the index of what it broadcasts to.
    /// </summary>
    public double this[params ReadOnlySpan<int> index]
    {
        get => Data[Offset(index)];
        set => Data[Offset(index)] = value;
    }

    /// <summary>Returns the elements of a tensor as float64.</summary>
    public static NdArray From(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new NdArray(tensor.Shape, tensor.Cast(DType.Float64).AsSpan<double>().ToArray(), tensor.DType);
    }

    /// <summary>Returns the elements rounded to a dtype.</summary>
    public Tensor ToTensor(DType dtype) => Tensor.From(Data).Reshape(Shape.Sides).Cast(dtype);

    /// <summary>
    /// Returns every index of a shape, in C order. The array given is the same each time, with other contents.
    /// </summary>
    public static IEnumerable<int[]> Indices(Shape shape)
    {
        var index = new int[shape.Rank];
        for (long left = shape.Count; left > 0; left--)
        {
            yield return index;
            for (int axis = shape.Rank - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }

    /// <summary>Where the element at an index lies in <see cref="Data"/>.</summary>
    internal int Offset(ReadOnlySpan<int> index)
    {
        int offset = 0;
        int skipped = index.Length - _strides.Length;
        for (int axis = 0; axis < _strides.Length; axis++)
        {
            offset += Shape[axis] == 1 ? 0 : index[axis + skipped] * _strides[axis];
        }

        return offset;
    }
}
