using System.Text;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Represents a drawing that can be saved as pixels or as lines.</summary>
public sealed class Picture
{
    /// <summary>Pixels for each unit of width and height, so that pictures are sharp on fine screens.</summary>
    internal const int Scale = 2;

    /// <summary>zlib's default level: a higher one takes three times as long and saves a fiftieth.</summary>
    private const int Compression = 6;

    private readonly Action<SKCanvas> _draw;

    private readonly SKColor _paper;

    internal Picture(int width, int height, Theme theme, Action<SKCanvas> draw)
    {
        _paper = theme.Paper;
        Width = width;
        Height = height;
        _draw = draw;
    }

    /// <summary>Gets the width at which it should be shown; as PNG it has twice as many pixels.</summary>
    public int Width { get; }

    /// <summary>Gets the height at which it should be shown; as PNG it has twice as many pixels.</summary>
    public int Height { get; }

    /// <summary>Creates the picture as PNG.</summary>
    public byte[] ToPng()
    {
        var info = new SKImageInfo(Width * Scale, Height * Scale, SKImageInfo.PlatformColorType, SKAlphaType.Opaque);
        using var surface = SKSurface.Create(info);
        surface.Canvas.Clear(_paper);
        surface.Canvas.Scale(Scale);
        _draw(surface.Canvas);
        using SKPixmap pixels = surface.PeekPixels();
        // Differences to the row above, which are mostly 0 for enlarged pixels.
        using SKData data = pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.Up, Compression))!;
        return data.ToArray();
    }

    /// <summary>Returns the picture as SVG.</summary>
    public string ToSvg()
    {
        using var stream = new MemoryStream();
        using (SKCanvas canvas = SKSvgCanvas.Create(SKRect.Create(Width, Height), stream))
        {
            canvas.Clear(_paper);
            _draw(canvas);
        }

        // If the font is missing, one with letters of the same width.
        return Encoding.UTF8.GetString(stream.ToArray())
            .Replace($"font-family=\"{Typefaces.Family}\"", $"font-family=\"{Typefaces.Family}, Verdana, sans-serif\"",
                StringComparison.Ordinal);
    }
}
