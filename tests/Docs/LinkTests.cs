using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>What the pages link to within the repository is there.</summary>
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

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
