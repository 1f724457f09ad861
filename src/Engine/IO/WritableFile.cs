namespace Engine.IO;

/// <summary>
/// Opens files that are written bit by bit, with errors that name them. What is there and is no file is not replaced:
/// a device of characters, such as <c>/dev/null</c> or a terminal, is written into, all else is refused.
/// </summary>
public static class WritableFile
{
    /// <summary>Opens a file for writing; what was in it is gone.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public static FileStream Create(string path) => Open(path, FileMode.Create, FileAccess.Write);

    /// <summary>Opens a file; one that is continued may be read too.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    internal static FileStream Open(string path, FileMode mode, FileAccess access)
    {
        bool isFile = IsFileInFolder(path);
        try
        {
            return isFile
                ? new FileStream(path, mode, access, FileShare.Read)
                : new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"{path} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Finds out what writing to a path would do; nothing is opened or made.</summary>
    /// <returns>Whether a file would be made or replaced; false for a device, which would be written into.</returns>
    /// <exception cref="EngineException">
    /// It cannot be written to for what it is: a folder, a disk, a pipe or a socket; or no file can be called so.
    /// </exception>
    public static bool IsFile(string path)
    {
        PathKinds.RequireName(path);
        return PathKinds.Of(path) switch
        {
            PathKind.Regular or PathKind.None => true,
            PathKind.CharacterDevice => false,
            PathKind.Folder => throw new EngineException(
                $"{path} cannot be written: it is a folder; name a file in it."),
            PathKind kind => throw new EngineException(
                $"{path} cannot be written: it is {kind.Name()}, which a file would replace; name a file."),
        };
    }

    /// <summary>Does so too where there is no folder for the file.</summary>
    internal static bool IsFileInFolder(string path)
    {
        bool isFile = IsFile(path);
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full) ?? full;
        return Directory.Exists(folder) ? isFile : throw new EngineException(
            $"{path} cannot be written: there is no folder {folder}; make it first.");
    }
}
