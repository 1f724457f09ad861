using Engine.Runner;

namespace Engine.Tests.Runner;

/// <summary>Runs the runner's commands in the tests' own process.</summary>
internal static class TestCommandLine
{
    /// <summary>Runs a command line, and returns its exit code and its output without the line end.</summary>
    public static async Task<(int Code, string Output, string Errors)> Run(params string[] args)
    {
        using StringWriter output = new(), errors = new();
        int code = await CommandLine.Run(
            CommandLine.Root(Commands.Create()), args, output, errors, CancellationToken.None);
        return (code, output.ToString().TrimEnd(), errors.ToString().TrimEnd());
    }

    /// <summary>
    /// Runs a command line on the CPU. The result includes what it writes to the console itself, as trainings do.
    /// </summary>
    public static async Task<(int Code, string Output, string Errors)> RunOnConsole(params string[] args)
    {
        TextWriter output = Console.Out, errors = Console.Error;
        using StringWriter ofOutput = new(), ofErrors = new();
        Console.SetOut(ofOutput);
        Console.SetError(ofErrors);
        try
        {
            (int code, string more, string wrong) = await Run([.. args, "--device", "cpu"]);
            return (code, ofOutput + more, ofErrors + wrong);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}
