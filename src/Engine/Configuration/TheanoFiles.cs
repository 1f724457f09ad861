using System.Text.RegularExpressions;
using Engine.IO;

namespace Engine.Configuration;

/// <summary>
/// Finds and reads Theano's configuration files as Theano does (theano/configparser.py): the files that
/// <c>$THEANORC</c> names, or else <c>.theanorc</c> in the home folder and in the current folder, which overrides it.
/// The keys of a later file override those of an earlier one, and so do later lines of one file.
/// </summary>
internal static partial class TheanoFiles
{
    public const string Variable = "THEANORC";
    private const string Name = ".theanorc", Defaults = "DEFAULT";

    /// <summary>The maximum depth of values within values: ConfigParser's MAX_INTERPOLATION_DEPTH.</summary>
    private const int MaxDepth = 10;

    /// <summary>The environment variables that Theano offers to values: <c>/tmp/theano-%(USER)s</c>.</summary>
    private static readonly string[] s_environment = ["USER", "LSCRATCH", "TMPDIR", "TEMP", "TMP"];

    /// <summary>Returns all keys of all files, each with its final value.</summary>
    /// <param name="environment">Returns the value of an environment variable.</param>
    /// <param name="currentFolder">The current folder.</param>
    /// <param name="homeFolder">The home folder; empty if there is none.</param>
    /// <param name="ignored">Receives the texts that Python ignores.</param>
    /// <exception cref="EngineException">A file cannot be read, or one of its lines is invalid.</exception>
    public static IReadOnlyList<Entry> Read(
        Func<string, string?> environment, string currentFolder, string homeFolder, ICollection<string> ignored)
    {
        var sections = new Dictionary<string, Dictionary<string, Entry>>(StringComparer.OrdinalIgnoreCase)
        {
            [Defaults] = new(StringComparer.OrdinalIgnoreCase),
        };
        foreach (string name in s_environment)
        {
            sections[Defaults][name] = new Entry("", name, environment(name) ?? "");
        }

        foreach (string path in Paths(environment(Variable), currentFolder, homeFolder))
        {
            foreach (IniLine line in IniText.Parse(path, ReadableFile.ReadAllText(path)))
            {
                if (line.Section[0] == '[')
                {
                    throw new EngineException($"{path}, line {line.Number}: '{line.Section}' has no ].");
                }

                sections.TryAdd(line.Section, new(StringComparer.OrdinalIgnoreCase));
                if (line.Key is not null)
                {
                    sections[line.Section][line.Key] = new Entry($"{path}, line {line.Number}", line.Key, line.Value);
                }
                else if (line.Value.Length > 0)
                {
                    ignored.Add($"'{line.Value}' behind [{line.Section}] on line {line.Number}, which Python drops");
                }
            }
        }

        Dictionary<string, Entry> defaults = sections[Defaults];
        return
        [
            .. sections.Where(section => section.Key != Defaults).SelectMany(section =>
                section.Value.Values.Concat(defaults.Values.Where(entry => IsInherited(section, entry)))
                    .Select(entry => entry with
                    {
                        Key = Setting.KeyOf(section.Key, entry.Key),
                        Value = Interpolated(entry.Value, section.Value, defaults),
                    })),
        ];
    }

    /// <summary>
    /// Whether a section takes a key from <c>[DEFAULT]</c>: the key is known in this section, which does not set it.
    /// </summary>
    private static bool IsInherited(KeyValuePair<string, Dictionary<string, Entry>> section, Entry entry) =>
        !section.Value.ContainsKey(entry.Key) && TheanoKeys.IsKey(Setting.KeyOf(section.Key, entry.Key));

    private static IEnumerable<string> Paths(string? named, string currentFolder, string homeFolder)
    {
        string[] home = homeFolder.Length == 0 ? [] : OperatingSystem.IsWindows()
            ? [Path.Combine(homeFolder, Name), Path.Combine(homeFolder, Name + ".txt")]
            : [Path.Combine(homeFolder, Name)];
        IEnumerable<string> paths = named is null
            ? home.Append(Path.Combine(currentFolder, Name))
            : named.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Select(path =>
                path is "~" or ['~', '/' or '\\', ..]
                    ? Path.Combine(homeFolder, path.TrimStart('~').TrimStart('/', '\\'))
                    : Path.GetFullPath(path, currentFolder));

        // As in Theano, a missing file is ignored; so is a device, such as /dev/null, or a pipe.
        return paths.Distinct().Where(path => PathKinds.Of(path) == PathKind.Regular);
    }

    /// <summary>
    /// Returns a value with its placeholders replaced: <c>%(root)s</c> by the value of that key, <c>%%</c> by one %. If
    /// a key does not exist, the value stays as written, as in Theano.
    /// </summary>
    private static string Interpolated(
        string value, Dictionary<string, Entry> section, Dictionary<string, Entry> defaults)
    {
        return Interpolate(value, 1) ?? value;

        string? Interpolate(string text, int depth)
        {
            bool isInvalid = depth > MaxDepth;
            string result = isInvalid ? text : Placeholder().Replace(text, match =>
            {
                if (match.Value == "%%")
                {
                    return "%";
                }

                string name = match.Groups[1].Value;
                Entry? entry = section.GetValueOrDefault(name) ?? defaults.GetValueOrDefault(name);
                string? inner = match.Groups[1].Success && entry is not null
                    ? Interpolate(entry.Value, depth + 1)
                    : null;
                isInvalid |= inner is null;
                return inner ?? "";
            });
            return isInvalid ? null : result;
        }
    }

    [GeneratedRegex(@"%%|%\(([^)]+)\)s|%")]
    private static partial Regex Placeholder();
}
