using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// Each quotation in a page of docs/ is in the source file, line for line, apart from the indentation.
/// </summary>
[TestFixture]
public sealed partial class QuotedSourceTests
{
    [TestCase("adding-an-op.md", 9)]
    [TestCase("tutorial.md", 6)]
    [TestCase("tour.md", 8)]
    public void A_page_quotes_what_the_files_say(string page, int atLeast)
    {
        string root = Repository.Root;
        string text = File.ReadAllText(Path.Combine(root, "docs", page)).ReplaceLineEndings("\n");
        MatchCollection quotes = Quote().Matches(text);

        Assert.That(quotes, Has.Count.AtLeast(atLeast));
        foreach (Match quote in quotes)
        {
            (string file, string code) = (quote.Groups[1].Value, quote.Groups[2].Value);
            string source = File.ReadAllText(Path.Combine(root, file)).ReplaceLineEndings("\n");
            Assert.That(Unindented(source), Does.Contain(Unindented(code)), $"{page} quotes {file}");
        }
    }

    private static string Unindented(string text) =>
        string.Join('\n', text.Split('\n').Select(line => line.TrimStart()));

    [GeneratedRegex("""<!-- (\S+) -->\n```\w+\n(.+?)```""", RegexOptions.Singleline)]
    private static partial Regex Quote();
}
