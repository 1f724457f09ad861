namespace Engine.Graph;

/// <summary>Represents an op with examples of its use, on which the tests run it. Every op must have them.</summary>
public interface ISampled
{
    /// <summary>
    /// Returns examples that together reach every branch of the op, on every device. <paramref name="random"/> is for
    /// shapes: the tests call this many times.
    /// </summary>
    static abstract IEnumerable<Sample> Samples(Random random);
}

/// <summary>Represents an op with the inputs to test it on.</summary>
/// <param name="Op">The op.</param>
/// <param name="Args">Descriptions of its inputs.</param>
public sealed record Sample(Op Op, params IReadOnlyList<Arg> Args)
{
    /// <summary>Gets or sets a part of the expected error message, for an example of misuse.</summary>
    public string? Error { get; init; }

    /// <summary>Gets or sets whether the gradient can be checked numerically (it cannot at a jump).</summary>
    public bool HasGradient { get; init; } = true;

    /// <summary>
    /// Gets or sets whether only tensor cores that multiply numbers of 16 bits compute it: on other devices the
    /// compiler converts the numbers before the op.
    /// </summary>
    internal bool NeedsTensorCores { get; init; }

    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Sample), PrintMembers);
}

/// <summary>Describes an input of a <see cref="Sample"/>: values drawn uniformly from a range.</summary>
/// <param name="Shape">The dimensions.</param>
/// <param name="DType">The dtype; null for a floating-point type, float32 or float64 as the test needs.</param>
/// <param name="Low">The smallest value.</param>
/// <param name="High">The largest value; for integers, one more than it.</param>
/// <param name="Distinct">
/// Whether the values must differ from one another by more than a gradient check changes them.
/// </param>
/// <param name="KnownValue">The value of a size.</param>
/// <param name="Whole">Whether the values must be whole numbers of any dtype, as for a condition.</param>
/// <param name="Values">The values, in C order, if they cannot be drawn from a range.</param>
public sealed record Arg(
    Shape Shape,
    DType? DType = null,
    double Low = -2,
    double High = 2,
    bool Distinct = false,
    int? KnownValue = null,
    bool Whole = false,
    IReadOnlyList<double>? Values = null)
{
    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Arg), PrintMembers);

    /// <summary>Returns integers from <paramref name="low"/> up to, not including, <paramref name="high"/>.</summary>
    public static Arg Int(Shape shape, int low, int high) => new(shape, Engine.DType.Int32, low, high);

    /// <summary>Returns arbitrary integers, so that their sums and products wrap around.</summary>
    public static Arg Int(Shape shape) => Int(shape, int.MinValue, int.MaxValue);

    /// <summary>
    /// Returns arbitrary integers that both the dtype and float64 hold; their sums and products wrap around.
    /// </summary>
    public static Arg Int(Shape shape, DType dtype)
    {
        var type = ElementType.Of(dtype);
        return new(
            shape, dtype, Math.Max(type.Min, -ElementType.MaxWhole), Math.Min(type.Max + 1, ElementType.MaxWhole));
    }

    /// <summary>Returns zeros and ones.</summary>
    public static Arg Mask(Shape shape) => new(shape, Engine.DType.UInt8, 0, 2);

    /// <summary>Returns an int32 scalar that determines shapes.</summary>
    public static Arg Size(int value) => new(Shape.Scalar, Engine.DType.Int32, value, value + 1, KnownValue: value);

    /// <summary>
    /// Returns a dimension that tests edge cases: 0, 1, small primes, and numbers near a vector's and a tile's length.
    /// </summary>
    public static int Dimension(Random random, bool allowEmpty = true)
    {
        ArgumentNullException.ThrowIfNull(random);
        ReadOnlySpan<int> dimensions = [0, 1, 2, 3, 5, 7, 11, 17, 31, 32, 33];
        return dimensions[random.Next(allowEmpty ? 0 : 1, dimensions.Length)];
    }
}
