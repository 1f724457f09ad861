namespace Engine.Configuration;

/// <summary>
/// Finds and reads the INI file. Microsoft.Extensions.Configuration.Ini could read it too, but loses the line numbers,
/// which every message here begins with.
/// </summary>
internal static class RcFile
{
    private const string Variable = "ENGINERC";
    private const string Name = ".enginerc";

    public static IReadOnlyList<Entry> Read(Func<string, string?> environment, string currentFolder, string homeFolder)
    {
        string? named = environment(Variable);
        string? path = string.IsNullOrWhiteSpace(named)
            ? new[] { currentFolder, homeFolder }
                .Where(folder => folder.Length > 0)
                .Select(folder => Path.Combine(folder, Name))
                .FirstOrDefault(File.Exists)
            : Path.GetFullPath(named, currentFolder);
        if (path is null)
        {
            return [];
        }

        try
        {
            return Parse(path, File.ReadLines(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = string.IsNullOrWhiteSpace(named) ? "" : $", which ${Variable} names,";
            throw new EngineException($"The configuration file {path}{why} cannot be read: {error.Message}", error);
        }
    }

    private static List<Entry> Parse(string path, IEnumerable<string> lines)
    {
        var entries = new List<Entry>();
        var linesOfKeys = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        string? section = null;
        int number = 0;
        foreach (string line in lines.Select(line => line.Trim()))
        {
            number++;
            string source = $"{path}, line {number}";
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[')
            {
                section = Section(line, source);
                continue;
            }

            // Python's ConfigParser, which Theano's files are written for, takes a colon as well.
            int separator = line.AsSpan().IndexOfAny('=', ':');
            if (separator <= 0)
            {
                throw new EngineException($"{source}: '{line}' is neither [section] nor key = value nor a # comment.");
            }

            if (section is null)
            {
                throw new EngineException($"{source}: '{line}' stands before any section; write [global] above it.");
            }

            string key = Setting.KeyOf(section, line[..separator].TrimEnd());
            if (!linesOfKeys.TryAdd(key, number))
            {
                throw new EngineException(
                    $"{source}: {key} is given twice; the first time on line {linesOfKeys[key]}.");
            }

            entries.Add(new Entry(source, key, line[(separator + 1)..].TrimStart()));
        }

        return entries;
    }

    private static string Section(string line, string source)
    {
        string name = line.EndsWith(']') ? line[1..^1].Trim() : line;
        if (Setting.Sections.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return name;
        }

        string known = string.Join(", ", Setting.Sections.Select(section => $"[{section}]"));
        throw new EngineException($"{source}: unknown section '{name}'; known are {known}.");
    }
}
