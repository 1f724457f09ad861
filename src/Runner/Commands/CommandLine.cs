using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Engine.Runner;

/// <summary>The conventions that all commands share.</summary>
internal static class CommandLine
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>Stopped by Ctrl-C: 128 and the number of the signal, as shells have it.</summary>
    public const int Stopped = 130;

    /// <summary>Stopped by a request to terminate.</summary>
    public const int Terminated = 143;

    /// <summary>What the user types to start it.</summary>
    public const string Name = "runner";

    /// <summary>The command line with these commands.</summary>
    public static RootCommand Root(IEnumerable<Command> commands)
    {
        var root = new RootCommand("Train neural networks on the CPU or on an NVIDIA GPU.");
        foreach (Command command in commands)
        {
            OfferChoices(command);
            root.Add(command);
        }

        root.SetAction(parsed => Overview.Print(parsed.InvocationConfiguration.Output));
        return root;
    }

    /// <summary>
    /// Runs what <paramref name="args"/> ask for. Returns 0 when done, 2 when they are wrong, 130 when it was stopped,
    /// and 1 if anything else goes wrong; then <paramref name="errors"/> holds one clear message and no stack trace.
    /// </summary>
    public static async Task<int> Run(
        RootCommand root,
        string[] args,
        TextWriter output,
        TextWriter errors,
        CancellationToken cancellation)
    {
        args = args is ["help", .. string[] of] ? [.. of, "--help"] : args;
        ParseResult parsed = root.Parse(BeginsWithNoCommand(root, args) ? args[..1] : args);
        if (parsed.Action is ParseErrorAction || MisreadOption(parsed) is not null)
        {
            await errors.WriteLineAsync($"{Complaint(parsed)} See '{PathOf(parsed)} --help'.");
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
            return Stopped;
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

    /// <summary>
    /// Has a shell complete the values of an option as its help writes them (<c>auto|cpu|cuda</c>), not as the names of
    /// an enumeration.
    /// </summary>
    private static void OfferChoices(Command command)
    {
        foreach (Option option in command.Options)
        {
            if (option.HelpName?.Split('|') is { Length: > 1 } values)
            {
                option.CompletionSources.Clear();
                option.CompletionSources.Add(values);
            }
        }

        foreach (Command below in command.Subcommands)
        {
            OfferChoices(below);
        }
    }

    /// <summary>
    /// Whether the first word is misspelt: a later one that happens to be a command's name is not to be taken for it.
    /// </summary>
    private static bool BeginsWithNoCommand(RootCommand root, string[] args) =>
        args is [[not ('-' or '[' or '@'), ..] word, _, ..] && root.Subcommands.Count > 0
        && !root.Subcommands.Any(command => command.Name == word || command.Aliases.Contains(word));

    /// <summary>What is wrong, in one line, with the word that was probably meant.</summary>
    private static string Complaint(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string? unmatched = parsed.UnmatchedTokens is [string first, ..] ? first : null;
        if ((MisreadOption(parsed) ?? unmatched) is { } token)
        {
            string word = token.Split('=', 2)[0];
            bool isOption = word.StartsWith('-');
            string kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
            return $"There is no {kind} '{word}'" + Nearest.Question(word, isOption
                ? OptionsOf(parsed).SelectMany(option => option.Aliases.Append(option.Name))
                : command.Subcommands.Select(below => below.Name));
        }

        if (command.Subcommands.Count > 0 && command.Action is null)
        {
            return $"{PathOf(parsed)} takes one of {string.Join(", ", command.Subcommands.Select(below => below.Name))}.";
        }

        return parsed.Errors[0].Message.ReplaceLineEndings(" ");
    }

    /// <summary>
    /// A word in an argument's place that is written as an option is: a misspelt one, which a command that takes files
    /// would else look for as a file. Behind <c>--</c> it is what it is.
    /// </summary>
    private static string? MisreadOption(ParseResult parsed) =>
        parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .FirstOrDefault(word => word is ['-', _, ..]);

    /// <summary>The options of a command, and those that it has from the ones above it.</summary>
    private static IEnumerable<Option> OptionsOf(ParseResult parsed)
    {
        IEnumerable<Option> options = parsed.CommandResult.Command.Options;
        for (SymbolResult? at = parsed.CommandResult.Parent; at is CommandResult { Command: { } above }; at = at.Parent)
        {
            options = options.Concat(above.Options.Where(option => option.Recursive));
        }

        return options;
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
