namespace Engine.Configuration;

/// <summary>The contents of a line of a configuration file.</summary>
/// <param name="Number">The number of the line, from 1 on.</param>
/// <param name="Section">The section that it names, or to which it belongs.</param>
/// <param name="Key">The key; null for a line that begins a section.</param>
/// <param name="Value">The value of the key; for a line that begins a section, the text after the bracket.</param>
internal sealed record IniLine(int Number, string Section, string? Key, string Value);

/// <summary>
/// Reads INI files as Python's ConfigParser does (docs.python.org/3/library/configparser.html), because Theano's files
/// are written for it. A key is followed by <c>=</c> or <c>:</c>. A comment begins with <c>#</c> or <c>;</c>, also
/// after a value and a space. A line that is indented deeper than a key continues its value. Text after a section's
/// bracket is not a key of the section. Microsoft.Extensions.Configuration.Ini could read most of it, but loses the
/// line numbers, with which every message here begins.
/// </summary>
internal static class IniText
{
    /// <summary>Returns the lines with contents, each joined with the lines that continue it.</summary>
    /// <param name="path">The name of the text in messages.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="EngineException">A line is invalid; the message names it.</exception>
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
