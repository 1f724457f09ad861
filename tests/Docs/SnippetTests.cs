namespace Engine.Tests.Docs;

/// <summary>The C# code on the pages compiles and runs unchanged.</summary>
[NonParallelizable]
public class SnippetTests
{
    private static readonly string[] s_page =
        ["# Page", "", "<!-- snippet: NOTE -->", "```csharp", "Console.Write(1);", "```"];

    private static IEnumerable<TestCaseData> Snippets =>
        CodeBlock.Pages.SelectMany(page => Snippet.Of(CodeBlock.Of(page)))
            .Select(snippet => new TestCaseData(snippet).SetArgDisplayNames(snippet.ToString()));

    [TestCaseSource(nameof(Snippets))]
    public void A_snippet_compiles_and_runs(object shown)
    {
        var snippet = (Snippet)shown;

        CompiledProgram program = snippet.Compile();

        Assert.That(program.Complaints, Is.Empty, "docs/testing.md says how a page tells what a fragment follows");
        if (snippet.IsRun)
        {
            Assert.That(program.Run, Throws.Nothing);
        }
    }

    [Test]
    public void The_first_program_and_the_three_levels_are_among_them() =>
        Assert.That(
            (Snippet.Of(CodeBlock.Of("README.md")).Count, Snippet.Of(CodeBlock.Of("docs/guide.md")).Count),
            Is.EqualTo((1, 3)));

    [Test]
    public void A_mistake_is_told_with_the_page_and_its_line()
    {
        string[] lines = ["# Page", "```csharp", "int a = 1;", "Console.WriteLine(a);", "```",
            "<!-- snippet: continues -->", "```csharp", "using System.Text;", "", "int b = a + missing;", "```"];

        Snippet snippet = Snippet.Of(CodeBlock.Of("page.md", lines)).Single();

        Assert.That(snippet.ToString(), Is.EqualTo("page.md:3"));
        Assert.That(
            snippet.Compile().Complaints, Has.One.StartsWith("page.md:10: CS0103: ").And.One.Contains("'missing'"));
    }

    [Test]
    public void A_block_that_continues_sees_what_came_before_and_may_bring_usings_and_types()
    {
        string[] lines = ["```csharp", "var a = new Pair(1, 2);", "record Pair(int X, int Y);", "```", "text",
            "<!-- snippet: continues -->", "```csharp", "using System.Text;", "var b = new StringBuilder();",
            "b.Append(a.X + a.Y);", "Console.Write(b);", "```"];

        CompiledProgram program = Snippet.Of(CodeBlock.Of("page.md", lines)).Single().Compile();

        Assert.That(program.Complaints, Is.Empty);
        Assert.That(program.Run(), Is.EqualTo("3"));
    }

    [Test]
    public void A_block_may_stand_inside_of_a_file_and_keeps_its_lines()
    {
        string[] lines = ["<!-- snippet: within network -->", "```csharp", "MaxEpochs = 3,", "MaxEpoch = 3,", "```"];

        CompiledProgram program = Snippet.Of(CodeBlock.Of("page.md", lines)).Single().Compile();

        Assert.That(program.Complaints, Has.One.StartsWith("page.md:4: CS0117: ").And.One.Contains("'MaxEpoch'"));
    }

    [Test]
    public void A_page_may_say_once_what_stands_before_all_of_its_blocks()
    {
        string[] lines =
            ["# Page", "<!-- snippets: with usings -->", "```csharp", "Console.Write(new Dense(3).Units);", "```",
                "```csharp", "sealed record Own(DType Type);", "```"];

        IReadOnlyList<Snippet> snippets = Snippet.Of(CodeBlock.Of("page.md", lines));

        Assert.That(snippets, Has.Count.EqualTo(2));
        Assert.That(snippets[0].Compile().Run(), Is.EqualTo("3"));
        Assert.That(snippets[1].Compile().Complaints, Is.Empty);
    }

    [Test]
    public void What_a_program_throws_comes_out()
    {
        var program = CompiledProgram.Of(new ProgramPart("page.md", 7, "throw new EngineException(\"no\");"));

        Assert.That(program.Complaints, Has.One.StartsWith("page.md:7: CS0246: "));

        program = CompiledProgram.Of(new ProgramPart("page.md", 7, "throw new Engine.EngineException(\"no\");"));

        Assert.That(
            program.Run, Throws.TypeOf<EngineException>().With.Property("StackTrace").Contains("page.md:line 7"));
    }

    [Test]
    public void A_comment_says_what_a_block_needs()
    {
        Assert.That(Of("with images, not run")!.Preludes, Is.EqualTo((string[])["images"]));
        Assert.That(Of("with images, not run")!.IsRun, Is.False);
        Assert.That(Of("with images")!.IsRun, Is.True);
        Assert.That(Of("not compiled: needs a GPU"), Is.Null);

        foreach (string wrong in (string[])["not compiled:", "continues", "skip"])
        {
            Assert.That(() => Of(wrong), Throws.TypeOf<FormatException>().With.Message.StartsWith("page.md:3: "));
        }
    }

    private static Snippet? Of(string note) => Snippet.Of(CodeBlock.Of(
        "page.md", [.. s_page.Select(line => line.Replace("NOTE", note, StringComparison.Ordinal))])).SingleOrDefault();
}
