using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Ops;

/// <content>
/// Numbers computed from uniform ones, with the same bits on every device. Integers come from comparisons with sums in
/// float64, in which sums of float32 probabilities are exact. Logarithms, which each device rounds in its own way, are
/// in float64, too: float32 results differ only if they are within 10⁻¹⁵ of the boundary between two numbers.
/// </content>
public sealed partial class RandomStream
{
    /// <summary>Returns the number of successes in a number of independent trials with the same probability.</summary>
    /// <exception cref="EngineException">
    /// A dimension is unknown, the probability is not from 0 to 1, or the number of trials is negative.
    /// </exception>
    public Variable Binomial(Shape shape, double probability = 0.5, int trials = 1, DType dtype = DType.Float32)
    {
        Allow(probability is >= 0 and <= 1, $"A probability is from 0 to 1, not {probability}.");
        AllowShape(shape);
        return Binomial(Full(probability, [.. shape.Select(dimension => (Dimension)dimension)]), trials, dtype);
    }

    /// <summary>
    /// Returns the number of successes in a number of independent trials, for each of an array of probabilities.
    /// </summary>
    /// <exception cref="EngineException">The number of trials is negative.</exception>
    public Variable Binomial(Variable probabilities, int trials = 1, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        AllowCount(trials);
        Variable all = Trials(probabilities, trials);
        return Cast(Sum(Less(Uniform(all), all), [-1]), dtype);
    }

    /// <summary>
    /// Returns how often each class is drawn in a number of trials, for rows of probabilities (…, classes) whose sum is
    /// 1.
    /// </summary>
    /// <exception cref="EngineException">There are no classes, or the number of trials is negative.</exception>
    public Variable Multinomial(Variable probabilities, int trials = 1, DType dtype = DType.Float32)
    {
        Variable drawn = Drawn(probabilities, trials);
        return Cast(Sum(OneHot(drawn, DimensionOf(probabilities, -1)), [-2]), dtype);
    }

    /// <summary>
    /// Draws uniform integers from 0 to a count (exclusive), as int32: independent ones with
    /// <paramref name="replace"/>, otherwise distinct ones.
    /// </summary>
    /// <exception cref="EngineException">
    /// A dimension is unknown; numbers are requested though there are none; or, without replacement, more than there
    /// are.
    /// </exception>
    public Variable Choice(int count, Shape shape, bool replace = true)
    {
        AllowShape(shape);
        Allow(count > 0 || (count == 0 && shape.Count == 0), $"There are no {shape.Count} of {count} to choose.");
        if (replace)
        {
            return Minimum(Cast(Uniform(shape, DType.Float64) * (double)count, DType.Int32), count - 1);
        }

        Allow(shape.Count <= count, $"There are no {shape.Count} different ones of {count} to choose.");
        return Reshape(Permutation(count)[..(int)shape.Count], shape);
    }

    /// <summary>
    /// Draws indices into a vector of probabilities, as int32: independent ones with <paramref name="replace"/>,
    /// otherwise distinct ones, each drawn from the remaining indices (by the Gumbel trick). If there are no others
    /// left, indices of probability 0 follow.
    /// </summary>
    /// <exception cref="EngineException">
    /// There are no probabilities, or the count is negative or, without replacement, greater than their number.
    /// </exception>
    public Variable Choice(Variable probabilities, int count, bool replace = true)
    {
        AllowClasses(probabilities, count);
        return replace
            ? Drawn(probabilities, count)
            : TopK(Log(Cast(probabilities, DType.Float64)) - Log(-Log(1 - Cast(Uniform(probabilities), DType.Float64))),
                count).Indices;
    }

    /// <summary>Returns the integers from 0 to a count (exclusive) in random order, as int32.</summary>
    public Variable Permutation(Dimension count) => ArgSort(Uniform(Cast(ARange(count), DType.Float64)));

    /// <summary>Returns the rows of x in random order.</summary>
    public Variable Shuffle(Variable x) =>
        x is null ? throw new ArgumentNullException(nameof(x)) : x[Permutation(DimensionOf(x, 0))];

    /// <summary>
    /// Draws numbers of the normal distribution with mean 0 and standard deviation 1 that are at most
    /// <paramref name="max"/> standard deviations from the mean. It uses the inverse of the distribution function.
    /// </summary>
    /// <exception cref="EngineException">
    /// A dimension is unknown, <paramref name="max"/> is negative, or the dtype is not a floating-point type.
    /// </exception>
    public Variable TruncatedNormal(Shape shape, double max = 2, DType dtype = DType.Float32)
    {
        Allow(max >= 0, $"Normal numbers are at most some standard deviations from the mean, not {max}.");
        double part = Engine.Ops.Erf.Scalar(max * Math.Sqrt(0.5)).High;
        Variable u = Cast(Uniform(shape, dtype), DType.Float64);
        return Cast(Clip(ErfInv(((u * 2) - 1) * part) * Math.Sqrt(2), -max, max), dtype);
    }

    /// <summary>
    /// Draws indices along the last axis, (…, trials): the number of cumulative probabilities that a uniform number
    /// reaches.
    /// </summary>
    private Variable Drawn(Variable probabilities, int trials)
    {
        AllowClasses(probabilities, trials);
        Variable some = Along(probabilities, probabilities.Rank - 1, ..1);
        Variable u = Cast(
            Uniform(BroadcastTo(some, [.. Enumerable.Repeat<Dimension>(-1, some.Rank - 1), trials])), DType.Float64);
        Variable sums = ExpandDims(CumSum(Cast(probabilities, DType.Float64), -1), -2);
        Variable indices = Sum(GreaterOrEqual(ExpandDims(u, -1), sums), [-1]);
        return Minimum(indices, DimensionOf(probabilities, -1) - 1);
    }

    private static Variable Trials(Variable x, int trials) =>
        BroadcastTo(ExpandDims(x, -1), [.. Enumerable.Repeat<Dimension>(-1, x.Rank), trials]);

    private static void AllowCount(int count) =>
        Allow(count >= 0, $"{count} numbers cannot be drawn: a count is not negative.");

    private static void AllowClasses(Variable probabilities, int count)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        AllowCount(count);
        Allow(
            probabilities.Rank > 0 && probabilities.Shape[-1] != 0,
            $"Classes are drawn by probabilities (…, classes), not by '{probabilities}' ({probabilities.Type}).");
    }

    private static void AllowShape(Shape shape) => Allow(
        shape.IsKnown, $"Random numbers of shape {shape} cannot be drawn: name a variable of that shape instead.");

    /// <summary>Checks an argument.</summary>
    private static void Allow(bool isAllowed, FormattableString problem)
    {
        if (!isAllowed)
        {
            throw new EngineException($"{FormattableString.Invariant(problem)}{Origin.Current}");
        }
    }
}
