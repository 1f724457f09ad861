using Engine.IO;

namespace Engine.Configuration;

/// <summary>Finds and reads <c>.enginerc</c>, in which every key must be known.</summary>
internal static class RcFile
{
    public const string Variable = "ENGINERC";
    private const string Name = ".enginerc", Nothing = "/dev/null";

    public static IReadOnlyList<Entry> Read(Func<string, string?> environment, string currentFolder, string homeFolder)
    {
        string? named = environment(Variable);
        if (named == Nothing)
        {
            return [];
        }

        if (!string.IsNullOrWhiteSpace(named))
        {
            PathKinds.RequireName(named);
            return Read(Path.GetFullPath(named, currentFolder), $", which ${Variable} names");
        }

        string? path = new[] { currentFolder, homeFolder }
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, Name))
            .FirstOrDefault(File.Exists);
        return path is null ? [] : Read(path, "");
    }

    private static List<Entry> Read(string path, string why)
    {
        string text;
        try
        {
            text = ReadableFile.ReadAllText(path);
        }
        catch (EngineException error)
        {
            throw new EngineException($"The configuration file {path}{why}: {error.Message}", error);
        }

        return Entries(path, IniText.Parse(path, text));
    }

    private static List<Entry> Entries(string path, IEnumerable<IniLine> lines)
    {
        var entries = new List<Entry>();
        var linesOfKeys = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (IniLine line in lines)
        {
            string source = $"{path}, line {line.Number}";
            if (line.Key is null)
            {
                RequireSection(line, source);
                continue;
            }

            string key = Setting.KeyOf(line.Section, line.Key);
            if (!linesOfKeys.TryAdd(key, line.Number))
            {
                throw new EngineException(
                    $"{source}: {key} is given twice; the first time on line {linesOfKeys[key]}.");
            }

            entries.Add(new Entry(source, key, line.Value));
        }

        return entries;
    }

    private static void RequireSection(IniLine line, string source)
    {
        if (!Setting.Sections.Contains(line.Section.Trim(), StringComparer.OrdinalIgnoreCase))
        {
            string known = string.Join(", ", Setting.Sections.Select(section => $"[{section}]"));
            throw new EngineException($"{source}: unknown section '{line.Section.Trim()}'; known are {known}.");
        }

        if (line.Value.Length > 0)
        {
            throw new EngineException(
                $"{source}: '{line.Value}' stands behind [{line.Section}]; write it on a line of its own.");
        }
    }
}
