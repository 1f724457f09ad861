using System.Numerics;

namespace Engine.Data;

/// <summary>Prepares images for a network.</summary>
public static class Preprocessing
{
    private const int ImagesAtOnce = 256;

    /// <summary>
    /// Converts images to scaled grayscale: (0.299 R + 0.587 G + 0.114 B) / 255 - 0.5, the luma of ITU-R BT.601, from
    /// -0.5 (black) to 0.5 (white). The sum is computed in integer thousandths and rounded once, so every machine gets
    /// the same bits.
    /// </summary>
    /// <param name="images">The images, uint8 (n, 3, height, width): the planes red, green and blue.</param>
    /// <param name="flat">
    /// Whether the result has the shape (n, height · width) instead of (n, 1, height, width).
    /// </param>
    /// <returns>The scaled images, float32.</returns>
    /// <exception cref="EngineException">The images have another dtype or shape.</exception>
    public static Tensor Grayscale(Tensor images, bool flat = false)
    {
        ArgumentNullException.ThrowIfNull(images);
        Shape shape = images.Shape;
        if (images.DType != DType.UInt8 || shape.Rank != 4 || shape[1] != 3)
        {
            throw new EngineException(
                $"Images to be made gray are uint8 (n, 3, height, width), not {images.TypeText}.");
        }

        int plane = shape[2] * shape[3];
        float[] gray = GC.AllocateUninitializedArray<float>(shape[0] * plane);
        int blocks = (shape[0] + ImagesAtOnce - 1) / ImagesAtOnce;
        Parallel.For(0, blocks, block =>
        {
            ReadOnlySpan<byte> pixels = images.AsSpan<byte>();
            int end = Math.Min((block + 1) * ImagesAtOnce, shape[0]);
            for (int i = block * ImagesAtOnce; i < end; i++)
            {
                GrayImage(pixels.Slice(3 * i * plane, 3 * plane), gray.AsSpan(i * plane, plane));
            }
        });
        return flat ? Tensor.From(gray, shape[0], plane) : Tensor.From(gray, shape[0], 1, shape[2], shape[3]);
    }

    private static void GrayImage(ReadOnlySpan<byte> image, Span<float> gray)
    {
        ReadOnlySpan<byte> red = image[..gray.Length];
        ReadOnlySpan<byte> green = image.Slice(gray.Length, gray.Length);
        ReadOnlySpan<byte> blue = image[(2 * gray.Length)..];
        int i = 0;
        for (; i <= gray.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(red[i..]), out Vector<ushort> redLow, out Vector<ushort> redHigh);
            Vector.Widen(new Vector<byte>(green[i..]), out Vector<ushort> greenLow, out Vector<ushort> greenHigh);
            Vector.Widen(new Vector<byte>(blue[i..]), out Vector<ushort> blueLow, out Vector<ushort> blueHigh);
            GrayBlock(redLow, greenLow, blueLow, gray[i..]);
            GrayBlock(redHigh, greenHigh, blueHigh, gray[(i + Vector<ushort>.Count)..]);
        }

        for (; i < gray.Length; i++)
        {
            gray[i] = (float)((299 * red[i]) + (587 * green[i]) + (114 * blue[i])) / 1000f / 255f - 0.5f;
        }
    }

    private static void GrayBlock(Vector<ushort> red, Vector<ushort> green, Vector<ushort> blue, Span<float> gray)
    {
        Vector.Widen(red, out Vector<uint> redLow, out Vector<uint> redHigh);
        Vector.Widen(green, out Vector<uint> greenLow, out Vector<uint> greenHigh);
        Vector.Widen(blue, out Vector<uint> blueLow, out Vector<uint> blueHigh);
        Scale((redLow * 299) + (greenLow * 587) + (blueLow * 114)).CopyTo(gray);
        Scale((redHigh * 299) + (greenHigh * 587) + (blueHigh * 114)).CopyTo(gray[Vector<uint>.Count..]);
    }

    private static Vector<float> Scale(Vector<uint> thousandths)
    {
        Vector<float> gray = Vector.ConvertToSingle(Vector.AsVectorInt32(thousandths)) / new Vector<float>(1000f);
        return (gray / new Vector<float>(255f)) - new Vector<float>(0.5f);
    }
}
