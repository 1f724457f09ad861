using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.Loader;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace Engine.Tests.Docs;

/// <summary>A part of a program, with its file and line for the compiler's messages.</summary>
internal sealed record ProgramPart(string File, int Line, string Text);

/// <summary>
/// A program with top-level statements, compiled like a user's project: with the SDK's implicit usings, nullable types,
/// and a reference to the library.
/// </summary>
internal sealed class CompiledProgram
{
    /// <summary>The folder of code before snippets, which may contain more than they use.</summary>
    public const string Preludes = "tests/Docs/Preludes";

    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions s_options = new CSharpParseOptions(LanguageVersion.CSharp14)
        .WithFeatures([KeyValuePair.Create("FileBasedProgram", "true")]);

    private static readonly MetadataReference[] s_references =
    [
        .. Directory.GetFiles(System.IO.Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll")
        .Where(IsManaged)
            .Append(typeof(Tensor).Assembly.Location)
            .Append(typeof(Engine.Data.Csv).Assembly.Location)
            .Select(file => MetadataReference.CreateFromFile(file)),
    ];

    private readonly byte[] _assembly, _symbols;

    private CompiledProgram(byte[] assembly, byte[] symbols, IReadOnlyList<string> complaints) =>
        (_assembly, _symbols, Complaints) = (assembly, symbols, complaints);

    /// <summary>
    /// The compiler's errors and warnings, each with file and line; the program runs only if there are none.
    /// </summary>
    public IReadOnlyList<string> Complaints { get; }

    /// <summary>Compiles parts that follow one another in one program.</summary>
    public static CompiledProgram Of(params IEnumerable<ProgramPart> parts)
    {
        var compilation = CSharpCompilation.Create(
            "Program",
            [CSharpSyntaxTree.ParseText(ImplicitUsings, s_options), CSharpSyntaxTree.ParseText(Join(parts), s_options)],
            s_references,
            new CSharpCompilationOptions(
                OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using MemoryStream assembly = new(), symbols = new();
        EmitResult result = compilation.Emit(
            assembly, symbols, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb));
        IEnumerable<Diagnostic> heard = result.Diagnostics.Where(told => told.Severity == DiagnosticSeverity.Error
            || (told.Severity == DiagnosticSeverity.Warning
                && !Path(told).StartsWith(Preludes, StringComparison.Ordinal)));
        return new CompiledProgram(assembly.ToArray(), symbols.ToArray(), [.. heard.Select(Complaint)]);
    }

    /// <summary>Runs the program in an empty folder and returns its output.</summary>
    public string Run()
    {
        using var folder = new TempFolder();
        string home = Directory.GetCurrentDirectory();
        TextWriter console = Console.Out;
        var context = new AssemblyLoadContext("program", isCollectible: true);
        using var output = new StringWriter();
        try
        {
            Directory.SetCurrentDirectory(folder.Path);
            Console.SetOut(output);
            using MemoryStream assembly = new(_assembly), symbols = new(_symbols);
            MethodInfo main = context.LoadFromStream(assembly, symbols).EntryPoint!;
            main.Invoke(null, [Array.Empty<string>()]);
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(home);
            context.Unload();
        }

        return output.ToString();
    }

    /// <summary>
    /// Joins all parts to one file: the usings of all first, then the statements in order, then the types. <c>#line</c>
    /// keeps the original lines.
    /// </summary>
    private static string Join(IEnumerable<ProgramPart> parts)
    {
        StringBuilder usings = new(), statements = new(), types = new();
        HashSet<string> named = [];
        foreach (ProgramPart part in parts)
        {
            CompilationUnitSyntax root = CSharpSyntaxTree.ParseText(part.Text, s_options).GetCompilationUnitRoot();
            foreach (UsingDirectiveSyntax directive in root.Usings.Where(directive => named.Add(directive.ToString())))
            {
                Append(usings, part, directive);
            }

            foreach (MemberDeclarationSyntax member in root.Members)
            {
                Append(member is GlobalStatementSyntax ? statements : types, part, member);
            }
        }

        return $"{usings}{statements}{(statements.Length == 0 ? "return;" : "")}{types}";
    }

    private static void Append(StringBuilder to, ProgramPart part, CSharpSyntaxNode node)
    {
        int line = part.Line + node.GetLocation().GetLineSpan().StartLinePosition.Line;
        to.Append($"\n#line {line} \"{part.File}\"\n{node}\n");
    }

    private static string Path(Diagnostic diagnostic) => diagnostic.Location.GetMappedLineSpan().Path ?? "";

    private static string Complaint(Diagnostic diagnostic)
    {
        FileLinePositionSpan at = diagnostic.Location.GetMappedLineSpan();
        return $"{at.Path}:{at.StartLinePosition.Line + 1}: {diagnostic.Id}: {diagnostic.GetMessage()}";
    }

    private static bool IsManaged(string file)
    {
        string name = System.IO.Path.GetFileName(file);
        bool isSystem = name.StartsWith("System.", StringComparison.Ordinal);
        return (isSystem && !name.Contains("Native", StringComparison.Ordinal))
            || name is "netstandard.dll" or "mscorlib.dll" or "Microsoft.CSharp.dll";
    }
}
