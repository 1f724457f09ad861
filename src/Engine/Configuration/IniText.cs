namespace Engine.Configuration;

/// <summary>What a line of a configuration says.</summary>
/// <param name="Number">The line, from 1 on.</param>
/// <param name="Section">The section it names, or stands in.</param>
/// <param name="Key">The key; null for a line that begins a section.</param>
/// <param name="Value">Its value; of a line that begins a section, what stands behind the bracket.</param>
internal sealed record IniLine(int Number, string Section, string? Key, string Value);

/// <summary>
/// Reads INI files as Python's ConfigParser does (docs.python.org/3/library/configparser.html), for which Theano's are
/// written: <c>=</c> or <c>:</c> behind a key, <c>#</c> or <c>;</c> before a comment, also behind a value if a space is
/// between, and what is indented deeper than a key goes on with its value. What stands behind a section's bracket is no
/// key of it. Microsoft.Extensions.Configuration.Ini could read most of it, but loses the line numbers, which every
/// message here begins with.
/// </summary>
internal static class IniText
{
    /// <summary>Returns the lines that say something, with those that continue one put behind it.</summary>
    /// <param name="path">What messages call the text.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="EngineException">A line is none; the message names it.</exception>
    public static IReadOnlyList<IniLine> Parse(string path, string text)
    {
        var lines = new List<IniLine>();
        string? section = null;
        int number = 0, indent = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            (string said, bool hasComment) = WithoutComment(line);
            int at = line.Length - line.TrimStart().Length;
            bool isInKey = lines is [.., { Key: not null }];
            if (said.Length == 0)
            {
                if (isInKey && !hasComment)
                {
                    lines[^1] = lines[^1] with { Value = lines[^1].Value + "\n" };
                }
            }
            else if (isInKey && at > indent)
            {
                lines[^1] = lines[^1] with { Value = $"{lines[^1].Value}\n{said}" };
            }
            else
            {
                indent = at;
                lines.Add(Read(said, section, number, path));
                section = lines[^1].Section;
            }
        }

        return [.. lines.Select(line => line with { Value = line.Value.TrimEnd() })];
    }

    private static IniLine Read(string said, string? section, int number, string path)
    {
        int bracket = said[0] == '[' ? said.IndexOf(']', StringComparison.Ordinal) : -1;
        if (bracket > 1)
        {
            return new IniLine(number, said[1..bracket], Key: null, said[(bracket + 1)..].Trim());
        }

        int separator = said.AsSpan().IndexOfAny('=', ':');
        if (said[0] == '[' && separator < 0)
        {
            return new IniLine(number, said, Key: null, "");
        }

        if (separator <= 0)
        {
            throw new EngineException(
                $"{path}, line {number}: '{said}' is neither [section] nor key = value nor a # comment.");
        }

        return section is null
            ? throw new EngineException(
                $"{path}, line {number}: '{said}' stands before any section; write [global] above it.")
            : new IniLine(number, section, said[..separator].TrimEnd(), said[(separator + 1)..].TrimStart());
    }

    private static (string Said, bool HasComment) WithoutComment(string line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] is '#' or ';' && (i == 0 || char.IsWhiteSpace(line[i - 1])))
            {
                return (line[..i].Trim(), true);
            }
        }

        return (line.Trim(), false);
    }
}
