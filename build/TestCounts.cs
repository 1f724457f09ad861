using System.Globalization;
using System.Xml.Linq;

namespace Engine.Build;

/// <summary>How many tests went how.</summary>
internal sealed record TestCounts(int Passed, int Failed, int Skipped)
{
    // What the test platform exits with when the filter leaves no test.
    private const int ZeroTests = 8;

    /// <summary>Of a run that left no report.</summary>
    public static TestCounts None { get; } = new(0, 0, 0);

    /// <summary>Whether at least one test ran and none failed.</summary>
    public bool Good => Passed > 0 && Failed == 0;

    /// <summary>Of two runs together.</summary>
    public static TestCounts operator +(TestCounts a, TestCounts b) =>
        new(a.Passed + b.Passed, a.Failed + b.Failed, a.Skipped + b.Skipped);

    /// <summary>Reads the counters of a TRX report; what neither passed nor failed was skipped.</summary>
    public static TestCounts Read(string trx)
    {
        XElement counters = XDocument.Load(trx).Descendants().First(element => element.Name.LocalName == "Counters");
        int passed = Count("passed");
        int failed = Count("failed") + Count("error") + Count("timeout");
        return new TestCounts(passed, failed, Skipped: Count("total") - passed - failed);

        int Count(string name) => int.Parse(counters.Attribute(name)?.Value ?? "0", CultureInfo.InvariantCulture);
    }

    /// <summary>A crash, which no test reported, counts as a failure of its own.</summary>
    public TestCounts After(int exitCode) =>
        exitCode is 0 or ZeroTests || Failed > 0 ? this : this with { Failed = 1 };

    /// <summary>The last line of <c>./build.sh test</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed")
        + (Skipped > 0 ? string.Create(CultureInfo.InvariantCulture, $", {Skipped} skipped") : "");
}
