using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// A program on a page: a C# block, and the blocks that continue it. docs/testing.md lists the comments that may
/// precede a block.
/// </summary>
/// <param name="Blocks">The blocks, in order.</param>
/// <param name="Preludes">The names of files in tests/Docs/Preludes that precede them.</param>
/// <param name="Frame">The name of such a file that surrounds them; null for none.</param>
/// <param name="IsRun">Whether to run it, or only compile it.</param>
internal sealed record Snippet(
    IReadOnlyList<CodeBlock> Blocks, IReadOnlyList<string> Preludes, string? Frame, bool IsRun)
{
    private const string Mark = "snippet:";
    private const string With = "with ";
    private const string Within = "within ";

    /// <summary>The comment in a frame that stands for the snippet.</summary>
    private const string Placeholder = "// the snippet";

    /// <summary>
    /// Returns the snippets of a page. Blocks that quote a source file, or say why they are not compiled, are left out.
    /// </summary>
    /// <exception cref="FormatException">A comment names something that does not exist.</exception>
    public static IReadOnlyList<Snippet> Of(IEnumerable<CodeBlock> blocks)
    {
        List<Snippet> snippets = [];
        foreach (CodeBlock block in blocks.Where(block => block.Language is "csharp" or "cs" && !IsQuote(block)))
        {
            string[] wishes = Wishes(block);
            if (wishes is [['n', 'o', 't', ' ', 'c', 'o', 'm', 'p', 'i', 'l', 'e', 'd', ':', .. { Length: > 5 }], ..])
            {
                continue;
            }

            bool continues = wishes.Contains("continues"), isRun = !wishes.Contains("not run");
            if (!wishes.All(IsKnown) || (continues && snippets.Count == 0))
            {
                throw new FormatException(
                    $"{block.Page}:{block.Line - 2}: '{block.Note}' is not understood; docs/testing.md lists what is.");
            }

            string[] preludes = [.. Named(wishes, With)];
            string? frame = Named(wishes, Within).SingleOrDefault();
            if (continues)
            {
                Snippet before = snippets[^1];
                snippets[^1] = before with
                {
                    Blocks = [.. before.Blocks, block],
                    Preludes = [.. before.Preludes, .. preludes],
                    IsRun = before.IsRun && isRun,
                };
            }
            else
            {
                string[] ofPage = [.. Named(Split(block.PageNote), With)];
                snippets.Add(new Snippet([block], [.. ofPage, .. preludes], frame, isRun));
            }
        }

        return snippets;
    }

    public CompiledProgram Compile()
    {
        IEnumerable<ProgramPart> blocks = Blocks.Select(block => new ProgramPart(block.Page, block.Line, block.Text));
        return CompiledProgram.Of(
            Preludes.Select(Prelude)
                .Concat(Frame is null ? blocks : blocks.Select(block => Framed(block, Prelude(Frame)))));
    }

    public override string ToString() => $"{Blocks[0].Page}:{Blocks[0].Line}";

    private static string[] Wishes(CodeBlock block) =>
        block.Note.StartsWith(Mark, StringComparison.Ordinal) ? Split(block.Note[Mark.Length..]) : [];

    private static string[] Split(string note) =>
        note.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<string> Named(string[] wishes, string word) => wishes
        .Where(wish => wish.StartsWith(word, StringComparison.Ordinal))
        .Select(wish => wish[word.Length..]);

    private static bool IsKnown(string wish) => wish is "continues" or "not run"
        || wish.StartsWith(With, StringComparison.Ordinal) || wish.StartsWith(Within, StringComparison.Ordinal);

    private static bool IsQuote(CodeBlock block) =>
        block.Note.Contains('/', StringComparison.Ordinal) && File.Exists(Path.Combine(Repository.Root, block.Note));

    /// <summary>Returns the frame with the block in it; the block keeps its line numbers.</summary>
    private static ProgramPart Framed(ProgramPart block, ProgramPart frame) => frame with
    {
        Text = frame.Text.Replace(
            Placeholder, $"\n#line {block.Line} \"{block.File}\"\n{block.Text}\n#line default\n", StringComparison.Ordinal),
    };

    private ProgramPart Prelude(string name)
    {
        string file = $"{CompiledProgram.Preludes}/{name}.cs", path = Path.Combine(Repository.Root, file);
        return File.Exists(path)
            ? new ProgramPart(file, 1, File.ReadAllText(path))
            : throw new FormatException($"{this}: there is no {file}.");
    }
}
