using System.Text;

namespace Engine.IO;

/// <summary>
/// Reads files, with errors that name them. It refuses devices, pipes and sockets because opening or reading one may
/// wait forever.
/// </summary>
public static class ReadableFile
{
    /// <summary>
    /// Returns the result of <paramref name="read"/>, which gets the open file and its name for messages.
    /// </summary>
    /// <exception cref="EngineException">The file is missing, is not a regular file or cannot be read.</exception>
    public static T Read<T>(string path, Func<FileStream, string, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        RequireFile(path);
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
            // .NET's messages repeat the name of the file.
            string why = error.Message.Replace($" : '{Path.GetFullPath(path)}'", "", StringComparison.Ordinal);
            throw new EngineException($"{path} cannot be read: {why}{(why.EndsWith('.') ? "" : ".")}", error);
        }
    }

    /// <summary>Throws if something other than a file is there, without opening it.</summary>
    /// <exception cref="EngineException">It is a folder, a device, a pipe or a socket, or has no name.</exception>
    internal static void RequireFile(string path)
    {
        PathKinds.RequireName(path);
        PathKind kind = PathKinds.Of(path);
        if (kind is not (PathKind.Regular or PathKind.None))
        {
            throw new EngineException(kind == PathKind.Folder
                ? $"{path} cannot be read: it is a folder; name a file in it."
                : $"{path} cannot be read: it is {kind.Name()}, not a file; copy what it gives into a file first.");
        }
    }

    /// <summary>Returns all bytes of the file.</summary>
    /// <inheritdoc cref="Read"/>
    public static byte[] ReadAllBytes(string path) => Read(path, (stream, _) =>
    {
        // Some system files do not report their length.
        var bytes = new MemoryStream(checked((int)Math.Min(stream.Length, Array.MaxLength)));
        stream.CopyTo(bytes);
        return bytes.Length == bytes.Capacity ? bytes.GetBuffer() : bytes.ToArray();
    });

    /// <summary>
    /// Returns the text of the file: UTF-8, unless it begins with the byte order mark of another encoding.
    /// </summary>
    /// <inheritdoc cref="Read"/>
    public static string ReadAllText(string path) => Read(path, (stream, _) =>
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    });
}
