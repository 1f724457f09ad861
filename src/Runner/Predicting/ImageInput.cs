using Engine.Data;
using Engine.Runner.Description;

namespace Engine.Runner;

/// <summary>Converts images to a network's input: gray or in color, as rows of pixels or as planes.</summary>
internal static class ImageInput
{
    /// <summary>The side of the images.</summary>
    public const int Side = 32;

    /// <summary>
    /// Returns the images for the network's input layer, from -0.5 (black) to 0.5 (white): in gray for one plane or
    /// 1,024 numbers, in color for three planes or 3,072 numbers.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="images">uint8 (n, 3, 32, 32).</param>
    /// <exception cref="EngineException">The network's input is images of another size.</exception>
    public static Tensor Prepare(NetworkDescription network, Tensor images)
    {
        RequireFit(network);
        return network.InputDimensions switch
        {
            [Side * Side] => Preprocessing.Grayscale(images, flat: true),
            [1, ..] => Preprocessing.Grayscale(images),
            _ => Colors(images, [images.Shape[0], .. network.InputDimensions]),
        };
    }

    /// <summary>Returns whether the network's input is gray.</summary>
    public static bool IsGray(NetworkDescription network) => network.InputDimensions is [Side * Side] or [1, ..];

    /// <summary>Refuses a network for images of another size.</summary>
    public static void RequireFit(NetworkDescription network)
    {
        if (network.InputDimensions is not ([Side * Side] or [3 * Side * Side] or [1 or 3, Side, Side]))
        {
            throw new EngineException(
                $"{network.Path}, line {network.Layers[0].Line}: "
                + $"shape of the input layer is {string.Join('x', network.InputDimensions)}, "
                + "but the images are 1x32x32 or 1024 in gray, 3x32x32 or 3072 in color.");
        }
    }

    private static Tensor Colors(Tensor images, int[] sides)
    {
        float[] scaled = GC.AllocateUninitializedArray<float>(checked((int)images.Shape.Count));
        int row = scaled.Length / Math.Max(images.Shape[0], 1);
        Parallel.For(0, images.Shape[0], i =>
        {
            ReadOnlySpan<byte> from = images.AsSpan<byte>().Slice(i * row, row);
            Span<float> to = scaled.AsSpan(i * row, row);
            for (int j = 0; j < row; j++)
            {
                to[j] = (from[j] / 255f) - 0.5f;
            }
        });
        return Tensor.From(scaled, sides);
    }
}
