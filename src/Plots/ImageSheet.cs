using SkiaSharp;

namespace Engine.Plots;

/// <summary>Represents an image with its class and its prediction.</summary>
/// <param name="Image">The image.</param>
/// <param name="Truth">The true class.</param>
/// <param name="Said">The predicted class, with the probability.</param>
public sealed record CaptionedImage(PlanarImage Image, string Truth, string Said);

/// <summary>Draws images with their classes and predictions.</summary>
public static class ImageSheet
{
    private const int Margin = 14, Gap = 14;

    /// <summary>Returns the images in rows.</summary>
    /// <param name="images">The images, all of one size.</param>
    /// <param name="width">The picture's width; its height depends on the rows.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="note">The note below; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    public static Picture Draw(
        IReadOnlyList<CaptionedImage> images, int width = 800, string? title = null, string? note = null,
        Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        Theme colors = theme ?? Theme.Light;
        float textSize = 12;
        float min = width < 480 ? 90 : 112;
        int max = Math.Max(2, (int)((width - (2 * Margin) + Gap) / (min + Gap)));
        int across = FilterSheet.Balanced(Math.Max(images.Count, max), max);
        float side = (width - (2 * Margin) + Gap - (across * Gap)) / across;
        float pitchAcross = side + Gap;
        side = images.Count > 0 ? Pen.Sharp(side, images[0].Image.Width) : side;
        int down = (images.Count + across - 1) / across;
        float top = title is null ? Margin : 44;
        float pitch = side + (2 * textSize * 1.35f) + Gap;
        IReadOnlyList<string> noteLines = note is null ? [] : Pen.Lines(note, width - (2 * Margin), 11);
        float height = top + (down * pitch) + (noteLines.Count * 16) + 6;
        return new Picture(width, (int)Math.Ceiling(height), colors, canvas =>
        {
            var pen = new Pen(canvas, colors);
            if (title is not null)
            {
                pen.Text(Pen.Fit(title, width - (2 * Margin), 15, isBold: true), Margin, 26, 15, isBold: true);
            }

            for (int i = 0; i < images.Count; i++)
            {
                CaptionedImage each = images[i];
                float x = Margin + (i % across * pitchAcross), y = top + (i / across * pitch);
                pen.Pixels(each.Image.Height, each.Image.Width, each.Image.At, x, y, side, side);
                float space = pitchAcross - 4, truthSize = Size(each.Truth, true), saidSize = Size(each.Said, false);
                string truth = Pen.Fit(each.Truth, space, truthSize, isBold: true);
                pen.Text(truth, x, y + side + textSize + 3, truthSize, isBold: true);
                string said = Pen.Fit(each.Said, space, saidSize);
                pen.Text(said, x, y + side + (2.3f * textSize) + 3, saidSize, colors.Bad);

                // A slightly smaller font is better than a truncated text.
                float Size(string text, bool isBold) =>
                    textSize * Math.Clamp(space / Pen.Measure(text, textSize, isBold), 0.75f, 1);
            }

            if (note is not null)
            {
                pen.Paragraph(note, Margin, top + (down * pitch) + 8, width - (2 * Margin), 11, colors.Gray);
            }
        });
    }
}
