using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The values of a setting that a search tries: <c>0.003..0.03</c>, or some with commas between.</summary>
/// <param name="Text">As it was given.</param>
/// <param name="Values">The values to choose from; empty for a range.</param>
/// <param name="Min">The least of a range.</param>
/// <param name="Max">The greatest.</param>
internal sealed record SearchRange(string Text, IReadOnlyList<string> Values, double Min, double Max)
{
    /// <summary>An option of a setting's values.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">What it is about.</param>
    /// <param name="isOne">Whether a word may be one of its values.</param>
    /// <param name="rule">What its values are, for the message.</param>
    public static Option<SearchRange?> Option(string name, string description, Func<string, bool> isOne, string rule) => new(name)
    {
        HelpName = "A..B|A,B,…",
        Description = description,
        CustomParser = result => Parse(CommonOptions.Text(result), isOne)
            ?? CommonOptions.Refuse<SearchRange>(result, $"a range, A..B, or values with commas between, each {rule}"),
    };

    /// <summary>Whether a word is a number in bounds.</summary>
    public static Func<string, bool> Number(Func<double, bool> isValid) =>
        word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && isValid(value);

    /// <summary>Draws a value: of a range from 0 on by orders of magnitude where both ends are greater.</summary>
    public string Draw(SearchDraw draw, bool isWhole = false)
    {
        if (Values.Count > 0)
        {
            return draw.OneOf<string>([.. Values]);
        }

        double value = Min > 0 ? draw.LogBetween(Min, Max) : draw.Between(Min, Max);
        // Three digits say all that a search finds out.
        return isWhole ? Math.Round(value).ToString(CultureInfo.InvariantCulture) : value.ToString("G3", CultureInfo.InvariantCulture);
    }

    private static SearchRange? Parse(string text, Func<string, bool> isOne)
    {
        if (text.Split("..") is [var from, var to])
        {
            return isOne(from) && isOne(to) && double.TryParse(from, CultureInfo.InvariantCulture, out double least)
                && double.TryParse(to, CultureInfo.InvariantCulture, out double most) && least <= most ? new SearchRange(text, [], least, most) : null;
        }

        string[] values = text.Split(',', StringSplitOptions.TrimEntries);
        return values.All(isOne) ? new SearchRange(text, values, 0, 0) : null;
    }
}
