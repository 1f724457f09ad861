using Engine.Build;

namespace Engine.Tests.Build;

public class TestCountsTests
{
    private static readonly TempFolder s_folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => s_folder.Dispose();

    [Test]
    public void The_last_line_names_the_skipped_only_if_there_are_any()
    {
        Assert.That(new TestCounts(12, 0, 0).ToString(), Is.EqualTo("12 passed, 0 failed"));
        Assert.That(new TestCounts(12, 1, 3).ToString(), Is.EqualTo("12 passed, 1 failed, 3 skipped"));
    }

    [Test]
    public void A_run_is_good_when_something_passed_and_nothing_failed()
    {
        Assert.That(new TestCounts(1, 0, 5).Good);
        Assert.That(new TestCounts(0, 0, 5).Good, Is.False);
        Assert.That(new TestCounts(9, 1, 0).Good, Is.False);
        Assert.That(TestCounts.None.Good, Is.False);
    }

    [Test]
    public void A_crash_that_no_test_reported_counts_as_a_failure()
    {
        Assert.That(new TestCounts(19, 0, 0).After(exitCode: 7), Is.EqualTo(new TestCounts(19, 1, 0)));
        Assert.That(new TestCounts(19, 2, 0).After(exitCode: 2), Is.EqualTo(new TestCounts(19, 2, 0)));
        Assert.That(TestCounts.None.After(exitCode: 134).ToString(), Is.EqualTo("0 passed, 1 failed"));
        Assert.That(TestCounts.None.After(exitCode: 8).ToString(), Is.EqualTo("0 passed, 0 failed"));
    }

    [Test]
    public void Runs_add_up() =>
        Assert.That(new TestCounts(1, 2, 3) + new TestCounts(10, 20, 30), Is.EqualTo(new TestCounts(11, 22, 33)));

    [Test]
    public void Counters_of_a_report_are_read_and_errors_count_as_failed()
    {
        string report = s_folder.File("tests.trx");
        File.WriteAllText(report, """
            <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
              <ResultSummary outcome="Failed">
                <Counters total="10" executed="8" passed="5" failed="1" error="1" timeout="1" notExecuted="1" />
              </ResultSummary>
            </TestRun>
            """);

        Assert.That(TestCounts.Read(report), Is.EqualTo(new TestCounts(Passed: 5, Failed: 3, Skipped: 2)));
    }
}
