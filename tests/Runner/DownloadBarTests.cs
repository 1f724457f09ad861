using System.Text;
using Engine.Runner;
using Spectre.Console;

namespace Engine.Tests.Runner;

public class DownloadBarTests
{
    [Test]
    public void Where_there_is_no_terminal_one_line_is_written() =>
        Assert.That(Draw(terminal: false, (0, 100), (50, 100), (100, 100)), Is.EqualTo("CIFAR-10 [small] …\n"));

    [Test]
    public void Where_there_is_a_terminal_a_full_bar_remains() =>
        Assert.That(Draw(terminal: true, (0, 100), (100, 100)), Does.Contain("CIFAR-10 [small]").And.Contain("100"));

    [Test]
    public void An_unknown_total_is_no_obstacle() =>
        Assert.That(Draw(terminal: true, (0, null), (100, null)), Does.Contain("CIFAR-10 [small]"));

    [Test]
    public void Without_a_download_nothing_is_drawn([Values] bool terminal) =>
        Assert.That(Draw(terminal), Is.Empty);

    private static string Draw(bool terminal, params (long Done, long? Total)[] reports)
    {
        using var text = new StringWriter { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = terminal ? AnsiSupport.Yes : AnsiSupport.No,
            Interactive = terminal ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new Output(text, terminal),
        });
        using (var bar = new DownloadBar(console, "CIFAR-10 [small]"))
        {
            foreach ((long done, long? total) in reports)
            {
                bar.Report(done, total);
            }
        }

        return text.ToString();
    }

    private sealed class Output(TextWriter writer, bool terminal) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => terminal;

        public int Width => 120;

        public int Height => 20;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
