using System.Runtime.InteropServices;

namespace Engine.Runner;

/// <summary>
/// Ctrl-C, and what else asks a process to end: the first time the command may end in good order, the second time the
/// process ends at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    /// <summary>How long a command may take to end before it is said what to do about it.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;
    private PosixSignal _signal;

    /// <summary>Listens from now on.</summary>
    public Interruption() =>
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, On),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, On),
        ];

    /// <summary>Asks a command to end.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>
    /// The exit code of a process whose command ended with this one: 128 and the signal's number where a signal stopped
    /// it, as shells have it.
    /// </summary>
    public int ExitCode(int code) =>
        code == CommandLine.Stopped && _signal == PosixSignal.SIGTERM ? CommandLine.Terminated : code;

    public void Dispose()
    {
        Array.ForEach(_registrations, registration => registration.Dispose());
        _source.Dispose();
    }

    private void On(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _signals) > 1)
        {
            // What the signal does by itself: the process ends.
            return;
        }

        context.Cancel = true;
        _signal = context.Signal;
        _ = TellAfterwards();
        _source.Cancel();
    }

    private static async Task TellAfterwards()
    {
        await Task.Delay(s_patience);
        await Console.Error.WriteLineAsync("Stopping; Ctrl-C again ends at once.");
    }
}
