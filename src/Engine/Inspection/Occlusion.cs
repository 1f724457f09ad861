using Engine.Training;

namespace Engine.Inspection;

/// <summary>
/// Shows which parts of an image a network needs: it slides a square over the image and records the remaining
/// probability of a class (Zeiler, Fergus: Visualizing and understanding convolutional networks. ECCV 2014, section
/// 4.2; nolearn's <c>occlusion_heatmap</c>).
/// </summary>
public static class Occlusion
{
    /// <summary>Represents the default side of the square, as in nolearn.</summary>
    public const int DefaultSquare = 7;

    /// <summary>The most values of the images in one batch.</summary>
    private const int MaxNumbers = 1 << 20;

    /// <summary>
    /// Returns the output for a class, for a classifier its probability, with the square centered on each pixel in
    /// turn. The square is cut off at the edge of the image; if its side is even, it extends one pixel further up and
    /// to the left.
    /// </summary>
    /// <param name="net">The network.</param>
    /// <param name="image">
    /// The image, (channels, height, width), scaled as the network takes it; a network that takes vectors gets its
    /// pixels as a vector.
    /// </param>
    /// <param name="label">The class or output.</param>
    /// <param name="square">The side of the square.</param>
    /// <param name="value">
    /// The value of all channels in the square: 0, as in nolearn, is gray for pixels from -0.5 to 0.5.
    /// </param>
    /// <returns>float32 (height, width).</returns>
    /// <exception cref="EngineException">The image, the class or the square does not fit.</exception>
    public static Tensor Map(
        NeuralNet net, Tensor image, int label, int square = DefaultSquare, float value = 0) =>
        Map(net, image, label, square, value, step: 1);

    /// <summary>
    /// Returns the same with the square only on each <paramref name="step"/>-th pixel, whose value stands for those
    /// around it: otherwise the network computes as many images as an image has pixels.
    /// </summary>
    internal static Tensor Map(NeuralNet net, Tensor image, int label, int square, float value, int step)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(image);
        net.Initialize();
        using Graph.Gate.Reading reading = net.Read();
        Shape sample = net.Network.Input.Shape, output = net.Probabilities.Shape;
        if (image.Shape.Rank != 3 || image.Shape.Count != sample.Product(1, sample.Rank))
        {
            throw new EngineException(
                $"The image is {image.TypeText} and must be (channels, height, width) with the "
                + $"{sample.Product(1, sample.Rank)} values of a sample {sample}.");
        }

        if (output.Rank != 2 || label < 0 || label >= output[1])
        {
            throw new EngineException($"There is no output {label} to look at: the network gives {output}.");
        }

        (int channels, int height, int width) = (image.Shape[0], image.Shape[1], image.Shape[2]);
        if (square < 1 || !float.IsFinite(value))
        {
            throw new EngineException(square < 1
                ? InvariantText.Of($"The square to cover the image with has a side of at least 1, not {square}.")
                : "The square to cover the image with is filled with a finite number.");
        }

        float[] pixels = image.Cast(DType.Float32).AsSpan<float>().ToArray();
        var map = new Tensor(DType.Float32, [height, width]);

        // A fixed number of positions at a time: all at once would need memory quadratic in the image's size, and each
        // number of samples needs its own plan. The covered images share one buffer: new arrays would stay in memory.
        int[] columns = Pieces(width, step);
        int some = Math.Clamp(MaxNumbers / Math.Max(pixels.Length, 1), 1, columns.Length);
        float[] covered = new float[some * pixels.Length];
        Tensor samples = Tensor.From(covered).Reshape(sample.With(0, some).Dimensions);
        foreach ((int Down, int Left)[] positions in Pieces(height, step)
            .SelectMany(down => columns.Select(left => (down, left))).Chunk(some))
        {
            foreach ((int i, (int down, int left)) in positions.Index())
            {
                Cover(Math.Min(down + (step / 2), height - 1), Math.Min(left + (step / 2), width - 1),
                    covered.AsSpan(i * pixels.Length, pixels.Length));
            }

            ReadOnlySpan<double> outputs = net.PredictProba(samples.Cast(net.Network.Input.DType)).Cast(DType.Float64)
                .AsSpan<double>();
            foreach ((int i, (int down, int left)) in positions.Index())
            {
                for (int row = down; row < Math.Min(down + step, height); row++)
                {
                    map.AsSpan<float>()[((row * width) + left)..((row * width) + Math.Min(left + step, width))]
                        .Fill((float)outputs[(i * output[1]) + label]);
                }
            }
        }

        return map;

        void Cover(int y, int x, Span<float> copy)
        {
            pixels.CopyTo(copy);
            int top = Math.Max(y - (square / 2), 0), bottom = Math.Min(y - (square / 2) + square, height);
            int left = Math.Max(x - (square / 2), 0), right = Math.Min(x - (square / 2) + square, width);
            for (int row = 0; row < channels * height; row++)
            {
                if (row % height >= top && row % height < bottom)
                {
                    copy[((row * width) + left)..((row * width) + right)].Fill(value);
                }
            }
        }
    }

    /// <summary>Returns the beginnings of the pieces of a side.</summary>
    private static int[] Pieces(int side, int step) =>
        [.. Enumerable.Range(0, (side + step - 1) / step).Select(i => i * step)];
}
