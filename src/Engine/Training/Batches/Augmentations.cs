using System.Globalization;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Pads each image with zeros and crops it to its old size at a random offset. This moves the image by up to
/// <see cref="Padding"/> pixels in each direction; all offsets are equally likely (He, Zhang, Ren, Sun: Deep residual
/// learning. CVPR 2016, with a padding of 4).
/// </summary>
public sealed record RandomCrop : Augmentation
{
    /// <summary>Creates a random crop of images that are padded with this many zeros on each side.</summary>
    /// <exception cref="EngineException">The padding is negative or too large.</exception>
    public RandomCrop(int padding) => Padding = padding is >= 0 and < 1 << 20
        ? padding
        : throw new EngineException($"RandomCrop pads by 0 pixels or more, not {padding}.");

    /// <summary>Gets the number of zeros on each side.</summary>
    public int Padding { get; }

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    public override Variable Build(Variable samples, RandomStream random)
    {
        RequireImages(samples);
        Variable down = Way(), right = Way();
        return Symbolic.MoveImages(samples, down, right, Symbolic.Zero(down));

        Variable Way() =>
            Symbolic.Cast(Uniform(samples, random) * ((2 * Padding) + 1), DType.Int32) - Padding;
    }
}

/// <summary>Mirrors each image left to right with a given probability.</summary>
public sealed record HorizontalFlip : Augmentation
{
    /// <summary>Creates a flip with this probability.</summary>
    /// <exception cref="EngineException">The number is not a probability.</exception>
    public HorizontalFlip(double probability = 0.5) => Probability = probability is >= 0 and <= 1
        ? probability
        : throw new EngineException(string.Create(
            CultureInfo.InvariantCulture, $"A probability is from 0 to 1; {probability} is none."));

    /// <summary>Gets the probability that an image is mirrored.</summary>
    public double Probability { get; }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(HorizontalFlip), PrintMembers);

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    public override Variable Build(Variable samples, RandomStream random)
    {
        RequireImages(samples);
        Variable mirror = Symbolic.Cast(Symbolic.Less(Uniform(samples, random), Probability), DType.Int32);
        return Symbolic.MoveImages(samples, Symbolic.Zero(mirror), Symbolic.Zero(mirror), mirror);
    }
}

/// <summary>
/// Sets a square of each image to 0 in all channels. All pixels are equally likely to be its center, so a part of it
/// may lie outside the image (DeVries, Taylor: Improved regularization of convolutional neural networks with cutout.
/// arXiv:1708.04552).
/// </summary>
public sealed record Cutout : Augmentation
{
    /// <summary>Creates a cutout of squares with this side.</summary>
    /// <exception cref="EngineException">The side is not positive.</exception>
    public Cutout(int size) => Size = size > 0
        ? size
        : throw new EngineException($"Cutout takes out squares of 1 pixel or more, not {size}.");

    /// <summary>
    /// Gets the square's side, in pixels. If it is even, the center is the pixel below and right of the middle.
    /// </summary>
    public int Size { get; }

    /// <inheritdoc/>
    public override bool IsRandom => true;

    /// <inheritdoc/>
    public override Variable Build(Variable samples, RandomStream random)
    {
        RequireImages(samples);
        double reach = (Size - 1) / 2.0;
        Variable distance = Symbolic.Maximum(Distance(axis: 2), Distance(axis: 3));
        return Symbolic.Where(Symbolic.Greater(distance, reach), samples, 0.0);

        // The distance of rows, or columns, from the center of an image's square.
        Variable Distance(int axis)
        {
            int side = samples.Shape[axis];
            Variable pixel = Symbolic.Floor(Symbolic.DimShuffle(Uniform(samples, random), 0, -1, -1, -1) * side);
            Variable middle = pixel + (reach - (Size / 2));
            double[] pixels = [.. Enumerable.Range(0, side).Select(i => (double)i)];
            Tensor line = Tensor.From(pixels).Cast(samples.DType)
                .Reshape(axis == 2 ? [1, 1, side, 1] : [1, 1, 1, side]);
            return Symbolic.Abs(Symbolic.Constant(line) - middle);
        }
    }
}

/// <summary>
/// Computes (x − mean) / deviation for each channel of images, or each column of other samples. It belongs to training,
/// validation and prediction alike: put it into both batch iterators.
/// </summary>
public sealed record Normalize : Augmentation
{
    /// <summary>The distance from 1 to the next number of float64.</summary>
    private const double Rounding = 1.0 / (1L << 52);

    private readonly double[] _mean;
    private readonly double[] _std;

