using System.Reflection;
using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// Every name in the column "here" of docs/from-theano.md's tables is in the library's public API. Every name of
/// Theano, Lasagne and nolearn (tests/Docs/Names) has a row there, which says where it is or why it does not exist.
/// </summary>
public sealed partial class FromTheanoTests
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.FlattenHierarchy;

    private static readonly ILookup<string, Type> s_types =
        typeof(Tensor).Assembly.GetExportedTypes().ToLookup(type => type.Name);

    private static IEnumerable<string[]> Rows =>
        File.ReadLines(Path.Combine(Repository.Root, "docs", "from-theano.md"))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Split(" | "));

    private static IEnumerable<string> Here =>
        Rows.Select(row => row[1])
            .SelectMany(cell => Span().Matches(cell).Select(match => match.Groups[1].Value))
            .Where(code => code is not ['.' or '$', ..] && !code.StartsWith("ENGINE_", StringComparison.Ordinal)
                && !code.StartsWith("runner ", StringComparison.Ordinal));

    [Test]
    public void There_are_many_names() => Assert.That(Here.Count(), Is.GreaterThan(200));

    [Test]
    public void Every_name_is_there() => Assert.That(Here.SelectMany(Missing), Is.Empty);

    [Test]
    public void Every_name_of_theirs_has_a_row([Values("theano.txt", "lasagne-nolearn.txt")] string file) =>
        Assert.That(Theirs(file).Where(name => RowsOf(name.Name).Count == 0).Select(name => name.Name), Is.Empty);

    [Test]
    public void What_is_not_here_is_argued() => Assert.That(
        Rows.Where(row => row[1].Trim() == "–" && row[2].Trim(' ', '|').Length < 8).Select(row => row[0]), Is.Empty);

    /// <summary>Each name counts by its use in programs, as in the list.</summary>
    [TestCase("theano.txt", "theano.tensor", 250)]
    [TestCase("lasagne-nolearn.txt", "", 240)]
    public void What_programs_use_is_here_by_name(string file, string family, int min)
    {
        (string Family, string Name, double Use)[] names =
            [.. Theirs(file).Where(name => name.Family.StartsWith(family, StringComparison.Ordinal))];

        double here = names.Where(name => RowsOf(name.Name).Any(row => row[1].Contains('`', StringComparison.Ordinal)))
            .Sum(name => name.Use);

        Assert.That(names, Has.Length.GreaterThan(min));
        Assert.That(here / names.Sum(name => name.Use), Is.GreaterThan(0.95));
    }

    [TestCase("Symbolic.Dott(a, b)", "Symbolic.Dott")]
    [TestCase("new Densed(100)", "Densed")]
    [TestCase("new Conv2D(16, 3) { Pat = 1 }", "Pat")]
    [TestCase("Symbolic.ArgSort(x, axes: 1)", "axes")]
    [TestCase("Symbolic.Dot(Symbolic.Nothing, b)", "Symbolic.Nothing")]
    [TestCase("Symbolic", "")]
    public void A_name_that_is_not_there_is_found(string code, string missing) =>
        Assert.That(string.Join(' ', Missing(code)), Is.EqualTo(missing));

    /// <summary>
    /// Returns the parts of an expression that are not in the public API: types, members, settings and named arguments
    /// of the first.
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

    /// <summary>Returns the members of a dotted name; for a type, its constructors and the type itself.</summary>
    private static IEnumerable<MemberInfo> Members(string name) => name.Split('.') switch
    {
        [string type] => s_types[type].SelectMany(found => found.GetConstructors().Append<MemberInfo>(found)),
        [string type, string member] => s_types[type].SelectMany(found => found.GetMember(member, All)),
        _ => [],
    };

    /// <summary>Returns the names of a list, and how many of twenty programs use each, approximately.</summary>
    private static IEnumerable<(string Family, string Name, double Use)> Theirs(string file)
    {
        string family = "";
        foreach (string line in File.ReadLines(Path.Combine(Repository.Root, "tests", "Docs", "Names", file)))
        {
            if (line is ['[', .. string inner, ']'])
            {
                family = inner;
            }
            else if (line is not ['#', ..])
            {
                foreach (string word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    string name = word.TrimStart('+');
                    yield return (family, name, (word.Length - name.Length) switch { 2 => 6, 1 => 3, _ => 0.5 });
                }
            }
        }
    }

    /// <summary>
    /// Returns the rows with the name in their first column: as a word, or literally if it is no word.
    /// </summary>
    private static List<string[]> RowsOf(string name)
    {
        var word = new Regex($@"(?<!\w){Regex.Escape(name)}(?!\w)");
        return [.. Rows.Where(row => Span().Matches(row[0]).Select(span => span.Groups[1].Value)
            .Any(span => word.IsMatch(span) || word.IsMatch(span.Replace(" ", "", StringComparison.Ordinal))))];
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"(?<![\w.""])[A-Z]\w*(\.[A-Z]\w*)*\b(?!: )")]
    private static partial Regex Name();

    [GeneratedRegex(@"[{,] (\w+) = ")]
    private static partial Regex Setting();

    [GeneratedRegex(@"[(,] ?([A-Za-z]\w*): ")]
    private static partial Regex Argument();
}
