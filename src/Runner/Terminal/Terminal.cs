using Spectre.Console;

namespace Engine.Runner;

/// <summary>What the bars share: where they are drawn, and whether anything may be drawn there over and over.</summary>
internal static class Terminal
{
    private const int MinWidth = 20;

    /// <summary>
    /// The terminal that errors go to: what is drawn there does not get into results that are piped on.
    /// </summary>
    public static IAnsiConsole OfErrors() => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Console.Error),
    });

    /// <summary>
    /// Whether a line can be written over: on a terminal that understands control sequences (<c>TERM</c> is not
    /// <c>dumb</c>), is not a build server's log and has some width.
    /// </summary>
    public static bool CanRedraw(this IAnsiConsole console) => console.Profile is
    {
        Out.IsTerminal: true,
        Capabilities: { Ansi: true, Interactive: true },
        Width: >= MinWidth,
    };

    /// <summary>Writes a line in the place of the one the cursor is on; an empty one clears it.</summary>
    public static void Redraw(this IAnsiConsole console, string line)
    {
        const string ClearToTheEnd = "\e[K";
        TextWriter writer = console.Profile.Out.Writer;
        writer.Write($"\r{line}{ClearToTheEnd}");
        writer.Flush();
    }

    /// <summary>A bar of which a part is done.</summary>
    /// <param name="console">Where it is to be drawn.</param>
    /// <param name="done">From 0 to 1.</param>
    /// <param name="width">How many columns it has.</param>
    public static string Bar(this IAnsiConsole console, double done, int width)
    {
        const int Utf8 = 65001, Utf16 = 1200;
        bool isUnicode = console.Profile.Out.Writer.Encoding.CodePage is Utf8 or Utf16;
        int full = (int)(Math.Clamp(done, 0, 1) * width);
        return new string(isUnicode ? '━' : '#', full) + new string(isUnicode ? '─' : '-', width - full);
    }
}
