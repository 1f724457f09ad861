using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Provides the functions that build graphs, for <c>using static Engine.Ops.Symbolic;</c>. The functions of an op are
/// in the op's file; this file has those that create variables.
/// </summary>
public static partial class Symbolic
{
    /// <summary>Returns an input without axes.</summary>
    public static Input Scalar(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 0);

    /// <summary>Returns an input with one axis.</summary>
    public static Input Vector(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 1);

    /// <summary>Returns an input with two axes.</summary>
    public static Input Matrix(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 2);

    /// <summary>Returns an input with three axes.</summary>
    public static Input Tensor3(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 3);

    /// <summary>Returns an input with four axes: images as (batch, channels, height, width).</summary>
    public static Input Tensor4(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 4);

    /// <summary>Returns an int32 input without axes.</summary>
    public static Input IntScalar(string? name = null) => Variable(name, DType.Int32, 0);

    /// <summary>Returns an int32 input with one axis: labels, indices.</summary>
    public static Input IntVector(string? name = null) => Variable(name, DType.Int32, 1);

    /// <summary>
    /// Returns an input of a known or partly known shape (<see cref="Shape.Unknown"/> for the unknown dimensions).
    /// </summary>
    public static Input Variable(string? name, DType dtype, Shape shape) => new(new TensorType(dtype, shape), name);

    /// <summary>
    /// Returns an int32 input without axes that decides shapes, for example the number of rows of a minibatch. A
    /// function makes a plan for each of its values.
    /// </summary>
    public static Input Size(string? name = null) => new(new TensorType(DType.Int32, Shape.Scalar), name, isSize: true);

    /// <summary>
    /// Returns a variable that keeps its value between calls. Its first value is a copy of the given one.
    /// </summary>
    public static SharedVariable Shared(Tensor value, string? name = null) => new(value, name);

    /// <summary>
    /// Returns a variable that keeps its value between calls. Its first value is a copy of the given one. Dimensions
    /// that are <see cref="Engine.Shape.Unknown"/> in its shape may change with <see cref="SharedVariable.SetValue"/>.
    /// </summary>
    /// <exception cref="EngineException">The value is not of that shape.</exception>
    public static SharedVariable Shared(Tensor value, Shape shape, string? name = null) => new(value, shape, name);

    /// <summary>Returns a tensor that never changes: a copy of the given one.</summary>
    public static Constant Constant(Tensor value) => new(value);

    /// <summary>
    /// Returns a number literal, as in <c>x * 2</c>. It takes the dtype of the operand that it is combined with; that
    /// dtype must be able to hold it.
    /// </summary>
    public static Constant Constant(double value) => new(Tensor.Scalar(value), isWeak: true);

    /// <summary>Returns a number of a dtype.</summary>
    /// <exception cref="EngineException">
    /// The dtype cannot hold the number: it is a fraction or too great for an integer type, or float32 would make it 0
    /// or infinite.
    /// </exception>
    public static Constant Constant(double value, DType dtype) => Promotion.Holds(dtype, value)
        ? new(Tensor.Scalar(value).Cast(dtype))
        : throw new EngineException(
            $"There is no {dtype.Name()} {Promotion.Text(value)}: {Promotion.Range(dtype)}.{Origin.Current}");

    private static Input Variable(string? name, DType dtype, int rank) => Variable(name, dtype, Shape.OfRank(rank));
}
