using System.Diagnostics;
using System.Text;

namespace Engine.Tests.Runner;

/// <summary>The runner in a process of its own, because a process searches for CUDA's libraries only once.</summary>
internal sealed record RunnerProcess(int ExitCode, string Output, string Errors)
{
    private static readonly string[] s_forgotten =
    [
        "ENGINE_CUDA_PATH", "ENGINE_FLAGS", "ENGINERC", "THEANO_FLAGS", "THEANORC", "ENGINE_CACHE",
        "NVTX_INJECTION64_PATH",
    ];

    private static string Program => Path.Combine(
        AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "runner.exe" : "runner");

    /// <summary>Runs a command with these variables, and without others that change what the runner finds.</summary>
    public static RunnerProcess Run(string command, params IEnumerable<(string Name, string Value)> environment) =>
        Start(new ProcessStartInfo(Program, command.Split(' ')), environment);

    /// <summary>Runs it from a script, in which <c>"$0"</c> is the runner.</summary>
    public static RunnerProcess RunBy(
        string program, string[] before, string script, params IEnumerable<(string Name, string Value)> environment) =>
        Start(new ProcessStartInfo(program, [.. before, "sh", "-c", script, Program]), environment);

    /// <summary>Runs a command, and sends Ctrl-C once it has written a line with this beginning.</summary>
    public static RunnerProcess Interrupt(
        string command, string line, params IEnumerable<(string Name, string Value)> environment) =>
        Start(new ProcessStartInfo(Program, command.Split(' ')), environment, line);

    private static RunnerProcess Start(
        ProcessStartInfo start, IEnumerable<(string Name, string Value)> environment, string? interruptAt = null)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.WorkingDirectory = AppContext.BaseDirectory;
        foreach (string name in s_forgotten)
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        var output = new StringBuilder();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            output.Append(line).Append('\n');
            if (interruptAt is not null && line.StartsWith(interruptAt, StringComparison.Ordinal))
            {
                Signals.Send(process, Signals.Interrupt);
            }
        }

        process.WaitForExit();
        return new RunnerProcess(process.ExitCode, output.ToString(), errors.GetAwaiter().GetResult());
    }
}
