using System.Reflection;
using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// Every name in the column "here" of docs/from-theano.md's tables is one of the library's public API.
/// </summary>
public sealed partial class FromTheanoTests
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.FlattenHierarchy;

    private static readonly ILookup<string, Type> s_types =
        typeof(Tensor).Assembly.GetExportedTypes().ToLookup(type => type.Name);

    private static IEnumerable<string> Here =>
        File.ReadLines(Path.Combine(Repository.Root, "docs", "from-theano.md"))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Split(" | ")[1])
            .SelectMany(cell => Span().Matches(cell).Select(match => match.Groups[1].Value))
            .Where(code => code is not ['.' or '$', ..] && !code.StartsWith("ENGINE_", StringComparison.Ordinal)
                && !code.StartsWith("runner ", StringComparison.Ordinal));

    [Test]
    public void There_are_many_names() => Assert.That(Here.Count(), Is.GreaterThan(200));

    [Test]
    public void Every_name_is_there() => Assert.That(Here.SelectMany(Missing), Is.Empty);

    [TestCase("Symbolic.Dott(a, b)", "Symbolic.Dott")]
    [TestCase("new Densed(100)", "Densed")]
    [TestCase("new Conv2D(16, 3) { Pat = 1 }", "Pat")]
    [TestCase("Symbolic.ArgMax(x, axes: 1)", "axes")]
    [TestCase("Symbolic.Dot(Symbolic.Nothing, b)", "Symbolic.Nothing")]
    [TestCase("Symbolic", "")]
    public void A_name_that_is_not_there_is_found(string code, string missing) =>
        Assert.That(string.Join(' ', Missing(code)), Is.EqualTo(missing));

    /// <summary>
    /// What of an expression is not in the public API: types, members, the settings and the named arguments of the
    /// first.
    /// </summary>
    private static IEnumerable<string> Missing(string code)
    {
        string first = Name().Match(code).Value;
        string[] settings = [.. Setting().Matches(code).Select(match => match.Groups[1].Value)];
        IEnumerable<string> names = Name().Matches(code).Select(match => match.Value).Except(settings);
        string?[] parameters =
            [.. Members(first).OfType<MethodBase>().SelectMany(method => method.GetParameters()).Select(p => p.Name)];
        return
        [
            .. names.Where(name => !Members(name).Any()),
            .. settings.Where(setting => !Members($"{first}.{setting}").Any()),
            .. Argument().Matches(code).Select(match => match.Groups[1].Value).Except(parameters).OfType<string>(),
        ];
    }

    /// <summary>
    /// What a dotted name stands for: members of that name, or of a type its constructors and itself.
    /// </summary>
    private static IEnumerable<MemberInfo> Members(string name) => name.Split('.') switch
    {
        [string type] => s_types[type].SelectMany(found => found.GetConstructors().Append<MemberInfo>(found)),
        [string type, string member] => s_types[type].SelectMany(found => found.GetMember(member, All)),
        _ => [],
    };

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"(?<![\w.""])[A-Z]\w*(\.[A-Z]\w*)*\b(?!: )")]
    private static partial Regex Name();

    [GeneratedRegex(@"[{,] (\w+) = ")]
    private static partial Regex Setting();

    [GeneratedRegex(@"[(,] ?([A-Za-z]\w*): ")]
    private static partial Regex Argument();
}
