using System.Globalization;
using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>The maximum number of elements of a constant that a rule generates: 2 GiB of float64.</summary>
    private const int MaxMade = 1 << 28;

    /// <summary>Returns an array filled with one number.</summary>
    public static Variable Full(Variable value, params ReadOnlySpan<Dimension> dimensions) =>
        BroadcastTo(value, dimensions);

    /// <summary>Returns an array filled with one number, float32.</summary>
    public static Variable Full(double value, params ReadOnlySpan<Dimension> dimensions) =>
        BroadcastTo(Constant(value, DType.Float32), dimensions);

    /// <summary>Returns an array of zeros, float32: <c>Zeros(DimensionOf(x, 0), 10)</c>.</summary>
    public static Variable Zeros(params ReadOnlySpan<Dimension> dimensions) => Full(0, dimensions);

    /// <summary>Returns an array of ones, float32.</summary>
    public static Variable Ones(params ReadOnlySpan<Dimension> dimensions) => Full(1, dimensions);

    /// <summary>Returns an array of the shape and dtype of x, filled with one number.</summary>
    public static Variable FullLike(Variable x, double value)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Cast(BroadcastLike(Constant(value, x.DType), x), x.DType);
    }

    /// <summary>Returns zeros of the shape and dtype of x.</summary>
    public static Variable ZerosLike(Variable x) => FullLike(x, 0);

    /// <summary>Returns ones of the shape and dtype of x.</summary>
    public static Variable OnesLike(Variable x) => FullLike(x, 1);

    /// <summary>
    /// Returns zeros of the shape and dtype of x. If the shape is known, a function does not need the value of x for
    /// it.
    /// </summary>
    internal static Variable Zero(Variable x) =>
        Cast(BroadcastLike(Constant(0, x.DType), x.Shape.IsKnown ? new ShapeOnly(x.Type) : x), x.DType);

    /// <summary>Returns the integers from 0 to a size (exclusive), as int32.</summary>
    /// <exception cref="EngineException">The size is negative.</exception>
    public static Variable ARange(Dimension stop) => new Iota().Call(stop.Value ?? Constant(stop.Number, DType.Int32));

    /// <summary>
    /// Returns the numbers from <paramref name="start"/> to <paramref name="stop"/> (exclusive) in steps: float32, or,
    /// if all three are integers, int32, or int64 if int32 does not hold them.
    /// </summary>
    /// <exception cref="EngineException">The step is 0, or there are more numbers than an array can have.</exception>
    public static Variable ARange(double start, double stop, double step = 1)
    {
        if (step == 0)
        {
            throw new EngineException($"The step of an ARange cannot be 0.{Origin.Current}");
        }

        double count = Math.Max(0, Math.Ceiling((stop - start) / step));
        if (!(count <= MaxMade))
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"An ARange from {start} to {stop} by {step} would have {count:N0} numbers: it makes {MaxMade:N0} at "
                + $"most. ARange of a size and arithmetic on it make more.{Origin.Current}"));
        }

        double[] numbers = [.. Enumerable.Range(0, (int)count).Select(i => start + (i * step))];
        bool isWhole = double.IsInteger(start) && double.IsInteger(stop) && double.IsInteger(step);
        DType dtype = isWhole && Hold(DType.Int32)
            ? DType.Int32
            : isWhole && Hold(DType.Int64) ? DType.Int64 : DType.Float32;
        return Constant(Tensor.From(numbers).Cast(dtype));

        bool Hold(DType dtype) =>
            numbers.Length == 0 || (Promotion.Holds(dtype, numbers[0]) && Promotion.Holds(dtype, numbers[^1]));
    }

    /// <summary>
    /// Returns evenly spaced numbers from <paramref name="start"/> to <paramref name="stop"/>, both included, float32.
    /// </summary>
    /// <exception cref="EngineException">The count is negative or greater than an array can have.</exception>
    public static Variable LinSpace(double start, double stop, int count) => count is >= 0 and <= MaxMade
        ? Constant(Tensor.From([.. Enumerable.Range(0, count)
            .Select(i => i == 0 ? start : i == count - 1 ? stop : start + ((stop - start) * i / (count - 1)))])
            .Cast(DType.Float32))
        : throw new EngineException(
            $"A LinSpace cannot be of {count} numbers: it makes {MaxMade} at most.{Origin.Current}");

    /// <summary>
    /// Returns a matrix with ones on a diagonal, float32: the main one or the <paramref name="k"/>-th above it.
    /// </summary>
    public static Variable Eye(Dimension rows, Dimension? columns = null, int k = 0) =>
        Cast(Equal(Column(ARange(rows)) + k, ARange(columns ?? rows)), DType.Float32);

    /// <summary>
    /// Returns the <paramref name="k"/>-th diagonal above the main one of a matrix, as a vector; or a matrix of zeros
    /// with a vector on that diagonal.
    /// </summary>
    /// <exception cref="EngineException">x is neither a vector nor a matrix.</exception>
    public static Variable Diag(Variable x, int k = 0)
    {
        ArgumentNullException.ThrowIfNull(x);
        int down = Math.Max(-k, 0), right = Math.Max(k, 0);
        switch (x.Rank)
        {
            case 1:
                Variable indices = ARange(DimensionOf(x, 0)), dimension = DimensionOf(x, 0) + Math.Abs(k);
                Variable zeros = BroadcastTo(Constant(0, x.DType), dimension, dimension);
                return SetSubtensor(zeros[indices + down, indices + right], x);
            case 2:
                Variable along = ARange(Maximum(Minimum(DimensionOf(x, 0) - down, DimensionOf(x, 1) - right), 0));
                return x[along + down, along + right];
            default:
                throw new EngineException($"Diag takes a vector or a matrix, not '{x}' ({x.Type}).{Origin.Current}");
        }
    }

    /// <summary>
    /// Returns x with zeros above the <paramref name="k"/>-th diagonal of its two innermost axes, in the dtype of x.
    /// </summary>
    public static Variable Tril(Variable x, int k = 0) =>
        Cast(Where(IsBelow(x, k), x, Constant(0, x.DType)), x.Widened.DType);

    /// <summary>
    /// Returns x with zeros below the <paramref name="k"/>-th diagonal of its two innermost axes, in the dtype of x.
    /// </summary>
    public static Variable Triu(Variable x, int k = 0) =>
        Cast(Where(IsBelow(x, k - 1), Constant(0, x.DType), x), x.Widened.DType);

    /// <summary>
    /// Returns rows of zeros with a one at the label: labels (…) become (…, classes), float32. A label that is not a
    /// class gives zeros.
    /// </summary>
    public static Variable OneHot(Variable labels, Dimension classes)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return Cast(Equal(ExpandDims(labels, -1), ARange(classes)), DType.Float32);
    }

    internal static Variable IsBelow(Variable x, int k)
    {
        ArgumentNullException.ThrowIfNull(x);
        return GreaterOrEqual(Column(ARange(DimensionOf(x, -2))) + k, ARange(DimensionOf(x, -1)));
    }

    private static Variable Column(Variable x) => DimShuffle(x, 0, NewAxis);
}
