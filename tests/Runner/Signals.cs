using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Engine.Tests.Runner;

/// <summary>Sends processes the signals of Ctrl-C and of a request to terminate.</summary>
internal static partial class Signals
{
    public const int Interrupt = 2, Terminate = 15;

    /// <summary>
    /// Whether this process does not ignore Ctrl-C. In the background of a script it does, and so do the processes it
    /// starts.
    /// </summary>
    public static bool AreHeard => !File.Exists("/proc/self/status")
        || File.ReadLines("/proc/self/status").Where(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))
            .All(line => (Bits(line[7..]) & (1UL << (Interrupt - 1))) == 0);

    public static void Send(Process process, int signal)
    {
        // A direct call, not a program: a short training might end before a program has started.
        if (Kill(process.Id, signal) != 0 && !process.HasExited)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    private static ulong Bits(string text) =>
        ulong.Parse(text.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Kill(int process, int signal);
}
