using System.Globalization;

namespace Engine.Data;

/// <summary>Numbers as files have them, and what stands there where there is none.</summary>
internal static class Numbers
{
    private static readonly HashSet<string> s_missing = new(StringComparer.OrdinalIgnoreCase)
    {
        "", "?", "NA", "N/A", "#N/A", "NaN", "-NaN", "nil", "null", "none", "missing", ".", "-", "--",
    };

    private static readonly CultureInfo s_comma = new("") { NumberFormat = { NumberDecimalSeparator = ",", NumberGroupSeparator = "." } };

    /// <summary>Whether a text says that there is no value.</summary>
    public static bool IsMissing(string text) => s_missing.Contains(text);

    /// <summary>Reads a number, the point or, where it is told, the comma before its decimals.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out double value, bool hasComma = false) => double.TryParse(
        text, NumberStyles.Float, hasComma ? s_comma : CultureInfo.InvariantCulture, out value);
}
