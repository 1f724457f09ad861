using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Engine.Build;

/// <summary>Calls the <c>dotnet</c> that runs this program.</summary>
internal static partial class Dotnet
{
    // In the tests the running program is not dotnet but the test program.
    private static string Host =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";

    /// <summary>Runs <c>dotnet ARGS</c> in the repository's root, and passes its output on.</summary>
    public static int Run(params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(Host, args) { WorkingDirectory = Repository.Root })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>
    /// Runs <c>dotnet ARGS</c> in the repository's root, with environment variables, and passes on each line of its
    /// output at once.
    /// </summary>
    public static int RunWith(
        IEnumerable<KeyValuePair<string, string>> environment, Action<string> write, params string[] args)
    {
        var start = new ProcessStartInfo(Host, args)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.OutputDataReceived += Write;
        process.ErrorDataReceived += Write;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        return process.ExitCode;

        void Write(object sender, DataReceivedEventArgs written)
        {
            if (written.Data is { } line)
            {
                write(line);
            }
        }
    }

    /// <summary>Runs <c>dotnet ARGS</c> in the repository's root and shows its output only if it failed.</summary>
    public static int RunQuietly(params string[] args)
    {
        var start = new ProcessStartInfo(Host, args)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            Console.Error.Write(output);
        }

        return process.ExitCode;
    }

    /// <summary>
    /// Runs a built program in the caller's folder and returns its exit code. On Unix this process becomes the program,
    /// so that every signal reaches it; on Windows it waits, and leaves Ctrl-C to the program.
    /// </summary>
    public static int Become(string assembly, string[] args)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Execv(Host, [Host, assembly, .. args, null]);
        }

        Console.CancelKeyPress += (_, key) => key.Cancel = true;
        using Process process = Process.Start(new ProcessStartInfo(Host, [assembly, .. args]))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execv(string path, string?[] args);
}
