using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns the product of all elements; 1 if there are none. uint8 and bool are multiplied as int32.
    /// </summary>
    public static Variable Prod(Variable x) => Reduced<Prod>(x, null, false);

    /// <summary>
    /// Returns the products along some axes; 1 where there is nothing to multiply. uint8 and bool are multiplied as
    /// int32.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Prod(Variable x, Shape axes, bool keepDims = false) => Reduced<Prod>(x, axes, keepDims);

    /// <summary>
    /// Returns the mean of the squares of what differs from the mean, along some axes or of all elements: the sum
    /// divided by their number less <paramref name="ddof"/>.
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
    /// Returns the root of <see cref="Var"/>. Where all elements are equal, its gradient is taken as 0.
    /// </summary>
    /// <inheritdoc cref="Var"/>
    public static Variable Std(Variable x, Shape? axes = null, bool keepDims = false, double ddof = 0) =>
        Sqrt(Var(x, axes, keepDims, ddof));

    /// <summary>
    /// Returns the norm (Σ|x|ᵒʳᵈᵉʳ)^(1/order) along some axes or of all elements; for an infinite order the greatest
    /// magnitude (−∞: the least), for 0 the number of elements that are not 0.
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
                x, axes, keepDims, scaled => Power(Reduced<Sum>(Power(Abs(scaled), order), axes, keepDims: true), 1 / order)),
            _ => Power(Reduced<Sum>(Power(Abs(x), order), axes, keepDims), 1 / order),
        };
    }

    /// <summary>
    /// A norm of what is divided by the sum of its magnitudes, times that: powers overflow, and are 0, where a norm is neither.
    /// </summary>
    private static Variable OfScaled(Variable x, Shape? axes, bool keepDims, Func<Variable, Variable> norm)
    {
        Variable sum = DisconnectedGrad(Reduced<Sum>(Abs(x), axes, keepDims: true));
        Variable scale = Where(And(Greater(sum, 0), Less(sum, double.PositiveInfinity)), sum, 1);
        Variable whole = norm(x / scale) * scale;
        return keepDims ? whole : Squeeze(whole, (Shape?)Axes(x, axes));
    }

    /// <summary>
    /// Computes log Σ exp(x) along some axes or of all elements, which neither overflows nor vanishes.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable LogSumExp(Variable x, Shape? axes = null, bool keepDims = false)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        Shape reduced = Axes(x, axes);
        Variable greatest = DisconnectedGrad(Reduced<Max>(x, reduced, keepDims: true));

        // Of infinite ones nothing can be taken away: ∞ − ∞ is NaN.
        Variable shift = Where(Less(Abs(greatest), double.PositiveInfinity), greatest, 0);
        Variable sum = Log(Reduced<Sum>(Exp(x - shift), reduced, keepDims: true)) + shift;
        return keepDims ? sum : DimShuffle(sum, [.. Enumerable.Range(0, x.Rank).Except(reduced)]);
    }

    /// <summary>
    /// Returns true where one element along some axes, or of all, is true, which is not 0, else false.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Any(Variable x, Shape? axes = null, bool keepDims = false) =>
        NotEqual(Reduced<Sum>(Cast(NotEqual(x, 0), DType.Int32), axes, keepDims), 0);

    /// <summary>
    /// Returns true where all elements along some axes, or all there are, are true, which is not 0, else false.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable All(Variable x, Shape? axes = null, bool keepDims = false) =>
        Equal(Reduced<Sum>(Cast(Equal(x, 0), DType.Int32), axes, keepDims), 0);

    /// <summary>Returns the greatest element less the least, along some axes or of all: Theano's <c>ptp</c>.</summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable PeakToPeak(Variable x, Shape? axes = null, bool keepDims = false) =>
        Reduced<Max>(x, axes, keepDims) - Reduced<Min>(x, axes, keepDims);

    /// <summary>Returns the index, in C order, of the greatest of all elements, as int32.</summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMax(Variable x) => ArgMax(Flatten(x, 1), 0);

    /// <summary>
    /// Returns the index of the least element along an axis, which is dropped, as int32: of equals the first, and of
    /// NaNs the first before all numbers.
    /// </summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMin(Variable x, int axis)
    {
        ArgumentNullException.ThrowIfNull(x);
        return ArgMax(x.DType.IsFloat() ? -x : -1 - Cast(x, x.DType.Computes()), axis);
    }

    /// <summary>Returns the index, in C order, of the least of all elements, as int32.</summary>
    /// <inheritdoc cref="ArgMax(Variable, int)"/>
    public static Variable ArgMin(Variable x) => ArgMin(Flatten(x, 1), 0);
}
