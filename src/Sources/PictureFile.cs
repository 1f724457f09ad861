using Engine.Data.Pictures;

namespace Engine.Data;

/// <summary>Single pictures, PNG or JPEG, as models take them.</summary>
public static class PictureFile
{
    /// <summary>Reads a picture as a model takes it.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="inputs">What prepares the model's pictures.</param>
    /// <returns>A table of one row, to predict.</returns>
    /// <exception cref="EngineException">It cannot be read, or the model does not take pictures.</exception>
    public static Table Read(string path, Preparation inputs) => Read(path, IO.ReadableFile.ReadAllBytes(path), inputs);

    /// <summary>Reads a picture from the bytes of a file.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="bytes">The file's bytes.</param>
    /// <param name="inputs">What prepares the model's pictures.</param>
    /// <param name="maxPixels">A picture of more pixels is refused.</param>
    /// <inheritdoc cref="Read(string, Preparation)"/>
    public static Table Read(string name, byte[] bytes, Preparation inputs, long maxPixels = PictureReader.MaxPixels)
    {
        ScaledPlanes planes = Of(inputs);
        int side = planes.Size[1];
        byte[] pixels = new byte[3 * side * side];
        PictureReader.Read(name, bytes, side, pixels, maxPixels);
        return new Table(new TensorColumn(planes.Column, Fit(Tensor.From(pixels, 1, 3, side, side), inputs)));
    }

    /// <summary>Returns whether a model takes pictures as this reads them: gray or in color, squares.</summary>
    public static bool Takes(Preparation inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return inputs.Transforms is [ScaledPlanes { Size: [1 or 3, var height, var width] }] && height == width;
    }

    /// <summary>How many pixels wide and high a model's pictures are.</summary>
    internal static int Side(Preparation inputs) => Of(inputs).Size[1];

    /// <summary>Pictures in color, uint8 (n, 3, height, width), as a model takes them: gray where it takes one channel.</summary>
    internal static Tensor Fit(Tensor pictures, Preparation inputs) => Of(inputs).Size[0] == 1 ? Gray(pictures) : pictures;

    /// <summary>Pictures in gray, uint8 (n, 1, height, width): 0.299 R + 0.587 G + 0.114 B, the luma of ITU-R BT.601.</summary>
    internal static Tensor Gray(Tensor pictures)
    {
        Shape shape = pictures.Shape;
        int plane = shape[2] * shape[3];
        byte[] gray = new byte[shape[0] * plane];
        Parallel.For(0, shape[0], i => Gray(pictures.AsSpan<byte>().Slice(3 * i * plane, 3 * plane), gray.AsSpan(i * plane, plane)));
        return Tensor.From(gray, shape[0], 1, shape[2], shape[3]);
    }

    /// <summary>One picture in gray.</summary>
    internal static void Gray(ReadOnlySpan<byte> planes, Span<byte> gray)
    {
        int plane = gray.Length;
        for (int i = 0; i < plane; i++)
        {
            gray[i] = (byte)(((299 * planes[i]) + (587 * planes[plane + i]) + (114 * planes[(2 * plane) + i]) + 500) / 1000);
        }
    }

    private static ScaledPlanes Of(Preparation inputs) => Takes(inputs)
        ? (ScaledPlanes)inputs.Transforms[0]
        : throw new EngineException("The model takes no pictures: it was trained on "
            + $"{Table.Some(inputs.Transforms.Select(transform => transform.Column))}.");
}
