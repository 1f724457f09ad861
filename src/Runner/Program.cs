using System.Runtime.InteropServices;
using Engine.Runner;

using var interrupt = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await CommandLine.Run(CommandLine.Root([CheckCommand.Create()]), args, Console.Out, Console.Error, interrupt.Token);

// The first signal asks the command to end in good order; a second one ends the process at once.
void Stop(PosixSignalContext signal)
{
    if (!interrupt.IsCancellationRequested)
    {
        signal.Cancel = true;
        interrupt.Cancel();
    }
}
