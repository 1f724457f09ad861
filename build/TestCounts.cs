using System.Globalization;
using System.Xml.Linq;

namespace Engine.Build;

/// <summary>The numbers of passed, failed and skipped tests.</summary>
internal sealed record TestCounts(int Passed, int Failed, int Skipped)
{
    // The exit code of the test platform if no test matches the filter.
    private const int ZeroTests = 8;

    /// <summary>The counts of a run without a report.</summary>
    public static TestCounts None { get; } = new(0, 0, 0);

    /// <summary>Whether at least one test ran and none failed.</summary>
    public bool Good => Passed > 0 && Failed == 0;

    /// <summary>Adds the counts of two runs.</summary>
    public static TestCounts operator +(TestCounts a, TestCounts b) =>
        new(a.Passed + b.Passed, a.Failed + b.Failed, a.Skipped + b.Skipped);

    /// <summary>Reads the counters of a TRX report; tests that neither passed nor failed were skipped.</summary>
    public static TestCounts Read(string trx)
    {
        XElement counters = XDocument.Load(trx).Descendants().First(element => element.Name.LocalName == "Counters");
        int passed = Count("passed");
        int failed = Count("failed") + Count("error") + Count("timeout");
        return new TestCounts(passed, failed, Skipped: Count("total") - passed - failed);

        int Count(string name) => int.Parse(counters.Attribute(name)?.Value ?? "0", CultureInfo.InvariantCulture);
    }

    /// <summary>A crash that no test reported counts as one more failure.</summary>
    public TestCounts After(int exitCode) =>
        exitCode is 0 or ZeroTests || Failed > 0 ? this : this with { Failed = 1 };

    /// <summary>Returns the last line of <c>./build.sh test</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed")
        + (Skipped > 0 ? string.Create(CultureInfo.InvariantCulture, $", {Skipped} skipped") : "");
}
