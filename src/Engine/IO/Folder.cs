using System.Runtime.InteropServices;

namespace Engine.IO;

/// <summary>Provides an operation on folders that .NET lacks.</summary>
internal static partial class Folder
{
    private const string Library = "libc";
    private const int ReadOnly = 0;

    /// <summary>
    /// Flushes a folder's entries to the disk; without this, a rename may be lost when the power fails. NTFS does it by
    /// itself. If a file system cannot do it, nothing happens.
    /// </summary>
    public static void Flush(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int folder = Open(path, ReadOnly);
        if (folder >= 0)
        {
            _ = Synchronize(folder);
            _ = Close(folder);
        }
    }

    [LibraryImport(Library, EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport(Library, EntryPoint = "fsync")]
    private static partial int Synchronize(int file);

    [LibraryImport(Library, EntryPoint = "close")]
    private static partial int Close(int file);
}
