using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>Computes exp(x) / Σ exp(x) along an axis; a negative one counts from the innermost.</summary>
    /// <inheritdoc cref="Softmax(Variable)"/>
    public static Variable Softmax(Variable x, int axis) => AlongLast(x, axis, Softmax);

    /// <summary>Computes x − log Σ exp(x) along an axis; a negative one counts from the innermost.</summary>
    /// <inheritdoc cref="LogSoftmax(Variable)"/>
    public static Variable LogSoftmax(Variable x, int axis) => AlongLast(x, axis, LogSoftmax);

    /// <summary>
    /// Normalizes each sample's numbers, along the innermost axes: subtracts their mean and divides by the square root
    /// of their variance. Then multiplies by a gain and adds a bias, if there are any (Ba et al., arXiv:1607.06450).
    /// Where the squares of differences from the mean overflow, above 1.8e19 in float32, the variance is infinite and
    /// the result 0. Where the variance is far below <paramref name="epsilon"/>, the result is a difference divided by
    /// the root of epsilon.
    /// </summary>
    /// <param name="x">The variable to normalize.</param>
    /// <param name="gain">Factors, broadcast to x.</param>
    /// <param name="bias">Summands, broadcast to x.</param>
    /// <param name="axes">The number of the innermost axes that belong to one sample.</param>
    /// <param name="epsilon">The number that is added to the variance, so that it is not 0.</param>
    public static Variable LayerNorm(
        Variable x, Variable? gain = null, Variable? bias = null, int axes = 1, double epsilon = 1e-5)
    {
        Variable normal = Normalized(x, InnerAxes(x, axes), epsilon);
        return Scaled(normal, gain, bias);
    }

    /// <summary>
    /// Divides each sample's numbers, along the innermost axes, by the root of the mean of their squares. Then
    /// multiplies by a gain, if there is one (Zhang and Sennrich, arXiv:1910.07467). The limits are those of
    /// <see cref="LayerNorm"/>, of the numbers themselves.
    /// </summary>
    /// <inheritdoc cref="LayerNorm"/>
    public static Variable RmsNorm(Variable x, Variable? gain = null, int axes = 1, double epsilon = 1e-5)
    {
        Shape inner = InnerAxes(x, axes);
        x = Cast(x, x.DType.Floating());
        return Scaled(x / Sqrt(Mean(Square(x), inner, keepDims: true) + epsilon), gain, null);
    }

    /// <summary>
    /// Normalizes images (N, C, …) as <see cref="LayerNorm"/> does, but in groups of channels, each with its own mean
    /// and variance. Then multiplies by a gain and adds a bias for each channel, if there are any (Wu and He,
    /// arXiv:1803.08494). With as many groups as channels it is instance normalization.
    /// </summary>
    /// <param name="x">(N, C, …).</param>
    /// <param name="groups">The number of groups of channels.</param>
    /// <param name="gain">C factors.</param>
    /// <param name="bias">C summands.</param>
    /// <param name="epsilon">The number that is added to the variance, so that it is not 0.</param>
    /// <exception cref="EngineException">
    /// x has no channels, or their number is not a multiple of the groups.
    /// </exception>
    public static Variable GroupNorm(
        Variable x, int groups, Variable? gain = null, Variable? bias = null, double epsilon = 1e-5)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Rank < 2 || groups < 1 || (x.Shape[1] != Shape.Unknown && x.Shape[1] % groups != 0))
        {
            throw new EngineException($"'{x}' ({x.Type}) has no channels that make {groups} groups.{Origin.Current}");
        }

        Variable grouped = Reshape(x, DimensionOf(x, 0), groups, -1);
        Variable normal = Reshape(Normalized(grouped, [2], epsilon), [.. DimensionsOf(x)]);
        return Scaled(normal, OfChannels(gain), OfChannels(bias));

        Variable? OfChannels(Variable? values) =>
            values is null ? null : DimShuffle(values, [0, .. Enumerable.Repeat(NewAxis, x.Rank - 2)]);
    }

    /// <summary>
    /// Computes (x − mean) / √(variance + epsilon)·gain + bias with given numbers: Theano's
    /// <c>batch_normalization_test</c>.
    /// </summary>
    public static Variable BatchNormalization(
        Variable x, Variable gain, Variable bias, Variable mean, Variable variance, double epsilon = 1e-5) =>
        ((x - mean) / Sqrt(variance + epsilon) * gain) + bias;

    private static Variable AlongLast(Variable x, int axis, Func<Variable, Variable> function)
    {
        axis = Axes(x, [axis])[0];
        return axis == x.Rank - 1 ? function(x) : MoveAxis(function(MoveAxis(x, axis, -1)), -1, axis);
    }

    private static Shape InnerAxes(Variable x, int axes)
    {
        ArgumentNullException.ThrowIfNull(x);
        return axes >= 1 && axes <= x.Rank
            ? [.. Enumerable.Range(x.Rank - axes, axes)]
            : throw new EngineException($"'{x}' ({x.Type}) has no {axes} innermost axes to normalize.{Origin.Current}");
    }

    private static Variable Normalized(Variable x, Shape axes, double epsilon)
    {
        x = Cast(x, x.DType.Floating());
        Variable centered = x - Mean(x, axes, keepDims: true);
        return centered / Sqrt(Mean(Square(centered), axes, keepDims: true) + epsilon);
    }

    private static Variable Scaled(Variable x, Variable? gain, Variable? bias)
    {
        x = gain is null ? x : x * gain;
        return bias is null ? x : x + bias;
    }
}
