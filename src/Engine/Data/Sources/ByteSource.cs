using Engine.IO;
using Microsoft.Win32.SafeHandles;
using static Engine.TextTable;

namespace Engine.Data;

/// <summary>
/// Represents the bytes of a batch: a file on disk, or an archive's entry in memory. Files are not read as a whole, so
/// the pixels go straight to their final place. The first access to new memory costs more than the read of a cached
/// file.
/// </summary>
internal sealed class ByteSource : IDisposable
{
    public const long MaximumLength = 1 << 30;

    private readonly SafeFileHandle? _handle;

    public ByteSource(byte[] memory, string name)
    {
        Memory = memory;
        Name = name;
        Length = memory.Length;
    }

    public ByteSource(string path)
    {
        Name = path;
        ReadableFile.RequireFile(path);
        _handle = File.OpenHandle(path);
        try
        {
            Length = CheckLength(RandomAccess.GetLength(_handle), path);
        }
        catch
        {
            _handle.Dispose();
            throw;
        }
    }

    /// <summary>Gets the file's name in messages.</summary>
    public string Name { get; }

    public int Length { get; }

    /// <summary>Gets all bytes if they are in memory; else null.</summary>
    public byte[]? Memory { get; }

    public static int CheckLength(long length, string name) => length <= MaximumLength
        ? (int)length
        : throw new DataFormatException(
            $"{name}: {Digits(length)} bytes; a batch has at most {Digits(MaximumLength)}. Split it into " +
            "several data_batch files.");

    /// <summary>Fills <paramref name="destination"/> with the bytes from <paramref name="start"/> on.</summary>
    public void Read(Span<byte> destination, int start)
    {
        if (Memory is not null)
        {
            Memory.AsSpan(start, destination.Length).CopyTo(destination);
            return;
        }

        while (destination.Length > 0)
        {
            int count = RandomAccess.Read(_handle!, destination, start);
            if (count == 0)
            {
                throw new DataFormatException($"{Name}: it became shorter while it was read. Try again.");
            }

            destination = destination[count..];
            start += count;
        }
    }

    public void Dispose() => _handle?.Dispose();
}
