using SkiaSharp;

namespace Engine.Plots;

/// <summary>Draws texts, boxes and pixels on a canvas in a theme's colors.</summary>
internal sealed class Pen(SKCanvas canvas, Theme theme)
{
    /// <summary>Returns the width of a text.</summary>
    public static float Measure(string text, float size, bool isBold = false)
    {
        using SKFont font = Font(size, isBold);
        return font.MeasureText(text);
    }

    /// <summary>Returns the part of a text that fits, with <c>…</c> for the rest.</summary>
    public static string Fit(string text, float width, float size, bool isBold = false)
    {
        if (Measure(text, size, isBold) <= width)
        {
            return text;
        }

        int length = text.Length;
        while (length > 0 && Measure(text[..length] + "…", size, isBold) > width)
        {
            length--;
        }

        return text[..length] + "…";
    }

    /// <summary>Returns a text as lines that fit, broken at blanks.</summary>
    public static IReadOnlyList<string> Lines(string text, float width, float size)
    {
        var lines = new List<string>();
        foreach (string word in text.Split(' '))
        {
            if (lines.Count > 0 && Measure($"{lines[^1]} {word}", size) <= width)
            {
                lines[^1] += $" {word}";
            }
            else
            {
                lines.Add(word);
            }
        }

        return lines;
    }

    /// <summary>Writes at a position, which is the left end, the middle or the right end of the base line.</summary>
    public void Text(
        string text, float x, float y, float size, SKColor? color = null, SKTextAlign align = SKTextAlign.Left,
        bool isBold = false)
    {
        using SKFont font = Font(size, isBold);
        using var ink = new SKPaint { Color = color ?? theme.Ink, IsAntialias = true };
        canvas.DrawText(text, x, y, align, font, ink);
    }

    /// <summary>Writes slanted upwards from a position.</summary>
    public void Slanted(string text, float x, float y, float size, float degrees)
    {
        canvas.Save();
        canvas.Translate(x, y);
        canvas.RotateDegrees(-degrees);
        Text(text, 0, 0, size);
        canvas.Restore();
    }

    /// <summary>Writes lines one below the other, and returns the position of the next line.</summary>
    public float Paragraph(string text, float x, float y, float width, float size, SKColor color)
    {
        foreach (string line in Lines(text, width, size))
        {
            Text(line, x, y, size, color);
            y += size * 1.4f;
        }

        return y;
    }

    /// <summary>Fills a box.</summary>
    public void Box(float x, float y, float width, float height, SKColor color)
    {
        using var paint = new SKPaint { Color = color };
        canvas.DrawRect(x, y, width, height, paint);
    }

    /// <summary>Draws the edge of a box.</summary>
    public void Frame(float x, float y, float width, float height, SKColor color, float thickness = 1)
    {
        using var paint = new SKPaint { Color = color, IsStroke = true, StrokeWidth = thickness, IsAntialias = true };
        canvas.DrawRect(x, y, width, height, paint);
    }

    /// <summary>
    /// Returns the largest size, at most the given one, at which each pixel is enlarged by a whole number, so that
    /// edges are sharp and the file is small.
    /// </summary>
    public static float Sharp(float size, int pixels) =>
        Math.Max(1, MathF.Floor(size * Picture.Scale / pixels)) * pixels / Picture.Scale;

    /// <summary>Draws pixels as squares with sharp edges.</summary>
    /// <param name="rows">The number of rows of pixels.</param>
    /// <param name="columns">The number of pixels in a row.</param>
    /// <param name="color">The color of the pixel of a row and column.</param>
    /// <param name="x">The left edge.</param>
    /// <param name="y">The upper edge.</param>
    /// <param name="width">The whole width, preferably <see cref="Sharp"/>.</param>
    /// <param name="height">The whole height.</param>
    public void Pixels(
        int rows, int columns, Func<int, int, SKColor> color, float x, float y, float width, float height)
    {
        // Enlarged here, because a viewer would blur it.
        int times = Math.Max(1, (int)Math.Ceiling(Picture.Scale * Math.Max(width / columns, height / rows)));
        using var bitmap = new SKBitmap(columns * times, rows * times);
        using (var inside = new SKCanvas(bitmap))
        {
            using var paint = new SKPaint();
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    paint.Color = color(row, column);
                    inside.DrawRect(column * times, row * times, times, times, paint);
                }
            }
        }

        using SKImage image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(
            image, SKRect.Create(Snapped(x), Snapped(y), width, height), new SKSamplingOptions(SKFilterMode.Nearest));

        static float Snapped(float at) => MathF.Round(at * Picture.Scale) / Picture.Scale;
    }

    /// <summary>Draws a scale of colors with labels at its ends, and returns its width.</summary>
    public float Scale(float x, float y, float width, string low, string high, Func<double, SKColor> color)
    {
        const float Size = 10, Gap = 5;
        float start = x + Measure(low, Size) + Gap;
        Text(low, x, y + 9, Size, theme.Gray);
        for (int i = 0; i < width; i++)
        {
            Box(start + i, y, 1.2f, 10, color(i / (width - 1)));
        }

        Frame(start, y, width, 10, theme.Line);
        Text(high, start + width + Gap, y + 9, Size, theme.Gray);
        return start + width + Gap + Measure(high, Size) - x;
    }

    // Letters at fractional positions, because whole pixels would space them unevenly.
    private static SKFont Font(float size, bool isBold) =>
        new(isBold ? Typefaces.Bold : Typefaces.Regular, size) { Subpixel = true, Hinting = SKFontHinting.None };
}
