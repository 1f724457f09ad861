using Engine.IO;
using Microsoft.Win32.SafeHandles;

namespace Engine.Onnx;

/// <summary>
/// Provides the bytes of a model on demand. Weights are read straight into their tensors, so the file is
/// never in memory at the same time.
/// </summary>
internal sealed class ModelBytes : IDisposable
{
    private readonly byte[]? _memory;
    private readonly SafeFileHandle? _file;

    private ModelBytes(string name, byte[]? memory, SafeFileHandle? file, long length) =>
        (Name, _memory, _file, Length) = (name, memory, file, length);

    /// <summary>Gets its name in messages.</summary>
    public string Name { get; }

    /// <summary>Gets the number of bytes.</summary>
    public long Length { get; }

    /// <summary>Returns the bytes of an array in memory.</summary>
    public static ModelBytes Of(byte[] bytes, string name) => new(name, bytes, null, bytes.Length);

    /// <summary>Opens a file, which stays open until this is disposed of.</summary>
    /// <exception cref="EngineException">The file is missing, is not a file, or cannot be read.</exception>
    public static ModelBytes Open(string path)
    {
        ReadableFile.RequireFile(path);
        try
        {
            SafeFileHandle file = File.OpenHandle(path, options: FileOptions.RandomAccess);
            return new ModelBytes(path, null, file, RandomAccess.GetLength(file));
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

    /// <summary>Fills a span with the bytes from an offset on.</summary>
    /// <exception cref="ModelFileException">There are not enough bytes.</exception>
    public void Read(long at, Span<byte> to)
    {
        if (at < 0 || at > Length - to.Length)
        {
            throw new ModelFileException($"{Name} ends in the middle of a value: it is cut off.");
        }

        if (_memory is not null)
        {
            _memory.AsSpan((int)at, to.Length).CopyTo(to);
            return;
        }

        try
        {
            while (!to.IsEmpty)
            {
                int read = RandomAccess.Read(_file!, to, at);
                if (read == 0)
                {
                    throw new ModelFileException($"{Name} became shorter while it was read.");
                }

                at += read;
                to = to[read..];
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException($"{Name} cannot be read: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();
}
