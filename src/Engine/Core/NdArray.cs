namespace Engine;

/// <summary>
/// Represents an n-dimensional array of float64 in C order, indexed as in a formula. The reference of every op computes
/// with it. It is deliberately slow: it is meant to be readable and correct.
/// </summary>
public sealed class NdArray
{
    // 0 for a dimension of 1, so that any index reads its only element.
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
        for (int axis = 0; axis < _strides.Length; axis++)
        {
            _strides[axis] = shape[axis] == 1 ? 0 : _strides[axis];
        }
    }

    /// <summary>
    /// Gets the dtype of the values. They are stored in float64 in any case; if an integer overflows, a reference must
    /// give its low bits.
    /// </summary>
    public DType DType { get; }

    /// <summary>Gets the dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Gets the elements in C order.</summary>
    public double[] Data { get; }

    /// <summary>
    /// Gets or sets the element at an index. On a dimension of 1, any index reads the only element, and outer indices
    /// may be missing. So an array can be read with the index of an array that it is broadcast to.
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
    public Tensor ToTensor(DType dtype) => Tensor.From(Data).Reshape(Shape.Dimensions).Cast(dtype);

    /// <summary>Returns every index of a shape, in C order, always in the same array with other contents.</summary>
    public static IEnumerable<int[]> Indices(Shape shape)
    {
        int[] dimensions = [.. shape], index = new int[dimensions.Length];
        for (long left = shape.Count; left > 0; left--)
        {
            yield return index;
            for (int axis = index.Length - 1; axis >= 0 && ++index[axis] == dimensions[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }

    /// <summary>Returns the offset in <see cref="Data"/> of the element at an index.</summary>
    internal int Offset(ReadOnlySpan<int> index)
    {
        int offset = 0;
        int skipped = index.Length - _strides.Length;
        for (int axis = 0; axis < _strides.Length; axis++)
        {
            offset += index[axis + skipped] * _strides[axis];
        }

        return offset;
    }
}
