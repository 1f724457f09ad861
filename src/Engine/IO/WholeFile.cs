namespace Engine.IO;

/// <summary>
/// Writes files atomically: there is always either the complete old content or the complete new content, even if the
/// process is killed or the power fails. A symbolic link is followed. Things other than files are not replaced: a
/// character device, such as <c>/dev/null</c>, is written to; a pipe, a socket or a disk is refused.
/// </summary>
public static class WholeFile
{
    private const string Unfinished = ".part";

    /// <summary>The bytes of a file's name that its temporary file's name contains, so that both names fit.</summary>
    private const int MaxNameBytes = 100;

    /// <summary>Lets <paramref name="write"/> fill a stream, which becomes the file once it is on the disk.</summary>
    /// <exception cref="EngineException">The file cannot be written; an existing file is unchanged.</exception>
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
            // Follows all links to their final target, which need not exist.
            full = new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, true)!.FullName;
            string folder = Path.GetDirectoryName(full)!;

            // In the same folder, because a rename is atomic only within one file system.
            string prefix = $".{Start(Path.GetFileName(full))}.";
            temporary = Path.Combine(folder, $"{prefix}{Path.GetRandomFileName()}{Unfinished}");
            DiscardAbandoned(folder, prefix);
            using (FileStream stream = OpenAlone(temporary, FileMode.CreateNew))
            {
                write(stream);
                stream.Flush(flushToDisk: true);

                // While it is open and so locked; otherwise another process could take it for abandoned.
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

    /// <summary>Returns the beginning of a name, cut between two characters.</summary>
    internal static string Start(string name)
    {
        int bytes = 0;
        return string.Concat(name.EnumerateRunes()
            .TakeWhile(rune => (bytes += rune.Utf8SequenceLength) <= MaxNameBytes)
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

    /// <summary>Opens a file so that nobody else can open it, but it can be renamed.</summary>
    private static FileStream OpenAlone(string path, FileMode mode) => new(
        path, mode, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None);

    /// <summary>Deletes files that killed processes left behind: those that no process has open.</summary>
    private static void DiscardAbandoned(string folder, string prefix)
    {
        // The prefix is compared here because a name may contain the wildcards of search patterns.
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
                // Another process is writing it, or this one may not delete it.
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
            // The user must see the error of the write, not that of the cleanup.
        }
    }
}
