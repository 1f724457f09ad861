using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>The targets of the pages' links within the repository exist.</summary>
public partial class LinkTests
{
    private static IEnumerable<TestCaseData> Pages => CodeBlock.Pages.Select(page => new TestCaseData(page));

    [TestCaseSource(nameof(Pages))]
    public void A_link_leads_to_a_file(string page)
    {
        string file = Path.Combine(Repository.Root, page), folder = Path.GetDirectoryName(file)!;
        string[] dead = [.. Link().Matches(File.ReadAllText(file))
            .Select(match => match.Groups[1].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(folder, target)))];

        Assert.That(dead, Is.Empty);
    }

    [TestCaseSource(nameof(Pages))]
    public void A_link_to_a_heading_leads_to_one(string page)
    {
        string file = Path.Combine(Repository.Root, page), folder = Path.GetDirectoryName(file)!;
        string[] dead = [.. HeadingLink().Matches(File.ReadAllText(file))
            .Where(match => !match.Groups[1].Value.Contains("://", StringComparison.Ordinal))
            .Where(match => !Anchors(match.Groups[1].Length == 0 ? file : Path.Combine(folder, match.Groups[1].Value))
                .Contains(match.Groups[2].Value))
            .Select(match => match.Value)];

        Assert.That(dead, Is.Empty);
    }

    /// <summary>Returns the anchors of a page's headings, in the form that code hosts use.</summary>
    private static HashSet<string> Anchors(string file) => [.. Heading().Matches(File.ReadAllText(file))
        .Select(match => NoAnchor().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\]\(([^)#\s]*)#([^)]+)\)")]
    private static partial Regex HeadingLink();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N}_ -]")]
    private static partial Regex NoAnchor();
}
