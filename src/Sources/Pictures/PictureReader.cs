using Engine.IO;
using StbImageSharp;

namespace Engine.Data.Pictures;

/// <summary>
/// Reads pictures, PNG or JPEG, for networks: upright, the middle square, resized to the given side, red, green and
/// blue.
/// </summary>
internal static class PictureReader
{
    // A gigabyte when decoded, and more than any camera produces.
    public const long MaxPixels = 1L << 28;

    /// <summary>Reads a picture.</summary>
    /// <param name="path">Its file; the content, not the name, decides whether it is PNG or JPEG.</param>
    /// <param name="side">The side of the result, in pixels.</param>
    /// <param name="planes">Receives the 3 · side · side values, the planes red, green and blue.</param>
    /// <returns>The picture's width and height in its file, in pixels.</returns>
    /// <exception cref="EngineException">It cannot be read; the message names it.</exception>
    public static (int Width, int Height) Read(string path, int side, Span<byte> planes) =>
        Read(path, ReadableFile.ReadAllBytes(path), side, planes);

    /// <summary>Reads a picture from the bytes of a file; <paramref name="path"/> is its name in messages.</summary>
    /// <inheritdoc cref="Read(string, int, Span{byte})"/>
    public static (int Width, int Height) Read(
        string path, byte[] bytes, int side, Span<byte> planes, long maxPixels = MaxPixels)
    {
        bool isPng = bytes.AsSpan().StartsWith(PngChunks.Mark), isJpeg = bytes is [0xFF, 0xD8, 0xFF, ..];
        if (!isPng && !isJpeg)
        {
            throw new EngineException(bytes.Length == 0
                ? $"{path} is empty."
                : $"{path} is neither a PNG nor a JPEG file: convert it to one of these.");
        }

        ImageResult picture = Decode(path, bytes, isPng, maxPixels);
        Scaling.ToSquare(picture.Data, picture.Width, picture.Height, side, planes);
        if (isJpeg)
        {
            Orientation.Of(bytes).Apply(side, planes);
        }

        return (picture.Width, picture.Height);
    }

    private static ImageResult Decode(string path, byte[] bytes, bool isPng, long maxPixels)
    {
        try
        {
            (long width, long height) = isPng ? PngChunks.Check(bytes) : JpegSides(bytes);
            if (width * height > maxPixels)
            {
                throw new EngineException(
                    FormattableString.Invariant($"{path} has {width}x{height} pixels, ")
                    + FormattableString.Invariant($"more than the {maxPixels:N0} that are read: make it smaller."));
            }

            using var content = new PictureBytes(bytes);
            ImageResult picture = ImageResult.FromStream(content, ColorComponents.RedGreenBlueAlpha);
            return picture is { Width: > 0, Height: > 0 } ? picture : throw new InvalidDataException("no pixels");
        }
        catch (EndOfStreamException error)
        {
            throw new EngineException($"{path} is damaged: it ends before the picture does.", error);
        }
        catch (Exception error) when (error is not EngineException)
        {
            // The decoder may throw any exception on a wrong byte.
            string why = error.Message.All(c => c is >= ' ' and <= '~') ? $" ({error.Message.TrimEnd('.')})" : "";
            throw new EngineException($"{path} is damaged{why}: it cannot be decoded.", error);
        }
    }

    private static (long Width, long Height) JpegSides(byte[] bytes)
    {
        using var header = new PictureBytes(bytes);
        ImageInfo size = ImageInfo.FromStream(header) ?? throw new InvalidDataException("no header");
        return (size.Width, size.Height);
    }
}
