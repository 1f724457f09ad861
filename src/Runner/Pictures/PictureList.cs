using Engine.IO;

namespace Engine.Runner.Pictures;

/// <summary>Which picture files are meant by the files and folders that a user names.</summary>
internal static class PictureList
{
    private static readonly string[] s_endings = [".png", ".jpg", ".jpeg"];

    /// <summary>
    /// The files as they are named, and of a folder those that are called as pictures are, by name; folders in it are
    /// not looked into, and what is hidden or of the system is not there.
    /// </summary>
    /// <param name="named">Files and folders.</param>
    /// <param name="notes">Where to say how much of a folder is left out.</param>
    /// <exception cref="EngineException">A folder cannot be read or holds no picture.</exception>
    public static IReadOnlyList<string> Of(IEnumerable<string> named, TextWriter notes) =>
        [.. named.SelectMany(name => Directory.Exists(name) ? InFolder(name, notes) : [name])];

    private static string[] InFolder(string folder, TextWriter notes)
    {
        string[] all;
        try
        {
            all = [.. Directory.GetFileSystemEntries(folder).Where(path => !SystemFiles.IsOne(Path.GetFileName(path)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"The folder {folder} cannot be read: {error.Message}", error);
        }

        string[] pictures = [.. all.Where(IsPicture).Order(StringComparer.Ordinal)];
        if (pictures.Length == 0)
        {
            throw new EngineException(
                $"The folder {folder} holds no picture: no file that ends in {string.Join(", ", s_endings)}.");
        }

        if (all.Length - pictures.Length is > 0 and int others)
        {
            notes.WriteLine($"NOTE: {folder}: {pictures.Length} pictures; left out: {others} that do not end in "
                + $"{string.Join(", ", s_endings)}.");
        }

        return pictures;
    }

    private static bool IsPicture(string path) =>
        s_endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) && !Directory.Exists(path);
}
