using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents the functions a graph is written with, for <c>using static Engine.Ops.Symbolic;</c>. Each op's own stand
/// beside the op; here are those that make variables.
/// </summary>
public static partial class Symbolic
{
    /// <summary>Returns an input without sides.</summary>
    public static Input Scalar(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 0);

    /// <summary>Returns an input with one side.</summary>
    public static Input Vector(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 1);

    /// <summary>Returns an input with two sides.</summary>
    public static Input Matrix(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 2);

    /// <summary>Returns an input with three sides.</summary>
    public static Input Tensor3(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 3);

    /// <summary>Returns an input with four sides: images as (batch, channels, height, width).</summary>
    public static Input Tensor4(string? name = null, DType dtype = DType.Float32) => Variable(name, dtype, 4);

    /// <summary>Returns an int32 input without sides.</summary>
    public static Input IntScalar(string? name = null) => Variable(name, DType.Int32, 0);

    /// <summary>Returns an int32 input with one side: labels, indices.</summary>
    public static Input IntVector(string? name = null) => Variable(name, DType.Int32, 1);

    /// <summary>
    /// Returns an input of a shape that is known, or known in part (<see cref="Shape.Unknown"/> for the rest).
    /// </summary>
    public static Input Variable(string? name, DType dtype, Shape shape) => new(new TensorType(dtype, shape), name);

    /// <summary>
    /// Returns an int32 input without sides that decides shapes (the number of rows of a minibatch, say): a function
    /// makes a plan for each of its values.
    /// </summary>
    public static Input Size(string? name = null) => new(new TensorType(DType.Int32, Shape.Scalar), name, isSize: true);

    /// <summary>Returns a variable that keeps its value between calls; the first is a copy of this one.</summary>
    public static SharedVariable Shared(Tensor value, string? name = null) => new(value, name);

    /// <summary>
    /// Returns a variable that keeps its value between calls; the first is a copy of this one. Sides that are
    /// <see cref="Engine.Shape.Unknown"/> in its shape may change with <see cref="SharedVariable.SetValue"/>.
    /// </summary>
    /// <exception cref="EngineException">The value is not of that shape.</exception>
    public static SharedVariable Shared(Tensor value, Shape shape, string? name = null) => new(value, shape, name);

    /// <summary>Returns a tensor that never changes: a copy of this one.</summary>
    public static Constant Constant(Tensor value) => new(value);

    /// <summary>
    /// Returns a number literal, as in <c>x * 2</c>: it takes the dtype of what it is combined with, which must be able
    /// to hold it.
    /// </summary>
    public static Constant Constant(double value) => new(Tensor.Scalar(value), isWeak: true);

    /// <summary>Returns a number of a dtype.</summary>
    /// <exception cref="EngineException">
    /// The dtype cannot hold it: a fraction or too great a number for an integer, or one that float32 would make 0 or
    /// infinite.
    /// </exception>
    public static Constant Constant(double value, DType dtype) => Promotion.Holds(dtype, value)
        ? new(Tensor.Scalar(value).Cast(dtype))
        : throw new EngineException(
            $"There is no {dtype.Name()} {Promotion.Text(value)}: {Promotion.Range(dtype)}.{Origin.Current}");

    private static Input Variable(string? name, DType dtype, int rank) => Variable(name, dtype, Shape.OfRank(rank));
}
