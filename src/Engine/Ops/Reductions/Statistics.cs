using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns the product of all elements; 1 if there are none. uint8 and bool are multiplied as int32.
    /// </summary>
    public static Variable Prod(Variable x) => Reduced<Prod>(x, null, false);

    /// <summary>
    /// Returns the products along some axes; 1 if there are no elements. uint8 and bool are multiplied as int32.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Prod(Variable x, Shape axes, bool keepDims = false) => Reduced<Prod>(x, axes, keepDims);

    /// <summary>
    /// Returns the variance along some axes or of all elements: the sum of the squared differences from the mean,
    /// divided by the number of elements minus <paramref name="ddof"/>. Squares of differences overflow above 1.8e19 in
    /// float32 (1.3e154 in float64) and underflow below 2.6e-23 (1.6e-162): then it is infinite or 0.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Var(Variable x, Shape? axes = null, bool keepDims = false, double ddof = 0)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        Variable squares = Square(x - Mean(x, (Shape?)Axes(x, axes), keepDims: true));
        return ddof == 0
            ? Mean(squares, axes, keepDims)
            : Reduced<Sum>(squares, axes, keepDims) / (Count(x, axes) - ddof);
    }

    /// <summary>
    /// Returns the standard deviation, the square root of <see cref="Var"/>; the squares do not overflow. If all
    /// elements are equal, its gradient is taken as 0.
    /// </summary>
    /// <inheritdoc cref="Var"/>
    public static Variable Std(Variable x, Shape? axes = null, bool keepDims = false, double ddof = 0)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        Variable norm = Norm(x - Mean(x, (Shape?)Axes(x, axes), keepDims: true), 2, axes, keepDims);
        return norm / Sqrt(Count(x, axes) - ddof);
    }

    /// <summary>
    /// Returns the norm (Σ|x|ᵒʳᵈᵉʳ)^(1/order) along some axes or of all elements. For an infinite order it is the
    /// largest magnitude (−∞: the smallest), for 0 the number of elements that are not 0.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Norm(Variable x, double order = 2, Shape? axes = null, bool keepDims = false)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        return order switch
        {
            double.PositiveInfinity => Reduced<Max>(Abs(x), axes, keepDims),
            double.NegativeInfinity => Reduced<Min>(Abs(x), axes, keepDims),
            0 => Reduced<Sum>(Cast(NotEqual(x, 0), x.DType), axes, keepDims),
            1 => Reduced<Sum>(Abs(x), axes, keepDims),
            2 => OfScaled(x, axes, keepDims, scaled => Sqrt(Reduced<Sum>(Square(scaled), axes, keepDims: true))),
            > 0 => OfScaled(
                x, axes, keepDims,
                scaled => Power(Reduced<Sum>(Power(Abs(scaled), order), axes, keepDims: true), 1 / order)),
            _ => 1 / Norm(1 / x, -order, axes, keepDims),
        };
    }

    /// <summary>
    /// Computes a norm of x divided by its largest magnitude, and multiplies it by that: powers of x itself could
    /// overflow or underflow where the norm does not.
    /// </summary>
    private static Variable OfScaled(Variable x, Shape? axes, bool keepDims, Func<Variable, Variable> norm)
    {
        Variable max = DisconnectedGrad(Reduced<Max>(Abs(x), axes, keepDims: true, takesNone: true));
        Variable scale = Where(And(Greater(max, 0), Less(max, double.PositiveInfinity)), max, 1);
        Variable whole = norm(x / scale) * scale;
        return keepDims ? whole : Squeeze(whole, (Shape?)Axes(x, axes));
    }

    /// <summary>
    /// Computes log Σ exp(x) along some axes or of all elements, without overflow and underflow; −∞ if there are none.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable LogSumExp(Variable x, Shape? axes = null, bool keepDims = false)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        Shape reduced = Axes(x, axes);
        Variable largest = DisconnectedGrad(Reduced<Max>(x, reduced, keepDims: true, takesNone: true));

        // An infinite maximum is not subtracted: ∞ − ∞ is NaN.
        Variable shift = Where(Less(Abs(largest), double.PositiveInfinity), largest, 0);
        Variable sum = Log(Reduced<Sum>(Exp(x - shift), reduced, keepDims: true)) + shift;
        return keepDims ? sum : DimShuffle(sum, [.. Enumerable.Range(0, x.Rank).Except(reduced)]);
    }

    /// <summary>
    /// Returns true where at least one element along some axes, or of all elements, is true (not 0), otherwise false.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Any(Variable x, Shape? axes = null, bool keepDims = false) =>
        NotEqual(Reduced<Sum>(Cast(NotEqual(x, 0), DType.Int32), axes, keepDims), 0);

    /// <summary>
    /// Returns true where all elements along some axes, or all elements, are true (not 0), otherwise false.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable All(Variable x, Shape? axes = null, bool keepDims = false) =>
        Equal(Reduced<Sum>(Cast(Equal(x, 0), DType.Int32), axes, keepDims), 0);

    /// <summary>
    /// Returns the largest element minus the smallest, along some axes or of all elements: Theano's <c>ptp</c>.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable PeakToPeak(Variable x, Shape? axes = null, bool keepDims = false) =>
        Reduced<Max>(x, axes, keepDims) - Reduced<Min>(x, axes, keepDims);

    /// <summary>Returns the index, in C order, of the largest of all elements, as int32.</summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMax(Variable x) => ArgMax(Flatten(x, 1), 0);

    /// <summary>
    /// Returns the index, in C order over some axes, of the largest element along them, as int32. The axes are
    /// removed. If several are equal, the first counts. NaN is greater than all numbers.
    /// </summary>
    /// <param name="x">The variable to search.</param>
    /// <param name="axes">The axes; a negative one counts from the innermost.</param>
    /// <param name="keepDims">Whether the axes stay with length 1; if not, they are removed.</param>
    /// <exception cref="EngineException">There is no such axis, it is given twice, or one has no elements.</exception>
    public static Variable ArgMax(Variable x, Shape axes, bool keepDims = false) =>
        AlongJoined(x, axes, keepDims, ArgMax);

    /// <summary>
    /// Returns the index of the smallest element along an axis, which is removed, as int32. If several are equal, the
    /// first counts. NaN is less than all numbers.
    /// </summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMin(Variable x, int axis)
    {
        ArgumentNullException.ThrowIfNull(x);
        return ArgMax(x.DType.IsFloat() ? -x : -1 - Cast(x, x.DType.Computes()), axis);
    }

    /// <summary>Returns the index, in C order, of the smallest of all elements, as int32.</summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMin(Variable x) => ArgMin(Flatten(x, 1), 0);

    /// <summary>
    /// Returns the index, in C order over some axes, of the smallest element along them, as int32. The axes are
    /// removed.
    /// </summary>
    /// <inheritdoc cref="ArgMax(Variable, Shape, bool)"/>
    public static Variable ArgMin(Variable x, Shape axes, bool keepDims = false) =>
        AlongJoined(x, axes, keepDims, ArgMin);

    /// <summary>Applies a function along one axis to some axes, moved to the end and joined to one.</summary>
    private static Variable AlongJoined(Variable x, Shape axes, bool keepDims, Func<Variable, int, Variable> function)
    {
        Shape joined = Axes(x, axes);
        int[] kept = [.. Enumerable.Range(0, x.Rank).Except(joined)];
        Variable rows = Reshape(Ordered(x, [.. kept, .. joined]),
            [.. kept.Select(axis => (Dimension)DimensionOf(x, axis)), Joined(x, joined)]);
        Variable y = function(rows, kept.Length);
        return keepDims
            ? DimShuffle(
                y, [.. Enumerable.Range(0, x.Rank)
                    .Select(axis => Array.IndexOf(kept, axis) is >= 0 and var index ? index : NewAxis)])
            : y;
    }
}
