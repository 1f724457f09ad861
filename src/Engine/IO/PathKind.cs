using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Engine.IO;

/// <summary>Specifies what is at a path, after links are followed.</summary>
internal enum PathKind
{
    /// <summary>Nothing, or something that cannot be examined.</summary>
    None,

    /// <summary>A file with finite contents.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A character device: <c>/dev/null</c>, a terminal.</summary>
    CharacterDevice,

    /// <summary>A block device: a disk.</summary>
    BlockDevice,

    /// <summary>A pipe, named or unnamed: opening it waits for the other end.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,
}

/// <summary>Finds out what is at a path, without opening it, and names it for messages.</summary>
internal static partial class PathKinds
{
    /// <summary>
    /// The runtime's own portable stat; the struct of libc's stat differs between systems and processors.
    /// </summary>
    private const string Runtime = "libSystem.Native";

    /// <summary>More than the size of its struct, which begins with four bytes of flags and four of the mode.</summary>
    private const int StatusBytes = 512, ModeAt = 4;

    // POSIX does not define the numbers; they are the same on Linux, macOS and the BSDs.
    private const int TypeMask = 0xF000;

    /// <summary>Returns the kind of what is at a path.</summary>
    public static PathKind Of(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            return OfUnix(path);
        }

        // NUL, CON and pipes, which Windows finds in every folder.
        return Path.GetFullPath(path).StartsWith(@"\\.\", StringComparison.Ordinal) ? PathKind.CharacterDevice
            : File.Exists(path) ? PathKind.Regular
            : Directory.Exists(path) ? PathKind.Folder
            : PathKind.None;
    }

    /// <summary>Returns its name, with advice on what to do instead of reading or overwriting it.</summary>
    public static string Name(this PathKind kind) => kind switch
    {
        PathKind.CharacterDevice => "a device",
        PathKind.BlockDevice => "a disk",
        PathKind.Pipe => "a pipe",
        PathKind.Socket => "a socket",
        PathKind.Folder => "a folder",
        _ => "a file",
    };

    /// <summary>Throws for a name that no file can have.</summary>
    /// <exception cref="EngineException">It is empty, or holds a character of code 0.</exception>
    public static void RequireName(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0)
        {
            throw new EngineException("The name of the file is empty: give one.");
        }

        if (path.Contains('\0', StringComparison.Ordinal))
        {
            string shown = path.Replace("\0", "\\0", StringComparison.Ordinal);
            throw new EngineException($"No file can be called '{shown}': the name holds a character of code 0.");
        }
    }

    [UnsupportedOSPlatform("windows")]
    private static PathKind OfUnix(string path)
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        if (Stat(path, ref MemoryMarshal.GetReference(status)) != 0)
        {
            return PathKind.None;
        }

        return (MemoryMarshal.Read<int>(status[ModeAt..]) & TypeMask) switch
        {
            0x8000 => PathKind.Regular,
            0x4000 => PathKind.Folder,
            0x2000 => PathKind.CharacterDevice,
            0x6000 => PathKind.BlockDevice,
            0x1000 => PathKind.Pipe,
            0xC000 => PathKind.Socket,
            _ => PathKind.None,
        };
    }

    [LibraryImport(Runtime, EntryPoint = "SystemNative_Stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(string path, ref byte status);
}
