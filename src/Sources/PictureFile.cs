using Engine.Data.Pictures;

namespace Engine.Data;

/// <summary>Reads single pictures, PNG or JPEG, for models.</summary>
public static class PictureFile
{
    /// <summary>Reads a picture as a model's input.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="inputs">The preparation of the model's pictures.</param>
    /// <returns>A table of one row, to predict.</returns>
    /// <exception cref="EngineException">It cannot be read, or the model does not take pictures.</exception>
    public static Table Read(string path, Preparation inputs) => Read(path, PictureReader.Bytes(path), inputs);

    /// <summary>Reads a picture from the bytes of a file.</summary>
    /// <param name="name">The name of the picture in messages.</param>
    /// <param name="bytes">The file's bytes.</param>
    /// <param name="inputs">The preparation of the model's pictures.</param>
    /// <param name="maxPixels">The maximum number of pixels.</param>
    /// <inheritdoc cref="Read(string, Preparation)"/>
    public static Table Read(string name, byte[] bytes, Preparation inputs, long maxPixels = PictureReader.MaxPixels)
    {
        ScaledPlanes planes = Of(inputs);
        int side = planes.Size[1];
        byte[] pixels = new byte[3 * side * side];
        PictureReader.Read(name, bytes, side, pixels, maxPixels);
        return new Table(new TensorColumn(planes.Column, Fit(Tensor.From(pixels, 1, 3, side, side), inputs)));
    }

    /// <summary>
    /// Returns whether a model's input is pictures as this class reads them: squares, gray or in color.
    /// </summary>
    public static bool Takes(Preparation inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return inputs.Transforms is [ScaledPlanes { Size: [1 or 3, var height, var width] }] && height == width;
    }

    /// <summary>Returns the side in pixels of a model's pictures.</summary>
    internal static int Side(Preparation inputs) => Of(inputs).Size[1];

    /// <summary>
    /// Converts color pictures, uint8 (n, 3, height, width), to a model's input: to gray if it has one channel.
    /// </summary>
    internal static Tensor Fit(Tensor pictures, Preparation inputs) =>
        Of(inputs).Size[0] == 1 ? Gray(pictures) : pictures;

    /// <summary>
    /// Returns pictures in gray, uint8 (n, 1, height, width): 0.299 R + 0.587 G + 0.114 B, the luma of ITU-R BT.601.
    /// </summary>
    internal static Tensor Gray(Tensor pictures)
    {
        Shape shape = pictures.Shape;
        int plane = shape[2] * shape[3];
        byte[] gray = new byte[shape[0] * plane];
        Parallel.For(0, shape[0],
            i => Gray(pictures.AsSpan<byte>().Slice(3 * i * plane, 3 * plane), gray.AsSpan(i * plane, plane)));
        return Tensor.From(gray, shape[0], 1, shape[2], shape[3]);
    }

    /// <summary>Converts one picture to gray.</summary>
    internal static void Gray(ReadOnlySpan<byte> planes, Span<byte> gray)
    {
        int plane = gray.Length;
        for (int i = 0; i < plane; i++)
        {
            gray[i] =
                (byte)(((299 * planes[i]) + (587 * planes[plane + i]) + (114 * planes[(2 * plane) + i]) + 500) / 1000);
        }
    }

    private static ScaledPlanes Of(Preparation inputs) => Takes(inputs)
        ? (ScaledPlanes)inputs.Transforms[0]
        : throw new EngineException("The model takes no pictures: it was trained on "
            + $"{Table.Some(inputs.Transforms.Select(transform => transform.Column))}.");
}
