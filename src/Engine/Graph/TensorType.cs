namespace Engine.Graph;

/// <summary>Describes a variable before it has a value: its dtype, its rank, and its known dimensions.</summary>
/// <param name="DType">The element type.</param>
/// <param name="Shape">
/// The dimensions; <see cref="Engine.Shape.Unknown"/> for those known only when the function is called.
/// </param>
/// <param name="KnownValue">
/// The value of an int32 scalar on which shape rules may rely: that of a constant or, in a plan, of an
/// <see cref="Input"/> with <see cref="Input.IsSize"/>.
/// </param>
public sealed record TensorType(DType DType, Shape Shape, int? KnownValue = null)
{
    /// <summary>
    /// Gets the dimensions; <see cref="Engine.Shape.Unknown"/> for those known only when the function is called.
    /// </summary>
    /// <exception cref="EngineException">
    /// There are more than <see cref="Engine.Shape.MaxElements"/> elements, or a dimension is negative. All values are
    /// checked here; <see cref="Apply"/> adds the op to the message.
    /// </exception>
    public Shape Shape { get; init => field = Possible(value); } = Possible(Shape);

    /// <summary>
    /// Gets or sets why a value computed from known ones is no size (it did not fit an int32 and wrapped around); else
    /// null.
    /// </summary>
    internal string? NoSize { get; init; }

    /// <summary>Gets the known value as a dimension or a count; null if it is unknown.</summary>
    /// <exception cref="EngineException">It has wrapped around and would be a wrong size.</exception>
    internal int? Size => NoSize is { } reason ? throw new EngineException(reason) : KnownValue;

    /// <summary>Gets the number of dimensions.</summary>
    public int Rank => Shape.Rank;

    /// <summary>Gets the bytes of a value of this type, with all dimensions known.</summary>
    public long Bytes => Shape.Count * DType.Size();

    /// <summary>Returns the dtype and the shape: <c>float32 (?, 1024)</c>.</summary>
    public override string ToString() => $"{DType.Name()} {Shape}";

    private static Shape Possible(Shape shape) =>
        shape.Problem is { } problem ? throw new EngineException($"{problem}.") : shape;
}
