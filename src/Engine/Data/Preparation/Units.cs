using System.Globalization;

namespace Engine.Data;

/// <summary>
/// Splits numbers that are written with a unit (12 %, $3, 4.5 kg) or in parentheses for a minus, as in accounts.
/// </summary>
internal static class Units
{
    private const int LongestUnit = 4, CodeLength = 3;

    /// <summary>Returns whether a number has the unit that its column has, or none, as in JSON.</summary>
    public static bool Fit(ReadOnlySpan<char> unit, string? columns) => unit.IsEmpty || unit.SequenceEqual(columns);

    /// <summary>Splits a text into a sign, a number and a unit.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isNegative">Receives whether the number is negative.</param>
    /// <param name="number">Receives the number without its sign.</param>
    /// <param name="unit">Receives the unit; empty if there is none.</param>
    /// <returns>
    /// Whether a digit or a decimal mark is where the number begins, and a digit or a mark where it ends.
    /// </returns>
    public static bool TrySplit(
        ReadOnlySpan<char> text, out bool isNegative, out ReadOnlySpan<char> number, out ReadOnlySpan<char> unit)
    {
        isNegative = false;
        number = text.Trim();
        unit = default;
        bool hasSign = false;
        while (number.Length > 1)
        {
            bool isAccount = number[0] == '(' && number[^1] == ')' && !Numbers.IsCode(number[1..^1]);
            if (!hasSign && (isAccount || IsSign(number[0])))
            {
                (hasSign, isNegative) = (true, number[0] != '+');
                number = (isAccount ? number[1..^1] : number[1..]).Trim();
                continue;
            }

            (int before, int after) = unit.IsEmpty ? (Before(number), After(number)) : (0, 0);
            if (before == 0 && after == 0)
            {
                return IsOfNumber(number[0]) && IsOfNumber(number[^1]);
            }

            // A unit is on one side.
            unit = (before > 0 ? number[..before] : number[^after..]).Trim();
            number = (before > 0 ? number[before..] : number[..^after]).Trim();
            if (after > 0 && !number.IsEmpty && number[^1] is '.' or ',')
            {
                // 1.png is the name of a file.
                return false;
            }
        }

        return number.Length == 1 && char.IsAsciiDigit(number[0]);
    }

    /// <summary>Returns a number without its unit; other texts as they are.</summary>
    public static string Without(string text) =>
        !TrySplit(text, out bool isNegative, out ReadOnlySpan<char> number, out _) ? text
            : isNegative ? $"-{number}" : number.ToString();

    private static bool IsSign(char c) => c is '-' or '+' or Numbers.Minus;

    private static bool IsOfNumber(char c) => char.IsAsciiDigit(c) || c is '.' or ',';

    private static bool IsCurrency(char c) => char.GetUnicodeCategory(c) == UnicodeCategory.CurrencySymbol;

    /// <summary>
    /// Returns the length of a unit before a number: a currency ($, US$), or the code of one and a blank.
    /// </summary>
    private static int Before(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (length < Math.Min(CodeLength, text.Length) && char.IsAsciiLetterUpper(text[length]))
        {
            length++;
        }

        return length < text.Length && IsCurrency(text[length]) ? length + 1
            : length == CodeLength && length < text.Length && char.IsWhiteSpace(text[length]) ? length
            : 0;
    }

    /// <summary>
    /// Returns the length of a unit after a number: up to four letters or signs, such as %, €, kg, °C, m².
    /// </summary>
    private static int After(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (length < text.Length && text[^(length + 1)] is var c
            && (char.IsLetter(c) || IsCurrency(c) || c is '%' or '‰' or '°' or '²' or '³' or '/'))
        {
            length++;
        }

        return length <= LongestUnit ? length : 0;
    }
}
