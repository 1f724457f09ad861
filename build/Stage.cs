using System.Diagnostics;
using System.Globalization;

namespace Engine.Build;

/// <summary>A process of tests: its name, its tests, and its environment variables.</summary>
internal sealed class Stage(string name, string filter, params (string Name, string Value)[] environment)
{
    /// <summary>The most processes of tests at once; more would need too much memory.</summary>
    private const int MaxAtOnce = 4;

    /// <summary>
    /// Runs the stages, as many at once as there are processors. Some keep all processors busy, most only one.
    /// </summary>
    public static Dictionary<Stage, TestCounts> RunAll(IReadOnlyList<Stage> stages)
    {
        var counts = new Dictionary<Stage, TestCounts>();
        int next = -1;
        int atOnce = Math.Clamp(Environment.ProcessorCount, 1, MaxAtOnce);
        Thread[] lanes = [.. Enumerable.Range(0, atOnce).Select(_ => new Thread(() =>
        {
            for (int mine; (mine = Interlocked.Increment(ref next)) < stages.Count;)
            {
                TestCounts counted = stages[mine].Run();
                lock (counts)
                {
                    counts.Add(stages[mine], counted);
                }
            }
        }))];
        Array.ForEach(lanes, lane => lane.Start());
        Array.ForEach(lanes, lane => lane.Join());
        return counts;
    }

    /// <summary>
    /// Runs the process, puts the stage's name before each of its lines, and prints how long it took.
    /// </summary>
    public TestCounts Run()
    {
        string results = Directory.CreateDirectory(Path.Combine(Repository.Artifacts, "test-results")).FullName;
        string report = Path.Combine(results, name + ".trx");
        File.Delete(report);
        long start = Stopwatch.GetTimestamp();
        int exitCode = Dotnet.RunWith(
            environment.Select(variable => KeyValuePair.Create(variable.Name, variable.Value)),
            line => Console.WriteLine(line.Length == 0 ? "" : $"{name}: {line}"),
            Repository.Built("Tests", "Engine.Tests"),
            "--settings", Path.Combine(Repository.Root, "tests", "nunit.runsettings"), "--results-directory", results,
            "--report-trx", "--report-trx-filename", Path.GetFileName(report),
            "--timeout", "40m", "--filter", filter);
        TestCounts counts = (File.Exists(report) ? TestCounts.Read(report) : TestCounts.None).After(exitCode);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {counts}, {seconds:0} s"));
        return counts;
    }
}
