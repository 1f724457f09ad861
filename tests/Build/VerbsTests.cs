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
            + "build, test, nvrtc, run, bench, count, bundle, pack, docs, api, format, clean, help."));
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

    [TestCase("", "A", ExpectedResult = "A")]
    [TestCase("A", "", ExpectedResult = "A")]
    [TestCase("A|B", "C", ExpectedResult = "(A|B)&(C)")]
    public string Two_filters_together_leave_what_both_hold(string a, string b) => TestFilter.Both(a, b);
}
