namespace Engine.IO;

/// <summary>
/// Writes files of which, whatever happens, the former or the new content is there, and whole: also if the process is
/// killed or the power goes.
/// </summary>
internal static class WholeFile
{
    private const string Unfinished = ".part";

    /// <summary>Lets <paramref name="write"/> fill a stream that becomes the file once it is on the disk.</summary>
    /// <exception cref="EngineException">The file cannot be written; a former one is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full) ?? full;
        if (Directory.Exists(full))
        {
            throw new EngineException($"{path} cannot be written: it is a folder; name a file in it.");
        }

        if (!Directory.Exists(folder))
        {
            throw new EngineException($"{path} cannot be written: there is no folder {folder}; make it first.");
        }

        // In the same folder, since only within one file system is a rename all or nothing.
        string prefix = $".{Path.GetFileName(full)}.";
        string temporary = Path.Combine(folder, $"{prefix}{Path.GetRandomFileName()}{Unfinished}");
        try
        {
            DiscardAbandoned(folder, $"{prefix}*{Unfinished}");
            using (FileStream stream = OpenAlone(temporary, FileMode.CreateNew))
            {
                write(stream);
                stream.Flush(flushToDisk: true);

                // While it is open and thereby locked, so that no other process takes it for abandoned.
                File.Move(temporary, full, overwrite: true);
            }

            Folder.Flush(folder);
        }
        catch (UnauthorizedAccessException error)
        {
            Discard(temporary);
            throw new EngineException($"{path} cannot be written: the folder {folder} is not writable.", error);
        }
        catch (IOException error)
        {
            Discard(temporary);
            throw new EngineException($"{path} cannot be written: {error.Message}", error);
        }
        catch
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Opens a file so that nobody else can, but that it may be renamed meanwhile.</summary>
    private static FileStream OpenAlone(string path, FileMode mode) => new(
        path, mode, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None);

    /// <summary>Deletes what processes left behind that were killed while they wrote: what nobody has open.</summary>
    private static void DiscardAbandoned(string folder, string pattern)
    {
        foreach (string part in Directory.GetFiles(folder, pattern))
        {
            try
            {
                using FileStream alone = OpenAlone(part, FileMode.Open);
                File.Delete(part);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody is writing it, or it is not ours to delete.
            }
        }
    }

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What stopped the writing is what the user has to hear, not what stopped the tidying.
        }
    }
}
