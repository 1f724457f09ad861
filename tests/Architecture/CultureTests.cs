using Engine.Build;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Engine.Tests.Architecture;

/// <summary>
/// Messages, tables and files are the same in every language of the user. The tests examine every place of the
/// library's sources that makes text from a number, compares texts or changes their case.
/// </summary>
public class CultureTests
{
    private static readonly SpecialType[] s_spoken =
        [SpecialType.System_Single, SpecialType.System_Double, SpecialType.System_Decimal, SpecialType.System_DateTime];

    [Test]
    public void No_number_is_written_in_the_language_of_the_user()
    {
        CSharpCompilation library = Compile(
            Directory.GetFiles(Path.Combine(Repository.Root, "src", "Engine"), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
                .Select(file => (file, File.ReadAllText(file))));

        List<string> found = Found(library);
        Assert.That(found, Is.Empty, string.Join("\n", found));
    }

    [TestCase("string M(double x) => $\"{x}\";", 1)]
    [TestCase("string M(float x) => \"x = \" + x;", 1)]
    [TestCase("string M(int x) => $\"{x:N0}\";", 1)]
    [TestCase("string M(double x) => x.ToString(\"F2\");", 1)]
    [TestCase("string M(double? x) => $\"{x}\";", 1)]
    [TestCase("void M(System.Text.StringBuilder to, double x) => to.Append($\"{x}\");", 1)]
    [TestCase("string M(double x) => System.FormattableString.Invariant($\"{x}\");", 0)]
    [TestCase("string M(double x) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $\"{x}\");", 0)]
    [TestCase("string M(int x) => $\"{x}\";", 0)]
    [TestCase("string M(IReadOnlyList<(int, int)> x) => string.Join(\", \", x);", 1)]
    [TestCase("string M((int, int)[] x) => string.Join(\", \", x);", 1)]
    [TestCase("string M(int[] x) => string.Join(\", \", x);", 0)]
    [TestCase("string M(string x) => x.ToUpper();", 1)]
    [TestCase("bool M(string x) => x.StartsWith(\"i\");", 1)]
    [TestCase("int M(string x) => string.Compare(x, \"i\");", 1)]
    [TestCase("string M(string x) => x.ToLowerInvariant();", 0)]
    [TestCase("bool M(string x) => x.StartsWith('i') || x.EndsWith(\"i\", StringComparison.Ordinal);", 0)]
    public void It_would_be_found(string member, int count) =>
        Assert.That(Found(Compile([("some.cs", $"class C {{ {member} }}")])), Has.Count.EqualTo(count));

    private static CSharpCompilation Compile(IEnumerable<(string File, string Text)> sources)
    {
        const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; "
            + "global using System.Linq; global using System.Threading; global using System.Threading.Tasks;";
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        string platform = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        return CSharpCompilation.Create(
            "looked-at",
            sources.Append(("usings.cs", Usings)).Select(source =>
                CSharpSyntaxTree.ParseText(source.Item2, options, source.Item1)),
            platform.Split(Path.PathSeparator)
                .Where(path => !Path.GetFileName(path).StartsWith("Engine", StringComparison.Ordinal))
                .Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
    }

    private static List<string> Found(CSharpCompilation library)
    {
        var found = new List<string>();
        foreach (SyntaxTree tree in library.SyntaxTrees)
        {
            SemanticModel model = library.GetSemanticModel(tree);
            foreach (SyntaxNode node in tree.GetRoot().DescendantNodes().Where(node => IsInUsersLanguage(node, model)))
            {
                FileLinePositionSpan at = node.GetLocation().GetLineSpan();
                found.Add($"{Path.GetFileName(at.Path)}:{at.StartLinePosition.Line + 1}: {node}");
            }
        }

        return found;
    }

    private static bool IsInUsersLanguage(SyntaxNode node, SemanticModel model) => node switch
    {
        InterpolationSyntax part =>
            IsSpoken(part, model) && !HasProvider((InterpolatedStringExpressionSyntax)part.Parent!, model),
        BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum =>
            model.GetTypeInfo(sum).Type?.SpecialType == SpecialType.System_String
            && (IsSpoken(sum.Left, model) || IsSpoken(sum.Right, model)),
        InvocationExpressionSyntax
        {
            Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "ToString" } member,
        } call => IsSpoken(member.Expression, model)
            && !call.ArgumentList.Arguments.Any(argument => IsProvider(argument.Expression, model)),
        InvocationExpressionSyntax
        {
            Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Join" },
            ArgumentList.Arguments: [_, var parts],
        } when IsOfTuples(parts.Expression, model) => true,
        InvocationExpressionSyntax
        {
            Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: var name },
        } call =>
            name is "ToUpper" or "ToLower" or "StartsWith" or "EndsWith" or "IndexOf" or "LastIndexOf" or "Compare"
                or "CompareTo"
            && model.GetSymbolInfo(
                call).Symbol is IMethodSymbol { ContainingType.SpecialType: SpecialType.System_String } method
            && method.Parameters.All(
                parameter => parameter.Type.Name is nameof(String) or nameof(Int32) or nameof(Boolean)),
        _ => false,
    };

    private static bool IsSpoken(InterpolationSyntax part, SemanticModel model) => IsSpoken(part.Expression, model)
        || (part.FormatClause?.FormatStringToken.Text is ['N' or 'C' or 'P', ..]
            && model.GetTypeInfo(
                part.Expression).Type?.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64);

    private static bool IsSpoken(ExpressionSyntax expression, SemanticModel model) =>
        model.GetTypeInfo(expression).Type is { } type
        && s_spoken.Contains(
            (type is INamedTypeSymbol { TypeArguments: [var inner], Name: "Nullable" } ? inner : type).SpecialType);

    /// <summary>A tuple writes its parts in the user's language.</summary>
    private static bool IsOfTuples(ExpressionSyntax values, SemanticModel model) =>
        model.GetTypeInfo(values).Type is { } type && (type is IArrayTypeSymbol { ElementType.IsTupleType: true }
            || type.AllInterfaces.Append(type).Any(one =>
                one is INamedTypeSymbol { Name: "IEnumerable", TypeArguments: [{ IsTupleType: true }] }));

    private static bool HasProvider(InterpolatedStringExpressionSyntax text, SemanticModel model)
    {
        ExpressionSyntax whole = text;
        while (whole.Parent is BinaryExpressionSyntax or ParenthesizedExpressionSyntax)
        {
            whole = (ExpressionSyntax)whole.Parent;
        }

        return model.GetTypeInfo(whole).ConvertedType?.Name == nameof(FormattableString)
            || model.GetTypeInfo(text).ConvertedType?.Name == nameof(FormattableString)
            || (whole.Parent is ArgumentSyntax { Parent: ArgumentListSyntax arguments }
                && (arguments.Arguments.Any(argument => IsProvider(argument.Expression, model))
                    || (model.GetSymbolInfo(arguments.Parent!).Symbol as IMethodSymbol)?.Parameters
                        .Any(parameter => parameter.Type.Name == "InvariantText") == true));
    }

    private static bool IsProvider(ExpressionSyntax expression, SemanticModel model) =>
        model.GetTypeInfo(expression).Type is { } type
        && (type.Name == nameof(IFormatProvider) || type.AllInterfaces.Any(one => one.Name == nameof(IFormatProvider)));
}
