using System.Text;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Represents a folder of texts. Each class is a folder in it, with <c>.txt</c> files, also in folders inside it. If
/// there are folders called train and test, or validation, their samples stay separate.
/// </summary>
/// <param name="Path">The folder.</param>
public sealed record TextFolder(string Path) : IDataSource
{
    /// <summary>Represents the names of the columns of texts and of classes.</summary>
    public const string Text = "text", Class = "class";

    /// <summary>The largest size of a file: longer texts cannot be told apart by their words.</summary>
    private const long MaxBytes = 1 << 20;

    /// <summary>Gets or sets the encoding; null to detect that of each file.</summary>
    public Encoding? Encoding { get; init; }

    /// <summary>
    /// Gets or sets the share of the files that may be no text, empty or too long. These are left out; more are
    /// refused.
    /// </summary>
    public double MaxBroken { get; init; } = 0.1;

    /// <summary>Returns whether a folder has folders with texts, and none with pictures.</summary>
    public static bool IsMatch(string path) => Directory.Exists(path)
        && SampleFiles.Folders(path) is { Length: > 0 } folders
        && folders.Any(folder => SampleFiles.Texts.Find(folder, isRecursive: true).Files.Count > 0)
        && !folders.Any(folder => SampleFiles.Pictures.Find(folder, isRecursive: true).Files.Count > 0);

    /// <inheritdoc/>
    public DataSet Load()
    {
        var folders = new ClassFolders(Path, SampleFiles.Texts);
        (string train, string? validation, string? test) = folders.Parts();
        var notes = new List<string>();
        Table first = Read(folders, train, notes);
        Table? second = validation is null ? null : Read(folders, validation, notes),
            third = test is null ? null : Read(folders, test, notes);
        folders.Require(ClassesOf(first), [.. Others(validation, second), .. Others(test, third)]);
        return new DataSet(folders.DataName, first, Class)
        {
            Validation = second,
            Test = third,
            Notes = notes,
            Warnings = folders.Warnings,
        };

        static IEnumerable<string> ClassesOf(Table part) => ((TextColumn)part[Class]).Words;

        static IEnumerable<(string, IEnumerable<string>)> Others(string? folder, Table? part) =>
            part is null ? [] : [(folder!, ClassesOf(part))];
    }

    /// <summary>Returns the text of a file as a table of one row.</summary>
    /// <exception cref="EngineException">It is no text, empty or too long.</exception>
    internal static Table ReadFile(string path, string column, Encoding? encoding) =>
        new(new TextColumn(column, [TextOf(path, encoding).Text]));

    private Table Read(ClassFolders folders, string part, List<string> notes)
    {
        List<(string Path, string Class)> files = folders.Files(part);
        var texts = new List<string>();
        var classes = new List<string>();
        var encodings = new List<string>();
        var complaints = new List<string>();
        foreach ((string file, string name) in files)
        {
            try
            {
                (string text, Encoding encoding) = TextOf(file, Encoding);
                texts.Add(text);
                classes.Add(name);
                encodings.Add(encoding.WebName.ToUpperInvariant());
            }
            catch (EngineException error)
            {
                complaints.Add(error.Message);
            }
        }

        folders.LeaveOut(part, complaints, files.Count, MaxBroken);
        string[] found = [.. encodings.CountBy(name => name).OrderByDescending(pair => pair.Value)
            .Select(
                pair => encodings.Count == pair.Value
                    ? pair.Key
                    : FormattableString.Invariant($"{pair.Value:N0} in {pair.Key}"))];
        notes.Add(FormattableString.Invariant(
            $"{part}: {texts.Count:N0} texts of {classes.Distinct().Count()} classes; {string.Join(", ", found)}."));
        return new Table(new TextColumn(Text, texts), new TextColumn(Class, classes));
    }

    private static (string Text, Encoding Encoding) TextOf(string path, Encoding? encoding)
    {
        byte[] bytes = ReadableFile.Read(path, (file, name) =>
        {
            byte[] read = new byte[Math.Min(file.Length, MaxBytes) + 1];
            int length = file.ReadAtLeast(read, read.Length, throwOnEndOfStream: false);
            return length <= MaxBytes ? read[..length] : throw new DataFormatException(
                FormattableString.Invariant(
                    $"{name} has {file.Length:N0} bytes, and a text has {MaxBytes:N0} at most: cut it into pieces."));
        });
        Encoding own = encoding ?? TextEncoding.Of(bytes)
            ?? throw new DataFormatException($"{path} is no text: it has bytes that no text has.");
        string text = own.GetString(bytes).TrimStart('\uFEFF');
        return string.IsNullOrWhiteSpace(text) ? throw new DataFormatException($"{path} is empty.") : (text, own);
    }
}
