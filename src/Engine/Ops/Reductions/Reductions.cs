using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>Returns the sum of all elements; 0 if there are none. uint8 and bool are summed as int32.</summary>
    public static Variable Sum(Variable x) => Reduced<Sum>(x, null, false);

    /// <summary>
    /// Returns the sums along some axes; 0 if there are no elements. uint8 and bool are summed as int32.
    /// </summary>
    /// <param name="x">The variable to reduce.</param>
    /// <param name="axes">The axes; a negative one counts from the innermost.</param>
    /// <param name="keepDims">Whether the axes stay with length 1; if not, they are removed.</param>
    /// <exception cref="EngineException">There is no such axis, or it is given twice.</exception>
    public static Variable Sum(Variable x, Shape axes, bool keepDims = false) => Reduced<Sum>(x, axes, keepDims);

    /// <summary>
    /// Returns the mean of all elements, in floating point: float32 for integers. It is NaN if there are no elements,
    /// and infinite if their sum is, as in NumPy.
    /// </summary>
    public static Variable Mean(Variable x) => Mean(x, null, false);

    /// <summary>
    /// Returns the means along some axes, in floating point: float32 for integers. They are NaN if there are no
    /// elements, and infinite where the sum is.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    public static Variable Mean(Variable x, Shape axes, bool keepDims = false) => Mean(x, (Shape?)axes, keepDims);

    /// <summary>
    /// Returns the largest element; NaN if there is one. As in Theano, every element that equals it gets the whole
    /// gradient.
    /// </summary>
    /// <exception cref="EngineException">When the function is called: there are no elements.</exception>
    public static Variable Max(Variable x) => Reduced<Max>(x, null, false);

    /// <summary>
    /// Returns the largest elements along some axes; NaN where there is one. As in Theano, every element that equals
    /// the largest gets the whole gradient.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    /// <exception cref="EngineException">There is no such axis, it is given twice, or it has no elements.</exception>
    public static Variable Max(Variable x, Shape axes, bool keepDims = false) => Reduced<Max>(x, axes, keepDims);

    /// <summary>
    /// Returns the smallest element; NaN if there is one. As in Theano, every element that equals it gets the whole
    /// gradient.
    /// </summary>
    /// <exception cref="EngineException">When the function is called: there are no elements.</exception>
    public static Variable Min(Variable x) => Reduced<Min>(x, null, false);

    /// <summary>
    /// Returns the smallest elements along some axes; NaN where there is one. As in Theano, every element that equals
    /// the smallest gets the whole gradient.
    /// </summary>
    /// <inheritdoc cref="Sum(Variable, Shape, bool)"/>
    /// <exception cref="EngineException">There is no such axis, it is given twice, or it has no elements.</exception>
    public static Variable Min(Variable x, Shape axes, bool keepDims = false) => Reduced<Min>(x, axes, keepDims);

    /// <summary>Returns the axes of x, counted from the outermost, in order; null stands for all of them.</summary>
    /// <exception cref="EngineException">There is no such axis, or it is given twice.</exception>
    internal static Shape Axes(Variable x, Shape? axes)
    {
        ArgumentNullException.ThrowIfNull(x);
        int[] all = [.. Enumerable.Range(0, x.Rank)];
        if (axes is null)
        {
            return Shape.Create(all);
        }

        int[] chosen = [.. axes.Value.Select(axis => axis < 0 ? axis + x.Rank : axis).Order()];
        foreach (int axis in axes.Value)
        {
            if (axis < -x.Rank || axis >= x.Rank)
            {
                throw new EngineException($"'{x}' ({x.Type}) has no axis {axis}.{Origin.Current}");
            }
        }

        return chosen.Distinct().Count() == chosen.Length
            ? Shape.Create(chosen)
            : throw new EngineException($"The axes {axes} of '{x}' ({x.Type}) name one twice.{Origin.Current}");
    }

    private static Variable Reduced<TRow>(Variable x, Shape? axes, bool keepDims, bool takesNone = false)
        where TRow : struct, IReduction
    {
        Shape reduced = Axes(x, axes);
        x = Cast(x, x.DType.Computes());
        if (reduced.Rank == 0)
        {
            return x;
        }

        Variable y = new Reduce<TRow>(reduced, TakesNone: takesNone).Call(x);
        return keepDims ? y : DimShuffle(y, [.. Enumerable.Range(0, x.Rank).Except(reduced)]);
    }

    private static Variable Mean(Variable x, Shape? axes, bool keepDims)
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Floating());
        return Reduced<Sum>(x, axes, keepDims) / Count(x, axes);
    }
}
