using System.Globalization;
using System.Text.Json;

namespace Engine.Bench.Counting;

/// <summary>
/// Formats the counts of a training step, or of a product, as a table for people and as JSON for programs.
/// </summary>
/// <param name="What">The name of what was run.</param>
/// <param name="Architecture">The target GPU: 90.</param>
/// <param name="Launches">The counts of each launch.</param>
internal sealed record CountTable(string What, int Architecture, IReadOnlyList<LaunchCount> Launches)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private long Total => Launches.Sum(launch => launch.WarpInstructions);

    private long Fma => Launches.Sum(launch => launch.Fma);

    /// <summary>Returns a row for each kernel, their sum, and two lines for scripts.</summary>
    public string Print()
    {
        var table = new TextTable(
        [
            "kernel", ">launches", ">blocks", ">warp instr", ">share",
            .. LaunchCount.Classes.Select(name => $">{name} %"),
            ">machine instr", ">sectors asked", ">÷ needed", ">conflicts %", ">lanes",
        ]);
        LaunchCount[] rows =
        [
            .. Launches.GroupBy(launch => (launch.Ops, launch.Kernel, Grid: string.Join(',', launch.Grid)))
                .Select(LaunchCount.Sum),
        ];
        foreach (LaunchCount row in rows)
        {
            table.Add(Row($"{row.Kernel} for {row.Ops}", row));
        }

        table.Add(Row("all", LaunchCount.Sum(Launches)));
        return table
            + $"launches per training step: {Launches.Count}\n"
            + Invariant(
                $"warp-instructions per training step: {Total} (fma {Fma}, {Percent(Fma, Total)} %)\n");
    }

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            What,
            Arch = $"sm_{Architecture}",
            LaunchesPerTrainingStep = Launches.Count,
            WarpInstructionsPerTrainingStep = Total,
            Fma,
            FmaPercent = Math.Round(100.0 * Fma / Math.Max(Total, 1), 1),
            Launches,
        },
        s_json);

    private string[] Row(string name, LaunchCount count) =>
    [
        name.Length > 60 ? $"{name[..59]}…" : name,
        $"{count.Launches}",
        $"{count.Blocks}",
        Invariant($"{count.WarpInstructions:#,0}"),
        $"{Percent(count.WarpInstructions, Total)} %",
        .. count.ByClass.Select(number => Percent(number, count.WarpInstructions)),
        Invariant($"{count.MachineInstructions:#,0}"),
        Invariant($"{count.SectorsAsked:#,0}"),
        count.SectorsNeeded == 0 ? "–" : Invariant($"{(double)count.SectorsAsked / count.SectorsNeeded:0.00}"),
        Percent(count.BankConflicts, count.SharedPasses),
        Invariant($"{count.ActiveLanes:0.0}"),
    ];

    private static string Percent(long part, long whole) =>
        whole == 0 ? "–" : Invariant($"{100.0 * part / whole:0.0}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
