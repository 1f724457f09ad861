using System.Globalization;

namespace Engine.Data;

/// <summary>Reads numbers and missing values from files.</summary>
internal static class Numbers
{
    /// <summary>Whole numbers of up to this many digits are exact as float64.</summary>
    private const int ExactDigits = 15;

    private const int LongestNumber = 64;

    /// <summary>The minus sign of typesetters.</summary>
    public const char Minus = '\u2212';

    /// <summary>What stands between thousands beside the points and commas of some languages.</summary>
    private const string Gaps = "'’ \u00A0\u2007\u2009\u202F";

    /// <summary>Words that mean a missing value in every column.</summary>
    private static readonly string[] s_missing = ["?", "NA", "N/A", "#N/A", "<NA>", "NaN", "-NaN", "null"];

    /// <summary>Words that mean a missing value among numbers. Among texts they are words like others.</summary>
    private static readonly string[] s_missingNumbers =
    [
        "nil", "none", "missing", ".", "-", "--", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity",
    ];

    /// <summary>Returns whether a text means a missing value in every column.</summary>
    public static bool IsMissing(string text) => text.Length == 0 || IsOneOf(s_missing, text);

    /// <summary>Returns whether a text among numbers means a missing value.</summary>
    public static bool IsMissingNumber(string text) => IsMissing(text) || IsOneOf(s_missingNumbers, text);

    /// <summary>
    /// Returns whether a number is written as a name is: with zeros before it, or with more digits than float64 keeps.
    /// </summary>
    public static bool IsCode(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> digits = text.TrimStart("+-");
        return digits.Length > 1 && (digits[0] == '0' || digits.Length > ExactDigits)
            && !digits.ContainsAnyExceptInRange('0', '9');
    }

    /// <summary>Reads a number with a decimal point.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out double value) => TryParse(text, out value, '.', '\0');

    /// <summary>
    /// Reads a number. Apostrophes and blanks between thousands are passed over, too. A decimal point is read even if
    /// the mark is a comma.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="value">Receives the number.</param>
    /// <param name="mark">The decimal mark.</param>
    /// <param name="group">What stands between thousands; 0 for nothing.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out double value, char mark, char group)
    {
        Span<char> plain = stackalloc char[LongestNumber];
        bool isPlain = (mark == '.' || !text.Contains(mark)) && (group == '\0' || !text.Contains(group))
            && !text.Contains('\'') && !text.ContainsAnyExceptInRange('!', '~');
        int length = isPlain ? 0 : Ungrouped(text, plain, mark, group);
        return double.TryParse(
            length > 0 ? plain[..length] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Reads a number with or without a unit, or in parentheses, which are a minus.</summary>
    /// <param name="text">The text.</param>
    /// <param name="value">Receives the number.</param>
    /// <param name="mark">The decimal mark.</param>
    /// <param name="group">What stands between thousands; 0 for nothing.</param>
    /// <param name="unit">Receives the unit; empty if there is none.</param>
    public static bool TryParse(
        ReadOnlySpan<char> text, out double value, char mark, char group, out ReadOnlySpan<char> unit)
    {
        unit = default;
        if (TryParse(text, out value, mark, group))
        {
            return true;
        }

        if (!Units.TrySplit(text, out bool isNegative, out ReadOnlySpan<char> number, out unit)
            || !TryParse(number, out value, mark, group))
        {
            return false;
        }

        value = isNegative ? -value : value;
        return true;
    }

    /// <summary>Reads a boolean, True or false, as the number that it is in columns of numbers: 1 or 0.</summary>
    public static bool TryParseFlag(ReadOnlySpan<char> text, out double value)
    {
        bool isFlag = bool.TryParse(text, out bool isTrue);
        value = isTrue ? 1 : 0;
        return isFlag;
    }

    /// <summary>
    /// Copies a number without what stands between its thousands, and with a decimal point. Returns its length, or 0 if
    /// groups do not have three digits each.
    /// </summary>
    private static int Ungrouped(ReadOnlySpan<char> text, Span<char> to, char mark, char group)
    {
        int length = 0, run = 0;
        bool isGrouped = false, isWhole = true;
        char between = '\0';
        if (text.Length > to.Length)
        {
            return 0;
        }

        foreach (char c in text)
        {
            if (c == mark && isWhole)
            {
                if (isGrouped && run != 3)
                {
                    return 0;
                }

                (isWhole, to[length++]) = (false, '.');
            }
            else if (c == group || Gaps.Contains(c, StringComparison.Ordinal))
            {
                // After a zero come the digits of a telephone number, not thousands.
                if (!isWhole || (isGrouped ? run != 3 || c != between : run is 0 or > 3 || to[length - run] == '0'))
                {
                    return 0;
                }

                (isGrouped, between, run) = (true, c, 0);
            }
            else if (c is '.' or ',')
            {
                return 0;
            }
            else
            {
                run += char.IsAsciiDigit(c) ? 1 : 0;
                to[length++] = c == Minus ? '-' : c;
            }
        }

        return isGrouped && isWhole && run != 3 ? 0 : length;
    }

    private static bool IsOneOf(string[] words, string text) =>
        !char.IsAsciiDigit(text[0]) && words.Contains(text, StringComparer.OrdinalIgnoreCase);
}
