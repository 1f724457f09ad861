using System.Globalization;
using System.Runtime.CompilerServices;

namespace Engine;

/// <summary>
/// A text with values in it that is the same in every language. For example, Swedish has another minus sign.
/// </summary>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literalLength, int formattedCount)
{
    private DefaultInterpolatedStringHandler _text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);

    public static string Of(ref InvariantText text) => text.Take();

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value)
    {
        if (value is ITuple pair)
        {
            // A tuple would print its parts in the user's language.
            IEnumerable<string> parts = Enumerable.Range(0, pair.Length).Select(i => Of($"{pair[i]}"));
            _text.AppendLiteral($"({string.Join(", ", parts)})");
            return;
        }

        _text.AppendFormatted(value);
    }

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public void AppendFormatted(scoped ReadOnlySpan<char> value) => _text.AppendFormatted(value);

    /// <summary>Returns the text; may be called once.</summary>
    public string Take() => _text.ToStringAndClear();
}
