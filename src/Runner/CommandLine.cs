using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Engine.Runner;

/// <summary>The conventions that all commands share.</summary>
internal static class CommandLine
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    private const string Name = "runner";

    /// <summary>The command line with these commands.</summary>
    public static RootCommand Root(IEnumerable<Command> commands)
    {
        var root = new RootCommand("Train neural networks on the CPU or on an NVIDIA GPU.");
        foreach (Command command in commands)
        {
            root.Add(command);
        }

        root.SetAction(parsed => new HelpAction().Invoke(parsed));
        return root;
    }

    /// <summary>
    /// Runs what <paramref name="args"/> ask for. Returns 0 when done, 2 when they are wrong, and 1 if anything else
    /// goes wrong; then <paramref name="errors"/> holds one clear message and no stack trace.
    /// </summary>
    public static async Task<int> Run(
        RootCommand root,
        string[] args,
        TextWriter output,
        TextWriter errors,
        CancellationToken cancellation)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            await errors.WriteLineAsync($"{parsed.Errors[0].Message} See '{PathOf(parsed)} --help'.");
            return WrongUsage;
        }

        try
        {
            var quiet = new InvocationConfiguration
            {
                Output = output,
                Error = errors,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(quiet, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await errors.WriteLineAsync("Stopped.");
        }
        catch (EngineException error)
        {
            await errors.WriteLineAsync(error.Message);
        }
        catch (Exception error)
        {
            string message = error.Message.ReplaceLineEndings(" ");
            await errors.WriteLineAsync($"Unexpected {error.GetType().Name}: {message}");
        }

        return Failed;
    }

    private static string PathOf(ParseResult parsed)
    {
        string path = "";
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: { } command }; at = at.Parent)
        {
            path = command is RootCommand ? path : $" {command.Name}{path}";
        }

        return Name + path;
    }
}
