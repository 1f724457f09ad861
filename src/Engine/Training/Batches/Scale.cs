using System.Globalization;
using Engine.Graph;
using Engine.Layers;

namespace Engine.Training;

/// <summary>Measures how large values are. Layers are made for values around 0 ± 1.</summary>
/// <param name="Min">The smallest value.</param>
/// <param name="Max">The largest value.</param>
/// <param name="Magnitude">The largest root mean square of a column or channel.</param>
internal sealed record Scale(double Min, double Max, double Magnitude)
{
    /// <summary>
    /// A column of samples above or below these was not scaled. Pixels from 0 to 255 have 147, from 0 to 16 they have
    /// 9.
    /// </summary>
    private const double MaxOfSamples = 30, MinOfAny = 1e-3;

    /// <summary>Target values may be larger, because an output layer's bias can learn them.</summary>
    private const double MaxOfTargets = 100;

    /// <summary>The number of samples to measure, evenly spaced over all; fewer if they are large.</summary>
    private const int MinRows = 16, MaxRows = 256, MaxValues = 1 << 18;

    /// <summary>The part of their range by which values may lie beyond bounds that are meant to hold them.</summary>
    private const double MaxNoise = 0.01;

    public bool IsOffForSamples => Magnitude is > MaxOfSamples or (> 0 and < MinOfAny);

    public bool IsOffForTargets => Magnitude is > MaxOfTargets or (> 0 and < MinOfAny);

    /// <summary>Returns whether values lie outside these bounds by more than noise would carry them.</summary>
    public bool Exceeds(double min, double max) =>
        Math.Max(min - Min, Max - max) > MaxNoise * (Max - Min);

    /// <summary>Gets the smallest and the largest as text.</summary>
    public string Range => string.Create(CultureInfo.InvariantCulture, $"{Min:G4} to {Max:G4}");

    /// <summary>
    /// Returns the scale of some rows of floating-point values, (n, …), with the columns along axis 1.
    /// </summary>
    public static Scale Of(Tensor values, int[] rows)
    {
        int columns = values.Shape.Rank > 1 ? values.Shape[1] : 1, row = values.Shape.Product(1, values.Shape.Rank);
        int count = Math.Min(rows.Length, Math.Clamp(MaxValues / row, MinRows, MaxRows)), length = row / columns;
        var squares = new double[columns];
        (double min, double max) = (double.PositiveInfinity, double.NegativeInfinity);
        for (int i = 0; i < count; i++)
        {
            double[] sample = NdArray.From(values.Rows(rows[(int)((long)i * rows.Length / count)], 1)).Data;
            for (int j = 0; j < row; j++)
            {
                squares[j / length] += sample[j] * sample[j] / ((double)count * length);
                (min, max) = (Math.Min(min, sample[j]), Math.Max(max, sample[j]));
            }
        }

        return new Scale(min, max, Math.Sqrt(squares.Max()));
    }

    /// <summary>Returns whether the first layer with weights gets the user's samples unchanged.</summary>
    public static bool IsTakenAsItIs(Network network, BatchIterator iterator) =>
        iterator.Transform is null
        && iterator.Augmentation.All(each => each is RandomCrop or HorizontalFlip or Cutout)
        && TakesAsItIs(network.Layers.Skip(1).Select(layer => layer.Layer));

    /// <summary>Returns whether the first layer that changes the scale of values is a layer with weights.</summary>
    private static bool TakesAsItIs(IEnumerable<Layer> layers) => layers.FirstOrDefault(layer => !HandsOn(layer)) switch
    {
        Dense or Conv2D or Conv1D or RecurrentLayer or Bidirectional => true,
        Sequence sequence => TakesAsItIs(sequence.Layers),
        Residual residual => TakesAsItIs(residual.Body.Layers),
        _ => false,
    };

    private static bool HandsOn(Layer layer) => layer is Flatten or Reshape or Permute or Slice or Pad or Upscale
        or Pool2D or Pool1D or GlobalPool or FeaturePool
        or Dropout or JointDropout or GaussianNoise or PRelu or Bias;
}
