using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// The paths of docs/reading-test.md: from the README to the line that answers a question, in three steps.
/// </summary>
[TestFixture]
public sealed partial class ReadingTests
{
    private const int MaxHops = 3;

    private static IEnumerable<TestCaseData> Ways =>
        from Match way in Way().Matches(Read("docs/reading-test.md"))
        select new TestCaseData(way.Groups[2].Value, way.Groups[3].Value).SetArgDisplayNames(way.Groups[1].Value);

    [Test]
    public void Ten_questions_are_asked() => Assert.That(Ways.Count(), Is.GreaterThanOrEqualTo(10));

    [TestCaseSource(nameof(Ways))]
    public void A_question_is_answered_in_three_hops(string way, string line)
    {
        string[] hops = [.. Hop().Matches(way).Select(hop => hop.Groups[1].Value)];

        Assert.That(hops, Has.Length.InRange(1, MaxHops));
        string page = "README.md";
        foreach (string hop in hops)
        {
            Assert.That(Names(page, hop), $"{page} does not lead to {hop}");
            page = hop;
        }

        Assert.That(Read(page), Does.Contain(line));
    }

    /// <summary>
    /// Whether a page names a file's path or its folder's, from the root or from the page's own folder.
    /// </summary>
    private static bool Names(string page, string hop)
    {
        string text = Read(page), folder = Path.GetDirectoryName(page)!;
        string near = Path.GetRelativePath(Path.Combine("/", folder), Path.Combine("/", hop)).Replace('\\', '/');
        string directory = Path.GetDirectoryName(hop)!.Replace('\\', '/') + "/";
        return text.Contains(hop, StringComparison.Ordinal) || text.Contains(near, StringComparison.Ordinal)
            || (hop.EndsWith("/README.md", StringComparison.Ordinal) && text.Contains(directory, StringComparison.Ordinal));
    }

    private static string Read(string page) =>
        File.ReadAllText(Path.Combine(Repository.Root, page)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^\d+\. (.+)\n   README → (.+)\n   `(.+)`$", RegexOptions.Multiline)]
    private static partial Regex Way();

    [GeneratedRegex(@"\[([^\]]+)\]")]
    private static partial Regex Hop();
}
