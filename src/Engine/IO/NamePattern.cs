using System.IO.Enumeration;

namespace Engine.IO;

/// <summary>
/// Names with wildcards: <c>*</c> stands for any characters, <c>?</c> for one, and behind <c>\</c> each for itself.
/// </summary>
internal static class NamePattern
{
    /// <summary>Whether a name is one of those meant.</summary>
    public static bool Matches(IReadOnlyList<string>? patterns, string name) =>
        patterns?.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)) == true;
}
