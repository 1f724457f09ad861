namespace Engine.IO;

/// <summary>
/// Writes files of which, whatever happens, the former or the new content is there, and whole: also if the process is
/// killed or the power goes. A symbolic link is followed. What is there and is no file is not replaced: a device of
/// characters, such as <c>/dev/null</c>, is written into, a pipe, a socket or a disk refused.
/// </summary>
public static class WholeFile
{
    private const string Unfinished = ".part";

    /// <summary>
    /// How many bytes of a file's name its hidden one has, so that it fits wherever the name itself does.
    /// </summary>
    private const int MostOfName = 100;

    /// <summary>Lets <paramref name="write"/> fill a stream that becomes the file once it is on the disk.</summary>
    /// <exception cref="EngineException">The file cannot be written; a former one is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (!WritableFile.IsFileInFolder(path))
        {
            WriteInto(path, write);
            return;
        }

        string full = Path.GetFullPath(path), temporary = "";
        try
        {
            // Through all links, to what need not be there yet.
            full = new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, true)!.FullName;
            string folder = Path.GetDirectoryName(full)!;

            // In the same folder, since only within one file system is a rename all or nothing.
            string prefix = $".{Start(Path.GetFileName(full))}.";
            temporary = Path.Combine(folder, $"{prefix}{Path.GetRandomFileName()}{Unfinished}");
            DiscardAbandoned(folder, prefix);
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
            throw new EngineException(
                $"{path} cannot be written: the folder {Path.GetDirectoryName(full)} is not writable.", error);
        }
        catch (IOException error)
        {
            Discard(temporary);
            string why = temporary.Length > 0
                ? error.Message.Replace(temporary, full, StringComparison.Ordinal)
                : error.Message;
            throw new EngineException($"{path} cannot be written: {why}", error);
        }
        catch
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>The beginning of a name, cut between two characters.</summary>
    internal static string Start(string name)
    {
        int bytes = 0;
        return string.Concat(name.EnumerateRunes()
            .TakeWhile(rune => (bytes += rune.Utf8SequenceLength) <= MostOfName)
            .Select(rune => rune.ToString()));
    }

    private static void WriteInto(string device, Action<Stream> write)
    {
        using FileStream stream = WritableFile.Create(device);
        try
        {
            write(stream);
            stream.Flush();
        }
        catch (IOException error)
        {
            throw new EngineException($"{device} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Opens a file so that nobody else can, but that it may be renamed meanwhile.</summary>
    private static FileStream OpenAlone(string path, FileMode mode) => new(
        path, mode, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None);

    /// <summary>Deletes what processes left behind that were killed while they wrote: what nobody has open.</summary>
    private static void DiscardAbandoned(string folder, string prefix)
    {
        // By hand, for a name may hold what a search pattern takes for a wildcard.
        foreach (string part in Directory.GetFiles(folder, $"*{Unfinished}"))
        {
            if (!Path.GetFileName(part).StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

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
        if (temporary.Length == 0)
        {
            return;
        }

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
