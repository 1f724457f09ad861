using Engine.IO;

namespace Engine.Data.Pictures;

/// <summary>Finds the picture files in the files and folders that a user names.</summary>
internal static class PictureList
{
    private static readonly string[] s_endings = [".png", ".jpg", ".jpeg"];

    /// <summary>
    /// Returns the named files, and from a folder those with a picture's extension, sorted by name, without hidden and
    /// system files.
    /// </summary>
    /// <param name="named">Files and folders.</param>
    /// <param name="isRecursive">Whether subfolders are searched too, after the folder's own pictures.</param>
    /// <param name="notes">Where to say how many files of a folder are left out.</param>
    /// <exception cref="EngineException">A folder cannot be read or holds no picture.</exception>
    public static IReadOnlyList<string> Of(IEnumerable<string> named, bool isRecursive, TextWriter notes) =>
        [.. named.SelectMany(name => Directory.Exists(name) ? InFolder(name, isRecursive, notes) : [name])];

    /// <summary>
    /// Returns the pictures of a folder, sorted by name, and the number of other files. Links to folders are not
    /// followed, because they may form cycles.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isRecursive">Whether its subfolders are searched too, after its own pictures.</param>
    public static (List<string> Pictures, int Others, int Folders) Find(string folder, bool isRecursive)
    {
        var pictures = new List<string>();
        int others = 0, folders = 0;
        var left = new Stack<string>([folder]);
        while (left.TryPop(out string? at))
        {
            string[] all = Entries(at), below = [.. all.Where(Directory.Exists).Order(StringComparer.Ordinal)];
            string[] own = [.. all.Where(IsPicture).Order(StringComparer.Ordinal)];
            pictures.AddRange(own);
            others += all.Length - own.Length - (isRecursive ? below.Length : 0);
            folders += below.Length;
            foreach (string inner in below.Where(inner => isRecursive && new DirectoryInfo(inner).LinkTarget is null).Reverse())
            {
                left.Push(inner);
            }
        }

        return (pictures, others, folders);
    }

    /// <summary>Returns the subfolders of a folder, sorted by name, without links that lead back to it.</summary>
    public static string[] Folders(string folder) =>
    [
        .. Entries(folder).Where(Directory.Exists).Where(inner => !LeadsBack(inner)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Gets the extensions of pictures, for messages.</summary>
    public static string Endings => string.Join(", ", s_endings);

    private static bool LeadsBack(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is null)
        {
            return false;
        }

        string? target = Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName;
        return target is null || $"{Path.GetFullPath(folder)}/".StartsWith($"{Path.TrimEndingDirectorySeparator(target)}/", StringComparison.Ordinal);
    }

    private static List<string> InFolder(string folder, bool isRecursive, TextWriter notes)
    {
        (List<string> pictures, int others, int folders) = Find(folder, isRecursive);
        if (pictures.Count == 0)
        {
            string hint = folders > 0 && !isRecursive ? $" Of the folders in it, {folders}, --recursive takes the pictures." : "";
            throw new EngineException(
                $"The folder {folder} holds no picture: no file that ends in {Endings}.{hint}");
        }

        if (others > 0)
        {
            notes.WriteLine($"NOTE: {folder}: {pictures.Count} pictures; left out: {others} that do not end in {Endings}.");
        }

        return pictures;
    }

    private static string[] Entries(string folder)
    {
        try
        {
            return [.. Directory.GetFileSystemEntries(folder).Where(path => !SystemFiles.IsSystemFile(Path.GetFileName(path)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"The folder {folder} cannot be read: {error.Message}", error);
        }
    }

    private static bool IsPicture(string path) =>
        s_endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) && !Directory.Exists(path);
}
