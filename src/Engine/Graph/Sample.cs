namespace Engine.Graph;

/// <summary>Represents an op that lists examples of its use: what the tests run it on. Every op must.</summary>
public interface ISampled
{
    /// <summary>
    /// Examples that between them reach every branch of the op, on every device. <paramref name="random"/> is for
    /// shapes: the tests ask many times.
    /// </summary>
    static abstract IEnumerable<Sample> Samples(Random random);
}

/// <summary>Represents an op with the kind of inputs to try it on.</summary>
/// <param name="Op">The op.</param>
/// <param name="Args">What its inputs look like.</param>
public sealed record Sample(Op Op, params IReadOnlyList<Arg> Args)
{
    /// <summary>For an example of misuse, a part of the message it must be refused with.</summary>
    public string? Error { get; init; }

    /// <summary>
    /// Gets or sets whether the numerical check of the gradient makes sense there (it does not at a jump).
    /// </summary>
    public bool HasGradient { get; init; } = true;

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Sample), PrintMembers);
}

/// <summary>Describes what an input of a <see cref="Sample"/> looks like: values drawn evenly from a range.</summary>
/// <param name="Shape">The sides.</param>
/// <param name="DType">The dtype; null for a floating-point type, float32 or float64 as the test needs.</param>
/// <param name="Low">The least value.</param>
/// <param name="High">The greatest value, for integers one above it.</param>
/// <param name="Distinct">Whether the values must differ from one another by more than a gradient check moves them.</param>
/// <param name="KnownValue">The value of a size.</param>
/// <param name="Whole">Whether the values must be whole numbers, as a condition's are, whatever the dtype.</param>
/// <param name="Values">The values, in C order, where they cannot be drawn from a range.</param>
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
    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Arg), PrintMembers);

    /// <summary>Returns integers from <paramref name="low"/> up to, not including, <paramref name="high"/>.</summary>
    public static Arg Int(Shape shape, int low, int high) => new(shape, Engine.DType.Int32, low, high);

    /// <summary>Returns any integers, so that their sums and products wrap round.</summary>
    public static Arg Int(Shape shape) => Int(shape, int.MinValue, int.MaxValue);

    /// <summary>Returns any integers that a dtype holds and float64 too, whose sums and products wrap round.</summary>
    public static Arg Int(Shape shape, DType dtype)
    {
        var type = ElementType.Of(dtype);
        return new(
            shape, dtype, Math.Max(type.Min, -ElementType.MaxWhole), Math.Min(type.Max + 1, ElementType.MaxWhole));
    }

    /// <summary>Returns zeros and ones.</summary>
    public static Arg Mask(Shape shape) => new(shape, Engine.DType.UInt8, 0, 2);

    /// <summary>Returns an int32 scalar that decides shapes.</summary>
    public static Arg Size(int value) => new(Shape.Scalar, Engine.DType.Int32, value, value + 1, KnownValue: value);

    /// <summary>
    /// Returns a side worth trying: 0, 1, small primes, and those around a vector's and a tile's length.
    /// </summary>
    public static int Side(Random random, bool allowEmpty = true)
    {
        ArgumentNullException.ThrowIfNull(random);
        ReadOnlySpan<int> sides = [0, 1, 2, 3, 5, 7, 11, 17, 31, 32, 33];
        return sides[random.Next(allowEmpty ? 0 : 1, sides.Length)];
    }
}
