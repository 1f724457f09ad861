using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// A program that a page shows: a block of C#, and those after it that continue it. docs/testing.md says what a comment
/// before a block may ask for.
/// </summary>
/// <param name="Blocks">The blocks, in order.</param>
/// <param name="Preludes">Names of files in tests/Docs/Preludes that stand before them.</param>
/// <param name="IsRun">Whether it is to be run, or only compiled.</param>
internal sealed record Snippet(IReadOnlyList<CodeBlock> Blocks, IReadOnlyList<string> Preludes, bool IsRun)
{
    public const string Mark = "snippet:";

    /// <summary>
    /// The snippets of a page; blocks that quote a source file, or say why they are not compiled, are none.
    /// </summary>
    /// <exception cref="FormatException">A comment asks for what there is not.</exception>
    public static IReadOnlyList<Snippet> Of(IEnumerable<CodeBlock> blocks)
    {
        List<Snippet> snippets = [];
        foreach (CodeBlock block in blocks.Where(block => block.Language is "csharp" or "cs" && !IsQuote(block)))
        {
            string[] wishes = block.Note.StartsWith(Mark, StringComparison.Ordinal)
                ? block.Note[Mark.Length..].Split(',', StringSplitOptions.TrimEntries)
                : [];
            if (wishes is [['n', 'o', 't', ' ', 'c', 'o', 'm', 'p', 'i', 'l', 'e', 'd', ':', .. { Length: > 5 }], ..])
            {
                continue;
            }

            string[] preludes = [.. wishes.Where(IsPrelude).Select(wish => wish[5..])];
            string? unknown = wishes.FirstOrDefault(wish => wish is not ("continues" or "not run") && !IsPrelude(wish));
            if (unknown is not null || (wishes.Contains("continues") && snippets.Count == 0))
            {
                throw new FormatException(
                    $"{block.Page}:{block.Line - 2}: '{block.Note}' is not understood; docs/testing.md lists what is.");
            }

            if (wishes.Contains("continues"))
            {
                Snippet before = snippets[^1];
                bool isRun = before.IsRun && !wishes.Contains("not run");
                snippets[^1] = new Snippet([.. before.Blocks, block], [.. before.Preludes, .. preludes], isRun);
            }
            else
            {
                snippets.Add(new Snippet([block], preludes, !wishes.Contains("not run")));
            }
        }

        return snippets;
    }

    public CompiledProgram Compile() => CompiledProgram.Of(
        Preludes.Select(Prelude).Concat(Blocks.Select(block => new ProgramPart(block.Page, block.Line, block.Text))));

    public override string ToString() => $"{Blocks[0].Page}:{Blocks[0].Line}";

    private static bool IsPrelude(string wish) => wish.StartsWith("with ", StringComparison.Ordinal);

    private static bool IsQuote(CodeBlock block) =>
        block.Note.Contains('/', StringComparison.Ordinal) && File.Exists(Path.Combine(Repository.Root, block.Note));

    private ProgramPart Prelude(string name)
    {
        string file = $"tests/Docs/Preludes/{name}.cs", path = Path.Combine(Repository.Root, file);
        return File.Exists(path)
            ? new ProgramPart(file, 1, File.ReadAllText(path))
            : throw new FormatException($"{this}: there is no {file}.");
    }
}
