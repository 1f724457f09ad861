namespace Engine.IO;

/// <summary>Writes files of which, whatever happens, the former or the new content is there, and whole.</summary>
internal static class WholeFile
{
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
        string temporary = Path.Combine(folder, $".{Path.GetFileName(full)}.{Path.GetRandomFileName()}");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
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
