using Engine.Runner;

namespace Engine.Tests.Runner;

public class DownloadBarTests
{
    [Test]
    public void Where_nothing_can_be_drawn_over_one_line_is_written([Values] bool isDumbTerminal) =>
        Assert.That(
            Draw(isDumbTerminal, isDumb: true, (0, 100), (50, 100), (100, 100)), Is.EqualTo("CIFAR-10 [small] …\n"));

    [Test]
    public void Where_there_is_a_terminal_a_full_bar_remains() =>
        Assert.That(
            Draw(true, isDumb: false, (0, 100), (100, 100)), Does.Contain("CIFAR-10 [small]").And.Contain("100"));

    [TestCase(80)]
    [TestCase(66)]
    [TestCase(60)]
    [TestCase(40)]
    [TestCase(24)]
    public void However_narrow_the_terminal_the_bar_is_one_line(int width)
    {
        // Partly done, because the text of a complete download is shorter.
        string written = Draw(true, isDumb: false, width, (0, 170_498_071), (150_000_000, 170_498_071));

        // If the text were wrapped, its last line would have only a unit.
        Assert.That(written, Does.Not.Match(@"\n[ \e\[0-9;m]*(MiB|B|s|/s)[ \e\[0-9;m]*\n"));
        Assert.That(written, Does.Match(@"\d\d:\d\d:\d\d|--:--:--|\*\*:\*\*:\*\*"));
    }

    [Test]
    public void An_unknown_total_is_no_obstacle() =>
        Assert.That(Draw(true, isDumb: false, (0, null), (100, null)), Does.Contain("CIFAR-10 [small]"));

    [Test]
    public void Without_a_download_nothing_is_drawn([Values] bool isTerminal) =>
        Assert.That(Draw(isTerminal, isDumb: false), Is.Empty);

    private static string Draw(bool isTerminal, bool isDumb, params (long Done, long? Total)[] reports) =>
        Draw(isTerminal, isDumb, width: 120, reports);

    private static string Draw(bool isTerminal, bool isDumb, int width, params (long Done, long? Total)[] reports)
    {
        using var terminal = new FakeTerminal(isTerminal, width, isDumb);
        using (var bar = new DownloadBar(terminal.Console, "CIFAR-10 [small]"))
        {
            foreach ((long done, long? total) in reports)
            {
                bar.Report(done, total);
            }
        }

        return terminal.Written;
    }
}
