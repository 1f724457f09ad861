using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Engine.Bench;

/// <summary>
/// Another program that times the same on the CPU. It takes the names of the benchmarks, <c>--device cpu</c>,
/// <c>--epochs</c> and <c>--data</c>, and prints a line of JSON for each, in the form of <see cref="Measurement"/>.
/// OMP_NUM_THREADS sets its number of threads.
/// </summary>
/// <param name="Command">The program and its first arguments.</param>
internal sealed record Yardstick(IReadOnlyList<string> Command)
{
    /// <summary>The environment variable that names a yardstick if the command line does not.</summary>
    public const string Variable = "ENGINE_YARDSTICK";

    /// <summary>The value for no yardstick.</summary>
    public const string None = "none";

    /// <summary>
    /// Returns the yardstick of the command line, otherwise of the environment, otherwise the one that is found; null
    /// for none.
    /// </summary>
    public static Yardstick? Named(string? command, Func<Yardstick?>? find)
    {
        command ??= Environment.GetEnvironmentVariable(Variable);
        return command == None ? null
            : string.IsNullOrWhiteSpace(command) ? find?.Invoke()
            : new Yardstick(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Returns PyTorch if this script of bench/peers can run; otherwise null.</summary>
    public static Yardstick? PyTorch(string script)
    {
        try
        {
            using Process asked = Start(["python3", "-c", "import torch, numpy"], threads: 1);
            asked.StandardOutput.ReadToEnd();
            asked.WaitForExit();
            return asked.ExitCode == 0 && File.Exists(script)
                ? new Yardstick(["python3", script, "--variants", "eager"])
                : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>
    /// Returns its measurements of one benchmark; if it fails, none, and a line goes to <paramref name="errors"/>.
    /// </summary>
    public IReadOnlyList<Measurement> Measure(
        string bench, int threads, string? data, int epochs, TextWriter errors)
    {
        string[] folder = data is null ? [] : ["--data", data];
        try
        {
            using Process run = Start(
                [
                    .. Command, bench, "--device", "cpu", "--epochs", epochs.ToString(CultureInfo.InvariantCulture),
                    .. folder,
                ],
                threads);
            string[] lines = run.StandardOutput.ReadToEnd().Split('\n');
            run.WaitForExit();
            if (run.ExitCode != 0)
            {
                errors.WriteLine($"The yardstick '{string.Join(' ', Command)}' left {bench} with {run.ExitCode}.");
            }

            return [.. lines.Select(line => Measurement.FromJson(line.Trim())).OfType<Measurement>()];
        }
        catch (Win32Exception error)
        {
            errors.WriteLine($"The yardstick '{string.Join(' ', Command)}' cannot be run: {error.Message}.");
            return [];
        }
    }

    private static Process Start(string[] command, int threads)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true };
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        return Process.Start(start)!;
    }
}
