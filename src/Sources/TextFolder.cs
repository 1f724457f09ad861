using Engine.Data.Pictures;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Represents a folder of texts. Each class is a folder in it, with <c>.txt</c> files, also in folders inside it. If
/// there are a <c>train/</c> and a <c>test/</c>, their samples stay separate.
/// </summary>
/// <param name="Path">The folder.</param>
public sealed record TextFolder(string Path) : IDataSource
{
    /// <summary>Represents the names of the columns of texts and of classes.</summary>
    public const string Text = "text", Class = "class";

    /// <summary>The greatest size of a file: longer texts cannot be told apart by their words.</summary>
    private const long MaxBytes = 1 << 20;

    /// <summary>Returns whether a folder has folders with texts, and none with pictures.</summary>
    public static bool IsMatch(string path) => Directory.Exists(path)
        && PictureList.Folders(path) is { Length: > 0 } folders
        && folders.Any(folder => Files(folder).Any())
        && !folders.Any(folder => PictureList.Find(folder, isRecursive: true).Pictures.Count > 0);

    /// <inheritdoc/>
    public DataSet Load()
    {
        string[] folders = PictureList.Folders(Path);
        string? train = Named("train"), test = Named("test");
        var warnings = new List<string>();
        Table first = Read(train is not null && test is not null ? train : Path, warnings);
        Table? second = train is not null && test is not null ? Read(test, warnings) : null;
        string name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)));
        return new DataSet(name, first, Class)
        {
            Test = second,
            Notes =
            [
                FormattableString.Invariant($"{Path}: {first.Count:N0} texts of {((TextColumn)first[Class]).Words.Count} classes")
                    + (second is null ? "." : FormattableString.Invariant($" to train with, {second.Count:N0} to test with.")),
            ],
            Warnings = warnings,
        };

        string? Named(string part) =>
            folders.FirstOrDefault(folder => System.IO.Path.GetFileName(folder).Equals(part, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Returns the text of a file as a table of one row.</summary>
    internal static Table ReadFile(string path, string column) => new(new TextColumn(column, [TextOf(path)]));

    private static Table Read(string folder, List<string> warnings)
    {
        var texts = new List<string>();
        var classes = new List<string>();
        foreach (string inner in PictureList.Folders(folder))
        {
            string name = System.IO.Path.GetFileName(inner);
            int before = texts.Count;
            foreach (string file in Files(inner))
            {
                texts.Add(TextOf(file));
                classes.Add(name);
            }

            if (texts.Count == before)
            {
                warnings.Add($"The folder {inner} holds no text: it is no class.");
            }
        }

        return texts.Count > 0 ? new Table(new TextColumn(Text, texts), new TextColumn(Class, classes)) : throw new DataFormatException(
            $"{folder} has no folders with texts in them. Each class is a folder, with files that end in .txt.");
    }

    /// <summary>
    /// Returns the text files of a folder in the order of their names. It does not follow links to folders.
    /// </summary>
    private static IEnumerable<string> Files(string folder) => Directory
        .EnumerateFiles(folder, "*.txt", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        })
        .Order(StringComparer.Ordinal);

    private static string TextOf(string path) => new FileInfo(path) is { Exists: true, Length: > MaxBytes and var bytes }
        ? throw new DataFormatException(FormattableString.Invariant($"{path} has {bytes:N0} bytes, and a text has {MaxBytes:N0} at most: cut it into pieces."))
        : ReadableFile.ReadAllText(path);
}
