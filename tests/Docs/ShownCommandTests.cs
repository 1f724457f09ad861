using System.CommandLine;
using Engine.Build;
using Engine.Runner;

namespace Engine.Tests.Docs;

/// <summary>The verbs, commands and options on the pages exist.</summary>
public class ShownCommandTests
{
    private static readonly RootCommand s_runner = CommandLine.Root(Commands.Create());

    private static IEnumerable<TestCaseData> Pages => CodeBlock.Pages.Select(page => new TestCaseData(page));

    [TestCaseSource(nameof(Pages))]
    public void A_page_shows_commands_that_there_are(string page)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, page));

        Assert.That(ShownCommand.Of(page, lines).Select(Complaint).OfType<string>(), Is.Empty);
    }

    [Test]
    public void The_guide_shows_many() =>
        Assert.That(
            ShownCommand.Of("guide.md", File.ReadAllLines(Path.Combine(Repository.Root, "docs", "guide.md"))).ToList(),
            Has.Count.AtLeast(12));

    [TestCase("`./build.sh frobnicate`", "page.md:1: ./build.sh frobnicate: 'frobnicate' is not there")]
    [TestCase("see `./build.sh run mlp --epochz`.", "page.md:1: ./build.sh run mlp --epochz: '--epochz' is not there")]
    [TestCase("`runner mpl`", "page.md:1: runner mpl: 'mpl' is not there")]
    [TestCase("`A=b=c runner compare mlp --x 3`", "page.md:1: runner compare mlp --x 3: '--x' is not there")]
    [TestCase("`./build.sh run train FILE --epochs N`, `./build.sh test Word`, `runner COMMAND --help`", null)]
    [TestCase("`./build.sh run plot a.jsonl b.jsonl -o c.png`", null)]
    public void What_is_not_there_is_found(string line, string? complaint)
    {
        string[] complaints = [.. ShownCommand.Of("page.md", [line]).Select(Complaint).OfType<string>()];

        Assert.That(complaints, Is.EqualTo(complaint is null ? [] : new[] { complaint }));
    }

    [Test]
    public void A_block_is_read_line_by_line_and_a_refusal_that_is_shown_is_meant()
    {
        string[] lines = ["```sh", "./build.sh run cnn     # trains", "./build.sh nothing", "```",
            "```", "$ runner mlp --epcohs 3", "There is no option '--epcohs'", "```", "```json", "runner none", "```"];

        string[] complaints = [.. ShownCommand.Of("page.md", lines).Select(Complaint).OfType<string>()];

        Assert.That(complaints, Is.EqualTo((string[])["page.md:3: ./build.sh nothing: 'nothing' is not there"]));
    }

    private static string? Complaint(ShownCommand shown)
    {
        string? missing = shown.Program == "runner" ? MissingOfRunner(shown.Words)
            : shown.Words is not [{ } verb, ..] || IsPlaceholder(verb) ? null
            : !Verbs.Names.Append("--help").Contains(verb) ? verb
            : verb == "run" ? MissingOfRunner([.. shown.Words.Skip(1)])
            : null;
        return missing is null ? null : $"{shown}: '{missing}' is not there";
    }

    private static string? MissingOfRunner(IReadOnlyList<string> words) =>
        words is not [{ } command, ..] || IsPlaceholder(command) || command.StartsWith('"')
            ? null
            : s_runner.Parse([.. words]).UnmatchedTokens.FirstOrDefault(word => !IsPlaceholder(word));

    private static bool IsPlaceholder(string word) => word[0] is '…' or '[' || word.TrimEnd('…').All(char.IsUpper);
}
