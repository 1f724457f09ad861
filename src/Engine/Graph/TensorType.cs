namespace Engine.Graph;

/// <summary>
/// Describes what is known of a variable before it has a value: its dtype, its rank, and those of its sides that are
/// known.
/// </summary>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The sides; <see cref="Engine.Shape.Unknown"/> where only the call will tell.</param>
/// <param name="KnownValue">
/// The value of an int32 scalar that shape rules may rely on: a constant's, or, in a plan, that of a
/// <see cref="Input"/> marked <see cref="Input.IsSize"/>.
/// </param>
public sealed record TensorType(DType DType, Shape Shape, int? KnownValue = null)
{
    /// <summary>Gets the sides; <see cref="Engine.Shape.Unknown"/> where only the call will tell.</summary>
    /// <exception cref="EngineException">
    /// There are more than <see cref="Engine.Shape.MaxElements"/>, or a side is negative: whatever makes a value, this is
    /// where it is told; <see cref="Apply"/> says of which op.
    /// </exception>
    public Shape Shape { get; init => field = Possible(value); } = Possible(Shape);

    /// <summary>Why what was computed of known values is no size: it did not fit an int32, and has wrapped round. Else null.</summary>
    internal string? NoSize { get; init; }

    /// <summary>The known value as a side or a count; null where it is not known.</summary>
    /// <exception cref="EngineException">It has wrapped round on the way, and would be another size.</exception>
    internal int? Size => NoSize is { } reason ? throw new EngineException(reason) : KnownValue;

    /// <summary>Gets the number of sides.</summary>
    public int Rank => Shape.Rank;

    /// <summary>Gets the bytes of a value of this type, all sides being known.</summary>
    public long Bytes => Shape.Count * DType.Size();

    /// <summary>Returns the dtype and the shape: <c>float32 (?, 1024)</c>.</summary>
    public override string ToString() => $"{DType.Name()} {Shape}";

    private static Shape Possible(Shape shape) =>
        shape.Problem is { } problem ? throw new EngineException($"{problem}.") : shape;
}
