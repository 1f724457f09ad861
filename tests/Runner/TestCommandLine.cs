using Engine.Runner;

namespace Engine.Tests.Runner;

/// <summary>Runs the runner's commands within the tests' own process.</summary>
internal static class TestCommandLine
{
    /// <summary>Runs a command line, and returns its exit code and its output, without the line end.</summary>
    public static async Task<(int Code, string Output, string Errors)> Run(params string[] args)
    {
        using StringWriter output = new(), errors = new();
        int code = await CommandLine.Run(
            CommandLine.Root(Commands.Create()), args, output, errors, CancellationToken.None);
        return (code, output.ToString().TrimEnd(), errors.ToString().TrimEnd());
    }
}
