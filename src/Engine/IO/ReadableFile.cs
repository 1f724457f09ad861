namespace Engine.IO;

/// <summary>Opens files for reading, with errors that name them.</summary>
internal static class ReadableFile
{
    /// <summary>What <paramref name="read"/> makes of the open file, given what messages call it.</summary>
    /// <exception cref="EngineException">The file is missing or cannot be read.</exception>
    public static T Read<T>(string path, Func<Stream, string, T> read)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            using FileStream stream = File.OpenRead(path);
            return read(stream, path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new EngineException($"There is no file {path}.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"{path} cannot be read: {error.Message}", error);
        }
    }
}
