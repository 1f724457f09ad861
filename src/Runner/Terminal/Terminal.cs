using Spectre.Console;

namespace Engine.Runner;

/// <summary>The terminal that the bars share, and whether lines can be overwritten there.</summary>
internal static class Terminal
{
    private const int MinWidth = 20;

    /// <summary>
    /// The terminal of standard error: bars there do not appear in results that are piped.
    /// </summary>
    public static IAnsiConsole OfErrors() => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Console.Error),
    });

    /// <summary>
    /// Whether a line can be overwritten: the terminal understands control sequences (<c>TERM</c> is not <c>dumb</c>),
    /// is not a build server's log and has a width.
    /// </summary>
    public static bool CanRedraw(this IAnsiConsole console) => console.Profile is
    {
        Out.IsTerminal: true,
        Capabilities: { Ansi: true, Interactive: true },
        Width: >= MinWidth,
    };

    /// <summary>Replaces the line of the cursor; an empty line clears it.</summary>
    public static void Redraw(this IAnsiConsole console, string line)
    {
        const string ClearToTheEnd = "\e[K";
        TextWriter writer = console.Profile.Out.Writer;
        writer.Write($"\r{line}{ClearToTheEnd}");
        writer.Flush();
    }

    /// <summary>Returns a bar that is done in part.</summary>
    /// <param name="console">Where it is drawn.</param>
    /// <param name="done">From 0 to 1.</param>
    /// <param name="width">The number of columns.</param>
    public static string Bar(this IAnsiConsole console, double done, int width)
    {
        const int Utf8 = 65001, Utf16 = 1200;
        bool isUnicode = console.Profile.Out.Writer.Encoding.CodePage is Utf8 or Utf16;
        int full = (int)(Math.Clamp(done, 0, 1) * width);
        return new string(isUnicode ? '━' : '#', full) + new string(isUnicode ? '─' : '-', width - full);
    }
}
