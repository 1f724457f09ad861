using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>A fenced block of a Markdown page.</summary>
/// <param name="Page">The path of the page from the repository's root: <c>docs/files.md</c>.</param>
/// <param name="Line">The number of the block's first line between the fences.</param>
/// <param name="Language">The word after the opening fence; empty if there is none.</param>
/// <param name="Note">The HTML comment on the line before the block; empty if there is none.</param>
/// <param name="PageNote">
/// The comment about all blocks of the page, after <c>snippets:</c>; empty if there is none.
/// </param>
/// <param name="Text">The text between the fences.</param>
internal sealed partial record CodeBlock(
    string Page, int Line, string Language, string Note, string PageNote, string Text)
{
    /// <summary>The pages of the repository, from its root: README.md and similar files, and all of docs/.</summary>
    public static string[] Pages { get; } =
    [
        .. new[] { ".", "samples", "tests/Simt" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.md"))
            .Concat(Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Returns the blocks of a page, from the top.</summary>
    public static IReadOnlyList<CodeBlock> Of(string page) =>
        Of(page, File.ReadAllLines(Path.Combine(Repository.Root, page)));

    /// <summary>Returns the blocks in the lines of a page.</summary>
    public static IReadOnlyList<CodeBlock> Of(string page, IReadOnlyList<string> lines)
    {
        const string OfAll = "snippets:";
        string pageNote = lines.Select(line => Comment().Match(line).Groups[1].Value)
            .FirstOrDefault(note => note.StartsWith(OfAll, StringComparison.Ordinal))?[OfAll.Length..].Trim() ?? "";
        List<CodeBlock> blocks = [];
        for (int i = 0; i < lines.Count; i++)
        {
            if (Fence().Match(lines[i]) is { Success: true } fence)
            {
                int first = i + 1;
                string note = i > 0 ? Comment().Match(lines[i - 1]).Groups[1].Value : "";
                for (i = first; i < lines.Count && lines[i].Trim() != "```"; i++)
                {
                }

                string text = string.Concat(lines.Skip(first).Take(i - first).Select(line => line + "\n"));
                blocks.Add(new CodeBlock(page, first + 1, fence.Groups[1].Value, note, pageNote, text));
            }
        }

        return blocks;
    }

    [GeneratedRegex(@"^\s*```(\w*)\s*$")]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\s*<!--\s*(.*?)\s*-->\s*$")]
    private static partial Regex Comment();
}
