using Engine.Data;

namespace Engine.Models.Description;

/// <summary>
/// Reads a description in INI: keys above all sections, then <c>[layer NAME]</c> for each layer, <c>[update]</c> and
/// <c>[data]</c>.
/// </summary>
internal static class IniFile
{
    private const string Layer = "layer";

    public static NetworkFile Parse(string text, string path)
    {
        List<(string Title, int Line, List<Entry> Entries)> sections = [("", 1, [])];
        int number = 0;
        foreach (string line in text.Split('\n').Select(line => line.Trim()))
        {
            number++;
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[')
            {
                sections.Add((Title(line, path, number), number, []));
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw NetworkFile.Error(
                    path, number, $"'{Table.Short(line)}' is neither [section] nor key = value nor a # comment.");
            }

            sections[^1].Entries.Add(new Entry(line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart(), number));
        }

        var layers = new List<Section>();
        Section? update = null, data = null;
        foreach ((string title, int line, List<Entry> entries) in sections.Skip(1))
        {
            if (title is NetworkFile.UpdateName or NetworkFile.DataName)
            {
                ref Section? one = ref title == NetworkFile.DataName ? ref data : ref update;
                one = one is null
                    ? NetworkFile.Section(path, line, entries)
                    : throw NetworkFile.Error(
                        path, line, $"[{title}] is there twice; the first time on line {one.Line}.");
                continue;
            }

            string name = title[Layer.Length..].Trim();
            layers.Add(NetworkFile.Section(
                path, line,
                name.Length > 0 ? [new Entry(NetworkDescription.NameKey, name, line), .. entries] : entries));
        }

        return new NetworkFile(path, NetworkFile.Section(path, 1, sections[0].Entries), layers, update, data);
    }

    private static string Title(string line, string path, int number)
    {
        string title = line.EndsWith(']') ? line[1..^1].Trim() : line;
        return title is NetworkFile.UpdateName or NetworkFile.DataName or Layer
            || title.StartsWith(Layer + " ", StringComparison.Ordinal)
            ? title
            : throw NetworkFile.Error(
                path, number,
                $"there is no section {line}{Nearest.Question(title.Split(' ')[0].TrimStart('['), [Layer, NetworkFile.UpdateName, NetworkFile.DataName])} "
                + $"There are [{Layer} NAME], [update] and [data].");
    }
}
