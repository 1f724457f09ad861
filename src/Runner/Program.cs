using System.CommandLine;
using System.Runtime.InteropServices;
using Engine.Runner;

using var interrupt = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
RootCommand root = CommandLine.Root(Commands.Create());
return await CommandLine.Run(root, args, Console.Out, Console.Error, interrupt.Token);

// The first signal asks the command to end in good order; a second one ends the process at once.
void Stop(PosixSignalContext signal)
{
    if (!interrupt.IsCancellationRequested)
    {
        signal.Cancel = true;
        interrupt.Cancel();
    }
}
