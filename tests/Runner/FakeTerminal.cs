using System.Text;
using Spectre.Console;

namespace Engine.Tests.Runner;

/// <summary>A terminal, or a pipe, that keeps what is written to it.</summary>
internal sealed class FakeTerminal : IDisposable
{
    private readonly StringWriter _text = new Utf8Writer { NewLine = "\n" };

    public FakeTerminal(bool isTerminal, int width = 120, bool isDumb = false) =>
        Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isTerminal && !isDumb ? AnsiSupport.Yes : AnsiSupport.No,
            Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new Output(_text, isTerminal, width),
        });

    public IAnsiConsole Console { get; }

    /// <summary>Everything that was written.</summary>
    public string Written => _text.ToString();

    /// <summary>The visible states of the line that is redrawn, one for each drawing.</summary>
    public IReadOnlyList<string> Lines =>
        [.. Written.Split('\r').Skip(1).Select(line => line.Replace("\e[K", "", StringComparison.Ordinal))];

    public void Dispose() => _text.Dispose();

    private sealed class Utf8Writer : StringWriter
    {
        public override Encoding Encoding => Encoding.UTF8;
    }

    private sealed class Output(TextWriter writer, bool isTerminal, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => isTerminal;

        public int Width => width;

        public int Height => 20;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
