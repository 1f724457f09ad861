using SkiaSharp;

namespace Engine.Plots;

/// <summary>
/// Represents the colors of a picture, which people who do not see red or green can also distinguish.
/// </summary>
public sealed class Theme
{
    /// <summary>More steps between two colors are not distinguishable, and make files larger.</summary>
    private const int Steps = 40;

    private readonly SKColor[] _series;
    private readonly SKColor _max, _below, _above;

    private Theme(SKColor[] series, SKColor max, SKColor below, SKColor above) =>
        (_series, _max, _below, _above) = (series, max, below, above);

    /// <summary>Gets dark colors on white.</summary>
    // The lines have the colors of Okabe and Ito, without the yellow, which is invisible on white.
    public static Theme Light { get; } = new(
        Parse("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "222222"),
        SKColor.Parse("084081"), SKColor.Parse("2166AC"), SKColor.Parse("B2182B"))
    {
        Paper = SKColors.White,
        Ink = SKColor.Parse("222222"),
        Gray = SKColor.Parse("666666"),
        Line = SKColor.Parse("E4E4E4"),
        Good = SKColor.Parse("0072B2"),
        Bad = SKColor.Parse("B84300"),
    };

    /// <summary>Gets light colors on nearly black.</summary>
    // The light colors of Okabe and Ito come first, without the black, which is invisible here.
    public static Theme Dark { get; } = new(
        Parse("56B4E9", "E69F00", "2BC79A", "E39AC2", "F0E442", "FF8A4C", "E8E8E8"),
        SKColor.Parse("9ECBFF"), SKColor.Parse("5AAEF5"), SKColor.Parse("FF7B6B"))
    {
        Paper = SKColor.Parse("1B1F24"),
        Ink = SKColor.Parse("E6E6E6"),
        Gray = SKColor.Parse("A0A6AD"),
        Line = SKColor.Parse("353B43"),
        Good = SKColor.Parse("56B4E9"),
        Bad = SKColor.Parse("FF9E5E"),
    };

    /// <summary>Gets the background color.</summary>
    internal SKColor Paper { get; private init; }

    /// <summary>Gets the color of texts.</summary>
    internal SKColor Ink { get; private init; }

    /// <summary>Gets the color of notes.</summary>
    internal SKColor Gray { get; private init; }

    /// <summary>Gets the color of grid lines.</summary>
    internal SKColor Line { get; private init; }

    /// <summary>Gets the color of right predictions.</summary>
    internal SKColor Good { get; private init; }

    /// <summary>Gets the color of wrong predictions.</summary>
    internal SKColor Bad { get; private init; }

    /// <summary>Returns the color of a series by its index.</summary>
    internal SKColor Series(int index) => _series[index % _series.Length];

    /// <summary>Returns a color between the paper's for 0 and blue for 1.</summary>
    internal SKColor Sequential(double share) => Mix(Paper, _max, share);

    /// <summary>Returns a color: blue for -1, the paper's for 0, red for 1.</summary>
    internal SKColor Diverging(double value) => value < 0 ? Mix(Paper, _below, -value) : Mix(Paper, _above, value);

    /// <summary>Returns a color laid over the paper with an opacity.</summary>
    internal SKColor Shade(SKColor color, double share) => Mix(Paper, color, share);

    /// <summary>
    /// Returns black or white, whichever is more readable on a color: the one with the greater contrast, (a + 0.05) /
    /// (b + 0.05) of the luminances (Web Content Accessibility Guidelines 2.1).
    /// </summary>
    internal static SKColor TextOn(SKColor color)
    {
        double luminance = (0.2126 * Linear(color.Red)) + (0.7152 * Linear(color.Green))
            + (0.0722 * Linear(color.Blue));
        return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? SKColors.Black : SKColors.White;

        static double Linear(byte channel) =>
            channel <= 10 ? channel / 255.0 / 12.92 : Math.Pow(((channel / 255.0) + 0.055) / 1.055, 2.4);
    }

    private static SKColor Mix(SKColor from, SKColor to, double share)
    {
        double part = double.IsNaN(share) ? 0 : Math.Round(Math.Clamp(share, 0, 1) * Steps) / Steps;
        return new SKColor(Channel(from.Red, to.Red), Channel(from.Green, to.Green), Channel(from.Blue, to.Blue));

        byte Channel(byte a, byte b) => (byte)Math.Round(a + ((b - a) * part));
    }

    private static SKColor[] Parse(params string[] colors) => [.. colors.Select(SKColor.Parse)];
}
