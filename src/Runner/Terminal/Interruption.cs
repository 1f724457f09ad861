using System.Runtime.InteropServices;

namespace Engine.Runner;

/// <summary>
/// Handles Ctrl-C and other requests to end the process: the first one lets the command end in order, the second one
/// ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    /// <summary>How long a command may take to end before a note says what to do.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;
    private PosixSignal _signal;

    /// <summary>Starts listening.</summary>
    public Interruption() =>
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, On),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, On),
        ];

    /// <summary>Asks a command to end.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>
    /// Returns the process's exit code for the command's: 128 plus the signal's number if a signal stopped it, as in
    /// shells.
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
            // The default action of the signal: the process ends.
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
