using System.Globalization;
using System.Text;

namespace Engine.Bench;

/// <summary>
/// Formats measurements as a table in Markdown: a row for each item, with the peers' times beside ours.
/// </summary>
internal static class ResultTable
{
    /// <summary>Returns the table, with a line below it that names the machine and the versions.</summary>
    public static string Of(IReadOnlyList<Measurement> measurements)
    {
        string[] peers =
            [.. measurements.Select(measured => measured.Who).Where(who => who != Measurement.Ours).Distinct()];
        var text = new StringBuilder();
        text.AppendLine($"| what | engine |{string.Concat(peers.Select(peer => $" {peer} | {peer} / engine |"))}");
        text.AppendLine($"|---|---|{string.Concat(peers.Select(_ => "---|---|"))}");
        foreach (Measurement ours in measurements.Where(
            measured => measured.Who == Measurement.Ours && measured.Error is null))
        {
            string rate = ours.Gflops is { } gflops
                ? Invariant($", {gflops:F0} GFLOP/s")
                    + (ours.PartOfPeak is { } part ? Invariant($", {part * 100:F0} % of the peak") : "")
                : "";
            text.Append($"| {ours.Bench} {ours.Item}, {ours.Device} | {ours.Seconds.Text(0)}{rate} |");
            foreach (string peer in peers)
            {
                Measurement? theirs = measurements.FirstOrDefault(measured =>
                    (measured.Who, measured.Bench, measured.Item, Family(measured))
                        == (peer, ours.Bench, ours.Item, Family(ours)));
                text.Append(theirs is null
                    ? " | |"
                    : Invariant($" {theirs.Seconds.Text(0)} | {theirs.Seconds.Median / ours.Seconds.Median:F2} |"));
            }

            text.AppendLine();
        }

        IEnumerable<string> versions = measurements.Select(measured => $"{measured.Who} {measured.Version}").Distinct();
        text.AppendLine();
        text.AppendLine($"Min – median – max. {string.Join(", ", versions)}; "
            + $"{Environment.ProcessorCount} threads; {DateTime.UtcNow:yyyy-MM-dd}.");
        return text.ToString();
    }

    private static bool Family(Measurement measured) => measured.Device.StartsWith("cpu", StringComparison.Ordinal);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
