using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The values of a setting that a search tries: <c>0.003..0.03</c>, or values separated by commas.</summary>
/// <param name="Text">The text that the user gave.</param>
/// <param name="Values">The values to choose from; empty for a range.</param>
/// <param name="Min">The smallest value of a range.</param>
/// <param name="Max">The largest value of a range.</param>
internal sealed record SearchRange(string Text, IReadOnlyList<string> Values, double Min, double Max)
{
    /// <summary>Creates an option for a setting's values.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">Its description.</param>
    /// <param name="isOne">Decides whether a word is a valid value.</param>
    /// <param name="rule">A description of the valid values, for the message.</param>
    public static Option<SearchRange?> Option(string name, string description, Func<string, bool> isOne, string rule) =>
        new(name)
        {
            HelpName = "A..B|A,B,…",
            Description = description,
            CustomParser = result => Parse(CommonOptions.Text(result), isOne)
                ?? CommonOptions.Refuse<SearchRange>(
                    result, $"a range, A..B, or values with commas between, each {rule}"),
        };

    /// <summary>Returns whether a word is a number within the bounds.</summary>
    public static Func<string, bool> Number(Func<double, bool> isValid) =>
        word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value) && isValid(value);

    /// <summary>Draws a value: from a range logarithmically if both ends are greater than 0.</summary>
    public string Draw(SearchDraw draw, bool isWhole = false)
    {
        if (Values.Count > 0)
        {
            return draw.OneOf<string>([.. Values]);
        }

        double value = Min > 0 ? draw.LogBetween(Min, Max) : draw.Between(Min, Max);
        // A search does not find out more than three digits.
        return isWhole
            ? Math.Round(value).ToString(CultureInfo.InvariantCulture)
            : value.ToString("G3", CultureInfo.InvariantCulture);
    }

    private static SearchRange? Parse(string text, Func<string, bool> isOne)
    {
        if (text.Split("..") is [var from, var to])
        {
            return isOne(from) && isOne(to) && double.TryParse(from, CultureInfo.InvariantCulture, out double min)
                && double.TryParse(to, CultureInfo.InvariantCulture, out double max) && min <= max
                    ? new SearchRange(text, [], min, max)
                    : null;
        }

        string[] values = text.Split(',', StringSplitOptions.TrimEntries);
        return values.All(isOne) ? new SearchRange(text, values, 0, 0) : null;
    }
}
