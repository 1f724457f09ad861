using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// The site of the API takes an inherited comment whole: it refuses one whose parameters are described a second time.
/// </summary>
public partial class InheritedCommentTests
{
    private static IEnumerable<string> Files => Directory
        .EnumerateFiles(Path.Combine(Repository.Root, "src", "Engine"), "*.cs", SearchOption.AllDirectories);

    [Test]
    public void A_comment_that_is_inherited_describes_no_parameter_again() =>
        Assert.That(Files.SelectMany(Repeated), Is.Empty);

    private static IEnumerable<string> Repeated(string file) => Comment().Matches(File.ReadAllText(file))
        .Where(comment => comment.Value.Contains("<inheritdoc cref", StringComparison.Ordinal)
            && comment.Value.Contains("<param name", StringComparison.Ordinal))
        .Select(comment => $"{Path.GetRelativePath(Repository.Root, file)}: {comment.Value.Trim()}");

    [GeneratedRegex(@"(^[ \t]*///.*\n)+", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
