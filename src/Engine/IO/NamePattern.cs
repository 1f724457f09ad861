using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace Engine.IO;

/// <summary>
/// Names with wildcards: <c>*</c> stands for any characters, <c>?</c> for one, and <c>\</c> escapes either.
/// </summary>
internal static class NamePattern
{
    /// <summary>
    /// Returns a name as the first matching pattern renames it: each <c>*</c> and <c>?</c> of the new name becomes the
    /// text of the same wildcard in the pattern, in their order. It is unchanged if no pattern matches.
    /// </summary>
    public static string Renamed(IReadOnlyList<(string From, string To)>? patterns, string name)
    {
        foreach ((string from, string to) in patterns ?? [])
        {
            string groups = Regex.Escape(from).Replace(@"\*", "(.*)").Replace(@"\?", "(.)");
            if (Regex.Match(name, $"^{groups}$", RegexOptions.CultureInvariant) is { Success: true } match)
            {
                int next = 1;
                return string.Concat(to.Select(letter =>
                    letter is '*' or '?' && next < match.Groups.Count
                        ? match.Groups[next++].Value
                        : letter.ToString()));
            }
        }

        return name;
    }

    /// <summary>Returns whether a name matches one of the patterns.</summary>
    public static bool Matches(IReadOnlyList<string>? patterns, string name) =>
        patterns?.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)) == true;
}