    /// <summary>Creates a normalization with these means and standard deviations.</summary>
    /// <param name="mean">The mean of each channel, or one number for all.</param>
    /// <param name="std">The standard deviations, as many as there are means.</param>
    /// <exception cref="EngineException">
    /// The numbers of means and deviations differ, or a deviation is not greater than 0.
    /// </exception>
    public Normalize(IEnumerable<double> mean, IEnumerable<double> std)
    {
        (_mean, _std) = ([.. mean], [.. std]);
        if (_mean.Length == 0 || _mean.Length != _std.Length)
        {
            throw new EngineException(
                $"Normalize has {_mean.Length} means and {_std.Length} deviations: each channel or column needs both.");
        }

        for (int i = 0; i < _mean.Length; i++)
        {
            if (!double.IsFinite(_mean[i]) || !(_std[i] > 0 && double.IsFinite(_std[i])))
            {
                throw new EngineException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Normalize takes a mean and a deviation greater than 0, not {_mean[i]} and {_std[i]} "
                    + $"(number {i}, of a channel or column)."));
            }
        }
    }

    /// <summary>Creates a normalization with one mean and one standard deviation.</summary>
    /// <exception cref="EngineException">The deviation is not greater than 0.</exception>
    public Normalize(double mean, double std) : this([mean], [std])
    {
    }

    /// <summary>Gets the mean of each channel, or one for all.</summary>
    public IReadOnlyList<double> Mean => _mean;

    /// <summary>Gets the standard deviation of each channel, or one for all.</summary>
    public IReadOnlyList<double> Std => _std;

    /// <inheritdoc/>
    public override bool IsRandom => false;

    /// <summary>
    /// Returns the normalization that gives these samples, usually the training samples, mean 0 and deviation 1. A
    /// channel or column of equal values gets the deviation 1, as in scikit-learn's StandardScaler, and so becomes 0.
    /// </summary>
    /// <param name="samples">Finite samples in floating point, (n, channels, …) or (n, columns).</param>
    /// <exception cref="EngineException">There are none, or one has a value that is not finite.</exception>
    public static Normalize Of(Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Shape.Rank < 2 || samples.Shape.Count == 0 || !samples.DType.IsFloat())
        {
            throw new EngineException(
                "Means and deviations are taken of samples in floating point, (n, channels, …), not of "
                + $"{samples.TypeText}.");
        }

        Samples.RequireFinite(samples, "x");
        int channels = samples.Shape[1], length = samples.Shape.Product(2, samples.Shape.Rank);
        var sums = new double[channels];
        var squares = new double[channels];
        NdArray values = NdArray.From(samples);
        double count = (double)samples.Shape[0] * length;
        ForEach((channel, value) => sums[channel] += value);
        double[] means = [.. sums.Select(sum => sum / count)];
        ForEach((channel, value) => squares[channel] += (value - means[channel]) * (value - means[channel]));
        return new Normalize(means, squares.Select((sum, channel) => Std(sum / count, means[channel])));

        // Rounding gives equal values a variance. StandardScaler treats values as equal up to this one.
        double Std(double variance, double mean) =>
            variance <= (count * Rounding * variance) + Math.Pow(count * mean * Rounding, 2) ? 1 : Math.Sqrt(variance);

        void ForEach(Action<int, double> body)
        {
            for (int i = 0; i < values.Data.Length; i++)
            {
                body(i / length % channels, values.Data[i]);
            }
        }
    }

    /// <inheritdoc/>
    public override Variable Build(Variable samples, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Rank < 2 || !samples.DType.IsFloat() || (_mean.Length != 1 && _mean.Length != samples.Shape[1]))
        {
            throw new EngineException(
                $"Normalize of {_mean.Length} channels takes samples in floating point, (n, {_mean.Length}, …), "
                + $"and the Input layer takes {samples.Type}.");
        }

        return (samples - Along(_mean)) / Along(_std);

        Variable Along(double[] values) => Symbolic.Constant(Tensor.From(values).Cast(samples.DType).Reshape(
            [1, values.Length, .. Enumerable.Repeat(1, samples.Rank - 2)]));
    }

    /// <inheritdoc/>
    public bool Equals(Normalize? other) =>
        other is not null && _mean.AsSpan().SequenceEqual(other._mean)
        && _std.AsSpan().SequenceEqual(other._std);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_mean.Length, _mean[0], _std[0]);

    /// <summary>Returns the means and the deviations.</summary>
    public override string ToString() => RecordText.Invariant(
        () => $"Normalize(({string.Join(", ", _mean)}), ({string.Join(", ", _std)}))");
}
