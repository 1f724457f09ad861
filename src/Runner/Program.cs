using System.CommandLine;
using Engine.Runner;

using var interruption = new Interruption();
RootCommand root = CommandLine.Root(Commands.Create());
return interruption.ExitCode(await CommandLine.Run(root, args, Console.Out, Console.Error, interruption.Token));
