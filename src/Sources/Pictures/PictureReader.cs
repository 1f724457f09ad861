using Engine.IO;
using StbImageSharp;

namespace Engine.Data.Pictures;

/// <summary>
/// Reads pictures, PNG or JPEG, for networks: upright, the middle square, resized to the given side, red, green and
/// blue. A PNG file is decoded row by row; JPEG files and interlaced PNG files are decoded in memory that all threads
/// share.
/// </summary>
internal static class PictureReader
{
    /// <summary>The maximum number of pixels: more than any camera produces.</summary>
    public const long MaxPixels = 1L << 28;

    /// <summary>The maximum number of pixels that are decoded as a whole.</summary>
    private const long MaxWhole = 1L << 26;

    /// <summary>The largest side, that of JPEG.</summary>
    private const int MaxSide = 65_535;

    private const long MaxFile = 1L << 28;

    /// <summary>
    /// The bytes that the decoder of JPEG takes for a pixel: a progressive file's coefficients, its planes, its colors.
    /// </summary>
    private const int JpegBytes = 13, ColorBytes = 4;

    private static readonly MemoryBudget s_budget =
        new(Math.Max(MaxWhole * JpegBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4));

    /// <summary>Reads a picture.</summary>
    /// <param name="path">Its file; the content, not the name, decides whether it is PNG or JPEG.</param>
    /// <param name="side">The side of the result, in pixels.</param>
    /// <param name="planes">Receives the 3 · side · side values, the planes red, green and blue.</param>
    /// <returns>The picture's width and height in its file, in pixels.</returns>
    /// <exception cref="EngineException">It cannot be read; the message names it.</exception>
    public static (int Width, int Height) Read(string path, int side, Span<byte> planes) =>
        Read(path, Bytes(path), side, planes);

    /// <summary>Returns the bytes of a picture's file.</summary>
    /// <exception cref="EngineException">It cannot be read, or is too long.</exception>
    public static byte[] Bytes(string path) =>
        File.Exists(path) && new FileInfo(path) is { Length: > MaxFile and var length }
            ? throw new EngineException(FormattableString.Invariant(
                $"{path} has {length:N0} bytes, and the file of a picture has {MaxFile:N0} at most: make the picture smaller."))
            : ReadableFile.ReadAllBytes(path);

    /// <summary>Reads a picture from the bytes of a file; <paramref name="path"/> is its name in messages.</summary>
    /// <inheritdoc cref="Read(string, int, Span{byte})"/>
    public static (int Width, int Height) Read(
        string path, byte[] bytes, int side, Span<byte> planes, long maxPixels = MaxPixels)
    {
        bool isPng = bytes.AsSpan().StartsWith(PngFile.Mark), isJpeg = bytes is [0xFF, 0xD8, 0xFF, ..];
        if (!isPng && !isJpeg)
        {
            throw new EngineException(bytes.Length == 0
                ? $"{path} is empty."
                : $"{path} is neither a PNG nor a JPEG file: convert it to one of these.");
        }

        // The decoders are lambdas, which cannot capture a span.
        byte[] square = new byte[planes.Length];
        try
        {
            (int Width, int Height) sides = isPng
                ? ReadPng(path, bytes, side, square, maxPixels)
                : ReadJpeg(path, bytes, side, square, maxPixels);
            square.CopyTo(planes);
            return sides;
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

    private static (int Width, int Height) ReadPng(string path, byte[] bytes, int side, byte[] square, long maxPixels)
    {
        PngFile file = PngFile.Read(bytes);
        RequireSides(path, file.Width, file.Height, maxPixels, file.IsInterlaced ? " of an interlaced PNG file" : null);
        return file.IsInterlaced ? s_budget.With(file.Width * file.Height * ColorBytes, Rows) : Rows();

        (int, int) Rows()
        {
            (int width, int height) = ((int)file.Width, (int)file.Height);
            var scaling = new Scaling(width, height, side, square);
            PngRows.Read(file, ref scaling);
            file.Orientation.Apply(side, square);
            return (width, height);
        }
    }

    private static (int Width, int Height) ReadJpeg(string path, byte[] bytes, int side, byte[] square, long maxPixels)
    {
        using var header = new PictureBytes(bytes);
        ImageInfo sides = ImageInfo.FromStream(header) ?? throw new InvalidDataException("no header");
        RequireSides(path, sides.Width, sides.Height, maxPixels, " of a JPEG file");
        return s_budget.With((long)sides.Width * sides.Height * JpegBytes, () =>
        {
            using var content = new PictureBytes(bytes);
            ImageResult picture = ImageResult.FromStream(content, ColorComponents.RedGreenBlueAlpha);
            (int width, int height) = (picture.Width, picture.Height);
            if (width < 1 || height < 1)
            {
                throw new InvalidDataException("no pixels");
            }

            var scaling = new Scaling(width, height, side, square);
            for (int y = 0; y < height; y++)
            {
                scaling.Add(picture.Data.AsSpan(y * width * ColorBytes, width * ColorBytes));
            }

            Orientation.OfJpeg(bytes).Apply(side, square);
            return (width, height);
        });
    }

    /// <summary>Refuses a picture that takes too much time, or, if it is decoded as a whole, memory.</summary>
    private static void RequireSides(string path, long width, long height, long maxPixels, string? whole)
    {
        long max = whole is null ? maxPixels : Math.Min(maxPixels, MaxWhole);
        if (width * height > max)
        {
            throw new EngineException(
                FormattableString.Invariant(
                    $"{path} has {width}x{height} pixels, more than the {max:N0} that are read")
                + $"{(max < maxPixels ? whole : "")}: make it smaller.");
        }

        if (width > MaxSide || height > MaxSide)
        {
            throw new EngineException(FormattableString.Invariant(
                $"{path} has {width}x{height} pixels, and {MaxSide:N0} a side is the most: make it smaller."));
        }
    }
}
