using System.Text;
using Engine.IO;

namespace Engine.Models.Description;

/// <summary>A key with its value as text, whichever format it was written in: lists of numbers as <c>1x32x32</c>.</summary>
/// <param name="Key">The key.</param>
/// <param name="Text">The value.</param>
/// <param name="Line">The line it stands on, from 1 on.</param>
internal sealed record Entry(string Key, string Text, int Line);

/// <summary>Keys that belong together: those of a layer, say.</summary>
internal sealed record Section(int Line, IReadOnlyList<Entry> Entries);

/// <summary>
/// A network's description as it is written, in JSON or INI: checked for its form, not yet for what the keys mean.
/// </summary>
/// <param name="Path">What messages call it.</param>
/// <param name="Top">The keys outside of the sections below.</param>
/// <param name="Layers">The layers in their order.</param>
/// <param name="Update">How parameters follow their gradients.</param>
/// <param name="Data">What is trained on.</param>
internal sealed record NetworkFile(
    string Path, Section Top, IReadOnlyList<Section> Layers, Section? Update, Section? Data)
{
    public const string LayersName = "layers", UpdateName = "update", DataName = "data";

    /// <summary>Gets the sections of a network, which a misspelt key may be meant to be.</summary>
    public static IReadOnlyList<string> Sections { get; } = [LayersName, UpdateName, DataName];

    /// <summary>No description is longer; a file that is was named by mistake.</summary>
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads a file: INI if it is named so or does not begin with <c>{</c>, else JSON.</summary>
    /// <exception cref="EngineException">It cannot be read, or is neither; the message names file and line.</exception>
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

    /// <summary>Returns a section, in which no key may stand twice.</summary>
    public static Section Section(string path, int line, IReadOnlyList<Entry> entries)
    {
        var lines = new Dictionary<string, int>();
        foreach (Entry entry in entries)
        {
            if (!lines.TryAdd(entry.Key, entry.Line))
            {
                throw Error(path, entry.Line, $"{entry.Key} is given twice; the first time on line {lines[entry.Key]}.");
            }
        }

        return new Section(line, entries);
    }
}
