using Engine.IO;

namespace Engine.Data.Pictures;

/// <summary>Which picture files are meant by the files and folders that a user names.</summary>
internal static class PictureList
{
    private static readonly string[] s_endings = [".png", ".jpg", ".jpeg"];

    /// <summary>
    /// Returns the files as they are named, and of a folder those that are called as pictures are, by name; what is
    /// hidden or of the system is not there.
    /// </summary>
    /// <param name="named">Files and folders.</param>
    /// <param name="isRecursive">Whether folders in a folder are looked into, behind its own pictures.</param>
    /// <param name="notes">Where to say how much of a folder is left out.</param>
    /// <exception cref="EngineException">A folder cannot be read or holds no picture.</exception>
    public static IReadOnlyList<string> Of(IEnumerable<string> named, bool isRecursive, TextWriter notes) =>
        [.. named.SelectMany(name => Directory.Exists(name) ? InFolder(name, isRecursive, notes) : [name])];

    /// <summary>
    /// Returns the pictures of a folder, by name, and how many other things are in it. Links to folders are not
    /// followed: one may lead back to where it is.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isRecursive">Whether folders in it are looked into, behind its own pictures.</param>
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

    /// <summary>Returns the folders in a folder, by name, without links that lead back to it.</summary>
    public static string[] Folders(string folder) =>
    [
        .. Entries(folder).Where(Directory.Exists).Where(inner => !LeadsBack(inner)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Gets the endings of pictures' names, as messages have them.</summary>
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
            return [.. Directory.GetFileSystemEntries(folder).Where(path => !SystemFiles.IsOne(Path.GetFileName(path)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"The folder {folder} cannot be read: {error.Message}", error);
        }
    }

    private static bool IsPicture(string path) =>
        s_endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) && !Directory.Exists(path);
}
