using System.Runtime.InteropServices;

namespace Engine.IO;

/// <summary>What .NET does not offer for folders.</summary>
internal static partial class Folder
{
    private const string Library = "libc";
    private const int ReadOnly = 0;

    /// <summary>
    /// Has a folder's list of names reach the disk, without which a rename may be forgotten when the power goes. NTFS
    /// does that by itself; a file system that cannot is left as it is.
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
