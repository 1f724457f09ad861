using ScottPlot;
using SkiaSharp;

namespace Engine.Plots;

/// <summary>
/// The fonts of all pictures. They are embedded, because a training machine may have no fonts, and because pictures
/// should look the same everywhere.
/// </summary>
internal sealed class Typefaces : IFontResolver
{
    /// <summary>The name of the font family.</summary>
    public const string Family = "DejaVu Sans";

    private Typefaces()
    {
    }

    /// <summary>The regular font.</summary>
    public static SKTypeface Regular { get; } = Load("DejaVuSans.ttf");

    /// <summary>The bold font.</summary>
    public static SKTypeface Bold { get; } = Load("DejaVuSans-Bold.ttf");

    /// <summary>Lets ScottPlot use these fonts.</summary>
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
