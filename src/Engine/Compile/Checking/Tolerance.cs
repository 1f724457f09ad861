using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// How far a device's result may be from an op's reference: see <see cref="Op.Ulps"/>. A reference computes in float64,
/// so what depends on an int64 of 2⁵³ or more in magnitude is not judged: an element of an elementwise op, all results
/// of another.
/// </summary>
/// <param name="Op">The op; null for a copy.</param>
/// <param name="Inputs">The inputs.</param>
/// <param name="Expected">The results of the reference, not yet rounded.</param>
/// <param name="Types">The types of the results.</param>
internal sealed record Tolerance(
    Op? Op, IReadOnlyList<NdArray> Inputs, IReadOnlyList<NdArray> Expected, IReadOnlyList<TensorType> Types)
{
    private const double LenientUlps = 1 << 13;

    private readonly IReadOnlyList<NdArray> _magnitudes = Op?.Magnitudes(Inputs, Expected) ?? Expected;

    /// <summary>The square root of the number of terms in a result: rounding errors grow like it.</summary>
    private readonly double _growth = Op is null ? 1 : Math.Sqrt(Math.Max(
        1, Op.Flops([.. Inputs.Select(input => new TensorType(input.DType, input.Shape))], Types)
        / Math.Max(1.0, Types.Sum(type => type.Shape.Count))));

    private readonly double _ulps = Op?.Ulps ?? 0;

    private readonly NdArray[] _rounded =
        [.. Inputs.Where(input => input.DType == DType.Int64 && Array.Exists(input.Data, IsRounded))];

    /// <summary>
    /// Whether an element of a result depends only on the elements of the operands at the same index.
    /// </summary>
    private readonly bool _isElementwise =
        Op?.InputWindowOf([.. Inputs.Select(input => new TensorType(input.DType, input.Shape))]) == InputWindow.Pixel;

    private readonly bool _isGivenNumbers = Inputs.All(input => Array.TrueForAll(input.Data, double.IsFinite));

    /// <summary>
    /// Gets or sets whether to allow more than the op says: for an op that says nothing, and for a device set to be
    /// fast.
    /// </summary>
    public bool IsLenient { get; init; }

    /// <summary>
    /// Returns the first element of a result that is outside the tolerance; -1 if none is. Only NaN is close to NaN.
    /// </summary>
    public int FirstOutside(int output, Tensor actual)
    {
        ReadOnlySpan<double> values = NdArray.From(actual).Data, expected = Expected[output].Data;
        double excused = IsLenient ? Excused(actual.DType, Expected[output].Data) : 0;
        double[] rounded = NdArray.From(Expected[output].ToTensor(actual.DType)).Data;
        for (int i = 0; i < values.Length; i++)
        {
            double magnitude = _magnitudes[output].Data[i];
            if (!values[i].Equals(rounded[i]) && values[i] != rounded[i]
                && !IsNear(output, actual.DType, values[i], expected[i], magnitude, excused)
                && !DependsOnRounded(actual.Shape, i))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsRounded(double whole) => Math.Abs(whole) >= ElementType.MaxWhole;

    private bool DependsOnRounded(Shape shape, int element)
    {
        if (_rounded.Length == 0 || !_isElementwise)
        {
            return _rounded.Length > 0 && Op is not null;
        }

        int[] index = shape.IndexOf(element);
        return Array.Exists(_rounded, operand => IsRounded(operand[index]));
    }

    private double Excused(DType dtype, double[] expected)
    {
        double largest = expected.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty().Max();
        return 8 * Rounding.Epsilon(dtype) * Math.Max(1, largest) * _growth;
    }

    private bool IsNear(
        int output, DType dtype, double actual, double expected, double magnitude, double excused)
    {
        bool isOwn = ReferenceEquals(_magnitudes[output], Expected[output]);
        if (!isOwn && (double.IsNaN(magnitude)
            || (double.IsInfinity(magnitude) && (_isGivenNumbers || double.IsFinite(expected)))))
        {
            return true;
        }

        if (!dtype.IsFloat())
        {
            // A step of a loop, or a sum, may have gone beyond.
            return dtype == DType.Int64 && !isOwn && IsRounded(magnitude);
        }

        // A sum may overflow on the way, and a result just below overflow may overflow by rounding.
        double largest = Rounding.MaxFinite(dtype),
            ulps = _growth * (IsLenient ? Math.Max(LenientUlps, _ulps) : _ulps);
        if (!double.IsFinite(actual) && !isOwn && Math.Abs(magnitude) > largest)
        {
            return true;
        }

        double allowed = ulps * Rounding.Ulp(dtype, magnitude);
        double nearest = double.IsInfinity(actual) ? Math.CopySign(largest, actual) : actual;
        double wanted = double.IsInfinity(expected) || Math.Abs(expected) > largest
            ? Math.CopySign(largest, expected)
            : expected;
        return ulps > 0 && Math.Abs(nearest - wanted) <= excused + allowed + Rounding.Ulp(dtype, wanted);
    }
}
