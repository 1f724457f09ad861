using SkiaSharp;

namespace Engine.Plots;

/// <summary>The colours of all pictures, told apart also by those who do not see red or green.</summary>
internal static class Colours
{
    /// <summary>Of texts.</summary>
    public static readonly SKColor Ink = new(0x22, 0x22, 0x22);

    /// <summary>Of notes.</summary>
    public static readonly SKColor Grey = new(0x66, 0x66, 0x66);

    /// <summary>Of what is right.</summary>
    public static readonly SKColor Good = new(0x00, 0x72, 0xB2);

    /// <summary>Of what is wrong.</summary>
    public static readonly SKColor Bad = new(0xC0, 0x3A, 0x00);

    // Okabe and Ito's, without the yellow that cannot be seen on white.
    private static readonly SKColor[] s_series =
    [
        new(0x00, 0x72, 0xB2), new(0xD5, 0x5E, 0x00), new(0x00, 0x9E, 0x73), new(0xCC, 0x79, 0xA7),
        new(0xE6, 0x9F, 0x00), new(0x56, 0xB4, 0xE9), new(0x22, 0x22, 0x22),
    ];

    /// <summary>The colour of a series by its place.</summary>
    public static SKColor Series(int index) => s_series[index % s_series.Length];

    /// <summary>White for 0 to dark blue for 1.</summary>
    public static SKColor Blue(double share) => Mix(SKColors.White, new SKColor(0x08, 0x40, 0x81), share);

    /// <summary>Blue for -1, white for 0, red for 1.</summary>
    public static SKColor Diverging(double value) => value < 0
        ? Mix(SKColors.White, new SKColor(0x21, 0x66, 0xAC), -value)
        : Mix(SKColors.White, new SKColor(0xB2, 0x18, 0x2B), value);

    private static SKColor Mix(SKColor from, SKColor to, double share)
    {
        double part = double.IsNaN(share) ? 0 : Math.Clamp(share, 0, 1);
        return new SKColor(Channel(from.Red, to.Red), Channel(from.Green, to.Green), Channel(from.Blue, to.Blue));

        byte Channel(byte a, byte b) => (byte)Math.Round(a + ((b - a) * part));
    }
}
