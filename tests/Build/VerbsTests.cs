using Engine.Build;

namespace Engine.Tests.Build;

public class VerbsTests
{
    [Test]
    public void An_unknown_verb_is_wrong_usage_and_lists_the_verbs()
    {
        using var errors = new StringWriter();

        Assert.That(Verbs.Run(["frobnicate"], errors), Is.EqualTo(2));
        Assert.That(errors.ToString().Trim(), Is.EqualTo(
            "'frobnicate' is not a verb; there are "
            + "build, test, nvrtc, run, bench, count, results, bundle, pack, docs, api, format, clean, help."));
    }

    [Test]
    public void A_verb_without_arguments_refuses_them()
    {
        using var errors = new StringWriter();

        Assert.That(Verbs.Run(["clean", "everything"], errors), Is.EqualTo(2));
        Assert.That(errors.ToString(), Does.Contain("'clean' takes no arguments, but was given 'everything'"));
    }

    [TestCase("Stamp", ExpectedResult = "FullyQualifiedName~Stamp")]
    [TestCase("Stamp", "Verbs", ExpectedResult = "FullyQualifiedName~Stamp|FullyQualifiedName~Verbs")]
    [TestCase("TestCategory=gpu", "Stamp", ExpectedResult = "(TestCategory=gpu)|FullyQualifiedName~Stamp")]
    public string Words_become_a_filter_of_the_test_platform(params string[] words) => TestFilter.Of(words);

    [Test]
    public void Each_test_belongs_to_one_part_of_the_suite()
    {
        IReadOnlyList<(string Name, string Filter)> parts = TestParts.Of("", "FullyQualifiedName!~NvrtcTests");
        Type[] fixtures = [.. typeof(VerbsTests).Assembly.GetTypes()
            .Where(type => type.GetMethods().Any(method => method.IsDefined(typeof(TestAttribute), inherit: true)
                || method.IsDefined(typeof(TestCaseAttribute), inherit: true)
                || method.IsDefined(typeof(TestCaseSourceAttribute), inherit: true)))];

        foreach (Type fixture in fixtures)
        {
            string test = $"{fixture.FullName}.Some_test";
            int holding = parts.Count(part => Holds(part.Filter, test));
            Assert.That(holding, Is.EqualTo(fixture.Name == "NvrtcTests" ? 0 : 1), test);
        }

        Assert.That(parts.Select(part => part.Name), Is.Unique);
        Assert.That(TestParts.Of("FullyQualifiedName~Stamp", "A"),
            Is.EqualTo(new[] { ("tests", "(FullyQualifiedName~Stamp)&(A)") }));

        // The subset of the filter language that the parts use: '&' binds more tightly than '|'.
        static bool Holds(string filter, string test)
        {
            int depth = 0, from = 0;
            foreach (char operation in "|&")
            {
                var terms = new List<string>();
                depth = from = 0;
                for (int i = 0; i < filter.Length; i++)
                {
                    depth += filter[i] == '(' ? 1 : filter[i] == ')' ? -1 : 0;
                    if (filter[i] == operation && depth == 0)
                    {
                        terms.Add(filter[from..i]);
                        from = i + 1;
                    }
                }

                if (terms.Count > 0)
                {
                    terms.Add(filter[from..]);
                    return operation == '|'
                        ? terms.Any(term => Holds(term, test))
                        : terms.All(term => Holds(term, test));
                }
            }

            return filter[0] == '(' ? Holds(filter[1..^1], test)
                : filter.Contains("!~", StringComparison.Ordinal)
                    ? !test.Contains(filter.Split('~')[1], StringComparison.Ordinal)
                    : test.Contains(filter.Split('~')[1], StringComparison.Ordinal);
        }
    }

    [TestCase("", "A", ExpectedResult = "A")]
    [TestCase("A", "", ExpectedResult = "A")]
    [TestCase("A|B", "C", ExpectedResult = "(A|B)&(C)")]
    public string Two_filters_together_leave_what_both_hold(string a, string b) => TestFilter.Both(a, b);
}
