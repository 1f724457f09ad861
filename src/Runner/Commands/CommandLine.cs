using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Engine.Distributed;

namespace Engine.Runner;

/// <summary>The conventions that all commands share.</summary>
internal static class CommandLine
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>The exit code after Ctrl-C: 128 plus the number of the signal, as in shells.</summary>
    public const int Stopped = 130;

    /// <summary>The exit code after a request to terminate.</summary>
    public const int Terminated = 143;

    /// <summary>The name that the user types to start the program.</summary>
    public const string Name = "runner";

    /// <summary>Returns the command line with these commands.</summary>
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
    /// Runs the command in <paramref name="args"/>. Returns 0 on success, 2 if the arguments are wrong, 130 if it was
    /// stopped, and 1 on any other error; then <paramref name="errors"/> gets one clear message without a stack trace.
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
            // mpirun gives all ranks the same words, of which one complaint is enough.
            if (Launch() is not { Rank: > 0 })
            {
                await errors.WriteLineAsync($"{Complaint(parsed)} See '{PathOf(parsed)} --help'.");
            }

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
            // The other ranks may not know about it, such as of a file that this machine lacks.
            string who = Launch() is { Rank: > 0 and int rank } ? $"Rank {rank} on {RankWatch.Host}: " : "";
            await errors.WriteLineAsync(who + error.Message);
        }
        catch (Exception error)
        {
            string message = error.Message.ReplaceLineEndings(" ");
            await errors.WriteLineAsync($"Unexpected {error.GetType().Name}: {message}");
        }

        return Failed;
    }

    private static RankLaunch? Launch()
    {
        try
        {
            return RankLaunch.Find();
        }
        catch (EngineException)
        {
            // A training reports it.
            return null;
        }
    }

    /// <summary>
    /// Lets a shell complete the values of an option as its help shows them (<c>auto|cpu|cuda</c>), not as names of an
    /// enumeration.
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
    /// Returns whether the first word is misspelled: a later word that equals a command's name must not replace it.
    /// </summary>
    private static bool BeginsWithNoCommand(RootCommand root, string[] args) =>
        args is [[not ('-' or '[' or '@'), ..] word, _, ..] && root.Subcommands.Count > 0
        && !root.Subcommands.Any(command => command.Name == word || command.Aliases.Contains(word));

    /// <summary>Returns the error in one line, with the word that was probably meant.</summary>
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
            return $"{PathOf(parsed)} takes one "
                + $"of {string.Join(", ", command.Subcommands.Select(below => below.Name))}.";
        }

        return parsed.Errors[0].Message.ReplaceLineEndings(" ");
    }

    /// <summary>
    /// Finds an argument that looks like an option: it is a misspelled option, which a command that takes files would
    /// otherwise look for as a file. After <c>--</c> it is a file.
    /// </summary>
    private static string? MisreadOption(ParseResult parsed) =>
        parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .FirstOrDefault(word => word is ['-', _, ..]);

    /// <summary>Returns the options of a command, including those inherited from its parents.</summary>
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
