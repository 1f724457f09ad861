using ScottPlot;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>
/// The letters of all pictures. They come along, since a machine that trains may have none, and so that a picture looks
/// the same everywhere.
/// </summary>
internal sealed class Typefaces : IFontResolver
{
    /// <summary>Represents what the family is called.</summary>
    public const string Family = "DejaVu Sans";

    private Typefaces()
    {
    }

    /// <summary>Plain letters.</summary>
    public static SKTypeface Regular { get; } = Load("DejaVuSans.ttf");

    /// <summary>Bold letters.</summary>
    public static SKTypeface Bold { get; } = Load("DejaVuSans-Bold.ttf");

    /// <summary>Has ScottPlot draw with them.</summary>
    public static void Register()
    {
        lock (Fonts.FontResolvers)
        {
            if (!Fonts.FontResolvers.OfType<Typefaces>().Any())
            {
                Fonts.FontResolvers.Insert(0, new Typefaces());
                Fonts.Default = Family;
            }
        }
    }

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Family ? weight >= FontWeight.SemiBold ? Bold : Regular : null;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) =>
        fontName == Family ? bold ? Bold : Regular : null;

    private static SKTypeface Load(string file)
    {
        using Stream stream = typeof(Typefaces).Assembly.GetManifestResourceStream($"Fonts/{file}")!;
        using SKData data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }
}
