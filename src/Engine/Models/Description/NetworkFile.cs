using System.Text;
using Engine.IO;

namespace Engine.Models.Description;

/// <summary>
/// Represents a key with its value as text, from either format. Lists of numbers have the form <c>1x32x32</c>.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Text">The value.</param>
/// <param name="Line">Its line, from 1.</param>
internal sealed record Entry(string Key, string Text, int Line)
{
    /// <summary>Gets or sets the objects of the list that is the value; empty if it is none.</summary>
    public IReadOnlyList<Section> Layers { get; init; } = [];
}

/// <summary>Represents keys that belong together, such as the keys of a layer.</summary>
internal sealed record Section(int Line, IReadOnlyList<Entry> Entries);

/// <summary>
/// Represents a network's description in JSON or INI. Its syntax is checked, but not yet its meaning.
/// </summary>
/// <param name="Path">Its name in messages.</param>
/// <param name="Top">The keys outside of the sections below.</param>
/// <param name="Layers">The layers in their order.</param>
/// <param name="Update">The section of the update rule.</param>
/// <param name="Data">The section of the data.</param>
internal sealed record NetworkFile(
    string Path, Section Top, IReadOnlyList<Section> Layers, Section? Update, Section? Data)
{
    public const string LayersName = "layers", UpdateName = "update", DataName = "data";

    /// <summary>Gets the names of sections, which a misspelled key may mean.</summary>
    public static IReadOnlyList<string> Sections { get; } = [LayersName, UpdateName, DataName];

    /// <summary>Descriptions are shorter than this. A longer file was chosen by mistake.</summary>
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads a file: INI if its name says so or it does not begin with <c>{</c>, else JSON.</summary>
    /// <exception cref="EngineException">
    /// It cannot be read, or is neither; the message has the file and the line.
    /// </exception>
    public static NetworkFile Read(string path) => ReadableFile.Read(path, (file, _) =>
    {
        if (file.Length > MaxBytes)
        {
            throw new EngineException(
                $"{path} is larger than a description of a network can be ({MaxBytes >> 20} MiB): "
                + "name a .json or .ini file.");
        }

        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return Parse(bytes, path);
    });

    /// <summary>Reads a description from the bytes of a file.</summary>
    public static NetworkFile Parse(byte[] bytes, string path)
    {
        ReadOnlySpan<byte> text = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(3) : bytes;
        bool isIni = path.EndsWith(".ini", StringComparison.OrdinalIgnoreCase)
            || (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                && text.TrimStart(" \t\r\n"u8) is not [(byte)'{' or (byte)'/', ..]);
        return isIni ? IniFile.Parse(Encoding.UTF8.GetString(text), path) : JsonFile.Parse(text, path);
    }

    /// <summary>Returns the error of a line.</summary>
    public static EngineException Error(string path, int line, string what) => new($"{path}, line {line}: {what}");

    /// <inheritdoc cref="Error(string, int, string)"/>
    public EngineException Error(int line, string what) => Error(Path, line, what);

    /// <summary>Returns a section. No key may appear twice.</summary>
    public static Section Section(string path, int line, IReadOnlyList<Entry> entries)
    {
        var lines = new Dictionary<string, int>();
        foreach (Entry entry in entries)
        {
            if (!lines.TryAdd(entry.Key, entry.Line))
            {
                throw Error(
                    path, entry.Line, $"{entry.Key} is given twice; the first time on line {lines[entry.Key]}.");
            }
        }

        return new Section(line, entries);
    }
}
