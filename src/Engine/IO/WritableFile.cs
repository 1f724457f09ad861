namespace Engine.IO;

/// <summary>
/// Opens files that are written in parts, with errors that name them. Things other than files are not replaced: a
/// character device, such as <c>/dev/null</c> or a terminal, is written to; everything else is refused.
/// </summary>
public static class WritableFile
{
    /// <summary>Opens a file for writing and discards its contents.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public static FileStream Create(string path) => Open(path, FileMode.Create, FileAccess.Write);

    /// <summary>Opens a file; a file that is continued may be read too.</summary>
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

    /// <summary>Determines what writing to a path would do, without opening or creating anything.</summary>
    /// <returns>Whether a file would be created or replaced; false for a device, which would be written to.</returns>
    /// <exception cref="EngineException">
    /// It is a folder, a disk, a pipe or a socket and cannot be written to, or no file can have this name.
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

    /// <summary>Does the same, but throws also if the folder of the file does not exist.</summary>
    internal static bool IsFileInFolder(string path)
    {
        bool isFile = IsFile(path);
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full) ?? full;
        return Directory.Exists(folder) ? isFile : throw new EngineException(
            $"{path} cannot be written: there is no folder {folder}; make it first.");
    }
}
