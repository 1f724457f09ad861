using Engine.IO;

namespace Engine.Data;

/// <summary>Finds the files of one kind, pictures or texts, in the files and folders that a user names.</summary>
/// <param name="noun">What one of them is called.</param>
/// <param name="endings">How their names end.</param>
internal sealed class SampleFiles(string noun, params string[] endings)
{
    /// <summary>Pictures.</summary>
    public static readonly SampleFiles Pictures = new("picture", ".png", ".jpg", ".jpeg");

    /// <summary>Texts.</summary>
    public static readonly SampleFiles Texts = new("text", ".txt");

    /// <summary>Gets what one of them is called.</summary>
    public string Noun => noun;

    /// <summary>Gets how their names end, for messages.</summary>
    public string Endings => string.Join(", ", endings);

    /// <summary>
    /// Returns the named files, and from a folder those with such an ending, sorted by name, without hidden and system
    /// files.
    /// </summary>
    /// <param name="named">Files and folders.</param>
    /// <param name="isRecursive">Whether subfolders are searched too, after the folder's own files.</param>
    /// <param name="notes">Where to say how many files of a folder are left out.</param>
    /// <exception cref="EngineException">A folder cannot be read or holds no such file.</exception>
    public IReadOnlyList<string> Of(IEnumerable<string> named, bool isRecursive, TextWriter notes) =>
        [.. named.SelectMany(name => Directory.Exists(name) ? InFolder(name, isRecursive, notes) : [name])];

    /// <summary>
    /// Returns the files of a folder, sorted by name, and the number of other files. Links to folders are not followed,
    /// because they may form cycles; they count as others.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isRecursive">Whether its subfolders are searched too, after its own files.</param>
    public (List<string> Files, int Others, int Folders) Find(string folder, bool isRecursive)
    {
        var files = new List<string>();
        int others = 0, folders = 0;
        var left = new Stack<string>([folder]);
        while (left.TryPop(out string? at))
        {
            string[] all = Entries(at);
            string[] below = [.. all.Where(path => Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
                .OrderDescending(StringComparer.Ordinal)];
            string[] own = [.. all.Where(IsOne).Order(StringComparer.Ordinal)];
            files.AddRange(own);
            others += all.Length - own.Length - (isRecursive ? below.Length : 0);
            folders += below.Length;
            Array.ForEach(isRecursive ? below : [], left.Push);
        }

        return (files, others, folders);
    }

    /// <summary>Returns the subfolders of a folder, sorted by name, without links that lead back to it.</summary>
    public static string[] Folders(string folder) =>
    [
        .. Entries(folder).Where(Directory.Exists).Where(inner => !LeadsBack(inner)).Order(StringComparer.Ordinal),
    ];

    private static bool LeadsBack(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is null)
        {
            return false;
        }

        string? target = Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName;
        return target is null || $"{Path.GetFullPath(folder)}/".StartsWith(
            $"{Path.TrimEndingDirectorySeparator(target)}/", StringComparison.Ordinal);
    }

    private List<string> InFolder(string folder, bool isRecursive, TextWriter notes)
    {
        (List<string> files, int others, int folders) = Find(folder, isRecursive);
        if (files.Count == 0)
        {
            string hint = folders > 0 && !isRecursive
                ? $" Of the folders in it, {folders}, --recursive takes the {noun}s."
                : "";
            throw new EngineException(
                $"The folder {folder} holds no {noun}: no file that ends in {Endings}.{hint}");
        }

        if (others > 0)
        {
            notes.WriteLine($"NOTE: {folder}: {files.Count} {noun}s; left out: {others} that do not end in {Endings}.");
        }

        return files;
    }

    private static string[] Entries(string folder)
    {
        try
        {
            return [.. Directory.GetFileSystemEntries(folder)
                .Where(path => !SystemFiles.IsSystemFile(Path.GetFileName(path)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"The folder {folder} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Returns whether a name ends as those of such files do.</summary>
    public bool IsNamed(string name) =>
        endings.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private bool IsOne(string path) => IsNamed(path) && !Directory.Exists(path);
}
