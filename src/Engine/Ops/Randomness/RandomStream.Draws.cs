using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Ops;

/// <content>
/// What is made of evenly spread numbers, with the same bits on every device: whole numbers by comparisons alone, of sums in float64, in
/// which those of float32 probabilities are exact. Logarithms, which devices round each in its way, are of float64, too, so that results
/// of float32 differ only where they lie within 10⁻¹⁵ of the edge between two.
/// </content>
public sealed partial class RandomStream
{
    /// <summary>Returns how many of so many trials succeed, each by itself with a probability.</summary>
    /// <exception cref="EngineException">A side is unknown.</exception>
    public Variable Binomial(Shape shape, double probability = 0.5, int trials = 1, DType dtype = DType.Float32) =>
        Binomial(Full(probability, [.. shape.Select(side => (Side)side)]), trials, dtype);

    /// <summary>
    /// Returns how many of so many trials succeed, each by itself; for each of an array of probabilities.
    /// </summary>
    public Variable Binomial(Variable probabilities, int trials = 1, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        Variable all = Trials(probabilities, trials);
        return Cast(Sum(Less(Uniform(all), all), [-1]), dtype);
    }

    /// <summary>
    /// Returns how often each class comes in so many draws, for rows of probabilities (…, classes) that sum up to 1.
    /// </summary>
    public Variable Multinomial(Variable probabilities, int trials = 1, DType dtype = DType.Float32)
    {
        Variable drawn = Drawn(probabilities, trials);
        return Cast(Sum(OneHot(drawn, SideOf(probabilities, -1)), [-2]), dtype);
    }

    /// <summary>
    /// Whole numbers from 0 up to, not including, a count, as int32, evenly spread: with <paramref name="replace"/> each by
    /// itself, else no two alike.
    /// </summary>
    /// <exception cref="EngineException">Without replacing, more are wanted than there are.</exception>
    public Variable Choice(int count, Shape shape, bool replace = true)
    {
        if (replace)
        {
            return Minimum(Cast(Uniform(shape, DType.Float64) * (double)count, DType.Int32), count - 1);
        }

        return shape.Count <= count
            ? Reshape(Permutation(count)[..(int)shape.Count], shape)
            : throw new EngineException($"There are no {shape.Count} different ones of {count} to choose.{Origin.Current}");
    }

    /// <summary>
    /// Returns places in a vector of probabilities, as int32: with <paramref name="replace"/> each drawn by itself,
    /// else no two alike, drawn one after the other from those that are left (by Gumbel's trick).
    /// </summary>
    public Variable Choice(Variable probabilities, int count, bool replace = true)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        return replace
            ? Drawn(probabilities, count)
            : TopK(Log(Cast(probabilities, DType.Float64)) - Log(-Log(1 - Cast(Uniform(probabilities), DType.Float64))), count).Indices;
    }

    /// <summary>Returns the whole numbers from 0 up to, not including, a count in random order, as int32.</summary>
    public Variable Permutation(Side count) => ArgSort(Uniform(Cast(ARange(count), DType.Float64)));

    /// <summary>Returns the rows of x in random order.</summary>
    public Variable Shuffle(Variable x) => x is null ? throw new ArgumentNullException(nameof(x)) : x[Permutation(SideOf(x, 0))];

    /// <summary>
    /// Returns numbers of the normal distribution that lie no further than <paramref name="most"/> standard deviations
    /// from the mean, 0 and 1 being these: by the inverse of its distribution.
    /// </summary>
    /// <exception cref="EngineException">A side is unknown, or the dtype is no floating-point type.</exception>
    public Variable TruncatedNormal(Shape shape, double most = 2, DType dtype = DType.Float32)
    {
        double part = Engine.Ops.Erf.Scalar(most * Math.Sqrt(0.5)).High;
        Variable u = Cast(Uniform(shape, dtype), DType.Float64);
        return Cast(Clip(ErfInv(((u * 2) - 1) * part) * Math.Sqrt(2), -most, most), dtype);
    }

    /// <summary>Places along the last axis, (…, trials): how many of the running sums of probabilities a number is not below.</summary>
    private Variable Drawn(Variable probabilities, int trials)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        Variable some = Along(probabilities, probabilities.Rank - 1, ..1);
        Variable u = Cast(Uniform(BroadcastTo(some, [.. Enumerable.Repeat<Side>(-1, some.Rank - 1), trials])), DType.Float64);
        Variable sums = ExpandDims(CumSum(Cast(probabilities, DType.Float64), -1), -2);
        Variable places = Sum(GreaterOrEqual(ExpandDims(u, -1), sums), [-1]);
        return Minimum(places, SideOf(probabilities, -1) - 1);
    }

    private static Variable Trials(Variable x, int trials) =>
        BroadcastTo(ExpandDims(x, -1), [.. Enumerable.Repeat<Side>(-1, x.Rank), trials]);
}
