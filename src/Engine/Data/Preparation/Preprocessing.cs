using System.Numerics;

namespace Engine.Data;

/// <summary>What is done to images before a network sees them.</summary>
public static class Preprocessing
{
    private const int ImagesAtOnce = 256;

    /// <summary>
    /// The images in grey, scaled: (0.299 R + 0.587 G + 0.114 B) / 255 - 0.5, the luma of ITU-R BT.601, so from -0.5
    /// (black) to 0.5 (white). The sum is taken in whole thousandths and rounded once, so that every machine gets the
    /// same bits.
    /// </summary>
    /// <param name="images">uint8 (n, 3, height, width): the planes red, green and blue.</param>
    /// <param name="flat">Whether the result has the shape (n, height · width) instead of (n, 1, height,
    /// width).</param>
    /// <returns>float32.</returns>
    /// <exception cref="EngineException">The images have another dtype or shape.</exception>
    public static Tensor Greyscale(Tensor images, bool flat = false)
    {
        ArgumentNullException.ThrowIfNull(images);
        Shape shape = images.Shape;
        if (images.DType != DType.UInt8 || shape.Rank != 4 || shape[1] != 3)
        {
            throw new EngineException($"Images to be made grey are uint8 (n, 3, height, width), not {images.TypeText}.");
        }

        int plane = shape[2] * shape[3];
        float[] grey = GC.AllocateUninitializedArray<float>(shape[0] * plane);
        int blocks = (shape[0] + ImagesAtOnce - 1) / ImagesAtOnce;
        Parallel.For(0, blocks, block =>
        {
            ReadOnlySpan<byte> pixels = images.AsSpan<byte>();
            int end = Math.Min((block + 1) * ImagesAtOnce, shape[0]);
            for (int i = block * ImagesAtOnce; i < end; i++)
            {
                GreyImage(pixels.Slice(3 * i * plane, 3 * plane), grey.AsSpan(i * plane, plane));
            }
        });
        return flat ? Tensor.From(grey, shape[0], plane) : Tensor.From(grey, shape[0], 1, shape[2], shape[3]);
    }

    private static void GreyImage(ReadOnlySpan<byte> image, Span<float> grey)
    {
        ReadOnlySpan<byte> red = image[..grey.Length];
        ReadOnlySpan<byte> green = image.Slice(grey.Length, grey.Length);
        ReadOnlySpan<byte> blue = image[(2 * grey.Length)..];
        int i = 0;
        for (; i <= grey.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(red[i..]), out Vector<ushort> redLow, out Vector<ushort> redHigh);
            Vector.Widen(new Vector<byte>(green[i..]), out Vector<ushort> greenLow, out Vector<ushort> greenHigh);
            Vector.Widen(new Vector<byte>(blue[i..]), out Vector<ushort> blueLow, out Vector<ushort> blueHigh);
            GreyBlock(redLow, greenLow, blueLow, grey[i..]);
            GreyBlock(redHigh, greenHigh, blueHigh, grey[(i + Vector<ushort>.Count)..]);
        }

        for (; i < grey.Length; i++)
        {
            grey[i] = (float)((299 * red[i]) + (587 * green[i]) + (114 * blue[i])) / 1000f / 255f - 0.5f;
        }
    }

    private static void GreyBlock(Vector<ushort> red, Vector<ushort> green, Vector<ushort> blue, Span<float> grey)
    {
        Vector.Widen(red, out Vector<uint> redLow, out Vector<uint> redHigh);
        Vector.Widen(green, out Vector<uint> greenLow, out Vector<uint> greenHigh);
        Vector.Widen(blue, out Vector<uint> blueLow, out Vector<uint> blueHigh);
        Scale((redLow * 299) + (greenLow * 587) + (blueLow * 114)).CopyTo(grey);
        Scale((redHigh * 299) + (greenHigh * 587) + (blueHigh * 114)).CopyTo(grey[Vector<uint>.Count..]);
    }

    private static Vector<float> Scale(Vector<uint> thousandths)
    {
        Vector<float> grey = Vector.ConvertToSingle(Vector.AsVectorInt32(thousandths)) / new Vector<float>(1000f);
        return (grey / new Vector<float>(255f)) - new Vector<float>(0.5f);
    }
}
