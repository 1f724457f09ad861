using Engine.Plots;
using StbImageSharp;

namespace Engine.Tests.Plots;

/// <summary>A picture's pixels, read by a reader that is independent of the writer.</summary>
internal sealed class Pixels
{
    private readonly ImageResult _image;

    public Pixels(Picture picture)
    {
        _image = ImageResult.FromMemory(picture.ToPng(), ColorComponents.RedGreenBlue);
        Colors = Enumerable.Range(0, Width * Height)
            .CountBy(i => ((int)_image.Data[3 * i], (int)_image.Data[(3 * i) + 1], (int)_image.Data[(3 * i) + 2]))
            .ToDictionary();
    }

    /// <summary>The number of pixels of each color.</summary>
    public IReadOnlyDictionary<(int Red, int Green, int Blue), int> Colors { get; }

    public int Width => _image.Width;

    public int Height => _image.Height;

    /// <summary>Gets the color of a pixel in the picture's own units.</summary>
    public (int Red, int Green, int Blue) this[int x, int y]
    {
        get
        {
            int at = 3 * ((2 * y * Width) + (2 * x));
            return (_image.Data[at], _image.Data[at + 1], _image.Data[at + 2]);
        }
    }

    /// <summary>Counts the pixels with exactly this color, left and right of the middle.</summary>
    public (int Left, int Right) Count(int red, int green, int blue)
    {
        int left = 0, right = 0;
        for (int i = 0; i < Width * Height; i++)
        {
            bool isSame = _image.Data[3 * i] == red && _image.Data[(3 * i) + 1] == green
                && _image.Data[(3 * i) + 2] == blue;
            left += isSame && i % Width < Width / 2 ? 1 : 0;
            right += isSame && i % Width >= Width / 2 ? 1 : 0;
        }

        return (left, right);
    }
}
