using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// Pages of 2 MB, on Linux: with pages of 4 KB, the rows of a large matrix lie in more of them than a processor remembers
/// the addresses of. The system is asked for them and may give small ones.
/// </summary>
internal static unsafe partial class LargePages
{
    public const nuint Bytes = 2 << 20;

    /// <summary>Represents the bytes of memory from which on they are worth the rest of the last one.</summary>
    public const long Min = 8 << 20;

    private const int HugePages = 14;

    private static bool s_isMissing = !OperatingSystem.IsLinux();

    /// <summary>Asks for large pages for memory that begins with one.</summary>
    public static void Advise(void* start, nuint bytes)
    {
        try
        {
            // Whatever it answers: the pages are large or small.
            _ = s_isMissing ? 0 : Advise(start, bytes, HugePages);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            s_isMissing = true;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint bytes, int advice);
}
