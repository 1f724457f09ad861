using System.Globalization;

namespace Engine.Data;

/// <summary>Reads numbers and missing values from files.</summary>
internal static class Numbers
{
    private const int LongestNumber = 64;

    private static readonly string[] s_missing =
    [
        "?", "NA", "N/A", "#N/A", "NaN", "-NaN", "nil", "null", "none", "missing", ".", "-", "--",
        "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity",
    ];

    /// <summary>Returns whether a text means a missing value.</summary>
    public static bool IsMissing(string text) => text.Length == 0
        || (!char.IsAsciiDigit(text[0]) && s_missing.Contains(text, StringComparer.OrdinalIgnoreCase));

    /// <summary>Reads a number with a decimal point or, on request, a decimal comma.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out double value, bool hasComma = false)
    {
        if (hasComma && text.Contains(','))
        {
            value = double.NaN;
            Span<char> points = stackalloc char[LongestNumber];
            if (text.Length > LongestNumber || text.Contains('.'))
            {
                return false;
            }

            text.Replace(points, ',', '.');
            return double.TryParse(points[..text.Length], NumberStyles.Float, CultureInfo.InvariantCulture, out value);
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }
}
