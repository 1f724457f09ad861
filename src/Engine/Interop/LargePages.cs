using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// Pages of 2 MB, on Linux. With pages of 4 KB, the rows of a large matrix lie in more pages than the processor's TLB
/// can hold. The system is only asked for large pages and may give small ones.
/// </summary>
internal static unsafe partial class LargePages
{
    public const nuint Bytes = 2 << 20;

    /// <summary>The bytes of memory from which on large pages are worth the unused rest of the last one.</summary>
    public const long Min = 8 << 20;

    private const int HugePages = 14;

    private static bool s_isMissing = !OperatingSystem.IsLinux();

    /// <summary>Asks for large pages for memory that is aligned to one.</summary>
    public static void Advise(void* start, nuint bytes)
    {
        try
        {
            // The result does not matter: the pages are large or small.
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
