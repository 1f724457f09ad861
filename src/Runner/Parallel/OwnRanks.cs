using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Distributed;
using Engine.Interop;

namespace Engine.Runner;

/// <summary>
/// Starts the processes of <c>--gpus</c>: this command again, once for each GPU, with the environment variables that
/// torchrun would set.
/// </summary>
internal static class OwnRanks
{
    /// <summary>
    /// How long the others may continue after one has failed: enough for rank 0 to report the reason and end them.
    /// </summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Starts the processes and returns the exit code of the first that failed, or 0, when all have ended.
    /// </summary>
    /// <exception cref="EngineException">There are not enough GPUs, or there is no NCCL.</exception>
    public static async Task<int> Run(int gpus, TrainingOptions options)
    {
        Require(gpus, options);
        int port = Rendezvous.FreePort();
        Process[] processes = [.. Enumerable.Range(0, gpus).Select(rank => Start(rank, gpus, port))];

        // Ctrl-C reaches all processes of a terminal; a request to terminate reaches only this one.
        using var terminate =
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Array.ForEach(processes, Terminate));
        try
        {
            return await End(processes);
        }
        finally
        {
            Array.ForEach(processes, process => process.Dispose());
        }
    }

    private static void Require(int gpus, TrainingOptions options)
    {
        if (options.Device is { } device && device is not { Family: not Configuration.DeviceFamily.Cpu, Ordinal: null })
        {
            throw new EngineException(
                $"--gpus {gpus} takes the first {gpus} GPUs of this machine, and --device says {device}: "
                + "give one of them.");
        }

        if ((Driver.Failure ?? Nvrtc.Failure)?.Reason is { } reason)
        {
            throw new EngineException($"--gpus {gpus}: {reason}.");
        }

        if (Driver.DeviceCount < gpus)
        {
            throw new EngineException(
                $"--gpus {gpus}: this machine has {Driver.DeviceCount} GPU{(Driver.DeviceCount == 1 ? "" : "s")}.");
        }

        Nccl.Require();
    }

    private static Process Start(int rank, int size, int port)
    {
        string program = Environment.ProcessPath
            ?? throw new EngineException(
                "--gpus starts this program again, and the system does not say where it lies.");
        string[] words = Environment.GetCommandLineArgs();
        var start = new ProcessStartInfo(
            program, Path.GetFileNameWithoutExtension(program) == "dotnet" ? words : words.Skip(1));
        foreach ((string name, string value) in (IEnumerable<(string, string)>)
        [
            ("RANK", Text(rank)), ("WORLD_SIZE", Text(size)), ("LOCAL_RANK", Text(rank)),
            ("LOCAL_WORLD_SIZE", Text(size)),
            ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", Text(port)),
        ])
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private static async Task<int> End(Process[] processes)
    {
        List<Task> running = [.. processes.Select(process => process.WaitForExitAsync())];
        var ends = running.Zip(processes).ToDictionary(pair => pair.First, pair => pair.Second);
        int code = 0;
        Task? grace = null;
        while (running.Count > 0)
        {
            Task ended = await Task.WhenAny(grace is null ? running : [.. running, grace]);
            if (ended == grace)
            {
                // A process that waits for a missing rank does not end by itself.
                Array.ForEach(processes, process => process.Kill());
                grace = null;
                continue;
            }

            running.Remove(ended);
            Process process = ends[ended];
            if (process.ExitCode == 0 || code is not (0 or CommandLine.Stopped or CommandLine.Terminated))
            {
                continue;
            }

            code = process.ExitCode;
            if (code is CommandLine.Stopped or CommandLine.Terminated)
            {
                // All were asked to end, and rank 0 still tests and saves.
                continue;
            }

            grace = Task.Delay(s_grace);
            if (code > CommandLine.Stopped)
            {
                // It was killed, and could not report anything.
                await Console.Error.WriteLineAsync(FormattableString.Invariant(
                    $"Rank {Array.IndexOf(processes, process)} was ended by signal {code - 128}."));
            }
        }

        return code;
    }

    private static void Terminate(Process process)
    {
        if (!process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        }
    }
}
