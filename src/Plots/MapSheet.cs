using System.Globalization;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>Represents an image with an occlusion map and a saliency map.</summary>
/// <param name="Image">The image.</param>
/// <param name="Heading">Its true class and its predicted class.</param>
/// <param name="Lost">
/// The occlusion map: for each position, how far the probability of the image's class falls if the position is covered;
/// negative if it rises.
/// </param>
/// <param name="Slope">
/// The saliency map: for each pixel, how much it changes the score of the image's class.
/// </param>
public sealed record ExplainedImage(PlanarImage Image, string Heading, Raster Lost, Raster Slope);

/// <summary>Draws occlusion maps and saliency maps beside their images.</summary>
public static class MapSheet
{
    private const int Margin = 14;

    /// <summary>Returns a picture with a row for each image.</summary>
    /// <param name="images">The images with their maps.</param>
    /// <param name="width">The picture's width; its height depends on the rows.</param>
    /// <param name="title">The title above; null for none.</param>
    /// <param name="note">The note below; null for none.</param>
    /// <param name="theme">The colors; null for <see cref="Theme.Light"/>.</param>
    public static Picture Draw(
        IReadOnlyList<ExplainedImage> images, int width = 800, string? title = null, string? note = null,
        Theme? theme = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        Theme colors = theme ?? Theme.Light;
        string[] heads = width < 480
            ? ["image", "covered", "over it", "saliency"]
            : ["image", "covered: lost", "over the image", "saliency"];
        float gap = width < 480 ? 8 : 16;
        float side = Math.Min(200, (width - (2 * Margin) - (3 * gap)) / 4);
        float pitchAcross = side + gap;
        side = images.Count > 0 ? Pen.Sharp(side, images[0].Image.Width) : side;
        float headSize = width < 480 ? 9.5f : 12;
        float headsAt = title is null ? 22 : 52;
        float top = headsAt + 10, pitch = side + 34;
        IReadOnlyList<string> noteLines = note is null ? [] : Pen.Lines(note, width - (2 * Margin), 11);
        float height = top + (images.Count * pitch) + 28 + (width < 480 ? 18 : 0) + (noteLines.Count * 16) + 6;
        return new Picture(width, (int)Math.Ceiling(height), colors, canvas =>
        {
            var pen = new Pen(canvas, colors);
            if (title is not null)
            {
                pen.Text(Pen.Fit(title, width - (2 * Margin), 15, isBold: true), Margin, 26, 15, isBold: true);
            }

            for (int i = 0; i < heads.Length; i++)
            {
                pen.Text(heads[i], Column(i), headsAt, headSize, colors.Gray);
            }

            for (int i = 0; i < images.Count; i++)
            {
                Row(pen, images[i], top + (i * pitch));
            }

            float below = top + (images.Count * pitch) + 10;
            float used = pen.Scale(
                Margin, below, 90, "gained", "lost probability", share => colors.Diverging((2 * share) - 1));
            bool isBelow = width < 480;
            (float x, float y) = isBelow ? (Margin, below + 18) : (Margin + used + 30, below);
            pen.Scale(x, y, 90, "0", "largest slope of the image", colors.Sequential);
            if (note is not null)
            {
                pen.Paragraph(note, Margin, below + (isBelow ? 48 : 30), width - (2 * Margin), 11, colors.Gray);
            }
        });

        float Column(int index) => Margin + (index * pitchAcross);

        void Row(Pen pen, ExplainedImage each, float y)
        {
            (PlanarImage image, Raster map, Raster slope) = (each.Image, each.Lost, each.Slope);
            double steepest = Raster.Extent([slope]), lost = Raster.Extent([map]);
            string points = (100 * lost).ToString(lost < 0.1 ? "0.#" : "0", CultureInfo.InvariantCulture);
            string extent = width < 480 ? $"± {points} points" : $"full color: {points} points";
            float size = width < 480 ? 10.5f : 12, right = Column(3) + side;
            float space = right - Margin - Pen.Measure(extent, size - 1.5f) - 10;
            pen.Text(Pen.Fit(each.Heading, space, size), Margin, y + 14, size);
            pen.Text(extent, right, y + 14, size - 1.5f, colors.Gray, SKTextAlign.Right);
            y += 22;
            Pixels(image.Height, image.Width, image.At, 0);
            Pixels(map.Height, map.Width, (row, column) => colors.Diverging(Share(map.At(row, column), lost)), 1);
            Pixels(image.Height, image.Width, Overlaid, 2);
            Pixels(slope.Height, slope.Width, Steepness, 3);

            SKColor Overlaid(int row, int column) =>
                Over(image.Luma(row, column), Share(map.At(row, column), lost));

            SKColor Steepness(int row, int column) => colors.Sequential(Share(slope.At(row, column), steepest));

            void Pixels(int rows, int columns, Func<int, int, SKColor> color, int column)
            {
                pen.Pixels(rows, columns, color, Column(column), y, side, side);
                pen.Frame(Column(column), y, side, side, colors.Line);
            }
        }

        // The image in gray, with a stronger tint for a greater loss.
        SKColor Over(double luma, double share)
        {
            SKColor tint = Theme.Light.Diverging(Math.Sign(share));
            double part = 0.75 * Math.Min(1, Math.Abs(share));
            double gray = 255 * (0.2 + (0.75 * luma));
            return new SKColor(Mixed(tint.Red), Mixed(tint.Green), Mixed(tint.Blue));

            byte Mixed(byte channel) => (byte)Math.Round(((1 - part) * gray) + (part * channel));
        }
    }

    private static double Share(double value, double extent) => extent > 0 ? value / extent : 0;
}
