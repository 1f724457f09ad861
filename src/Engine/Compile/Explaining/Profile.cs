using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// Records how long the kernels of functions take that are compiled with it: <see cref="CompileOptions.Profile"/>. Read
/// it only while none of them runs.
/// </summary>
/// <remarks>
/// On the CPU every thread times its own pieces. On a GPU, events are put between the launches, which then do not form
/// a graph: the sum is longer than a run without a profile.
/// </remarks>
public sealed class Profile
{
    private readonly List<(Plan Plan, Device Device, LaunchTimes Times)> _plans = [];

    internal LaunchTimes Add(Plan plan, Device device)
    {
        var times = new LaunchTimes();
        lock (_plans)
        {
            _plans.Add((plan, device, times));
        }

        return times;
    }

    /// <summary>
    /// Returns a table of each plan's kernels, the slowest first, with the share of the device's peak that they reach.
    /// </summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((Plan plan, Device device, LaunchTimes times) in Ran)
        {
            Append(text, plan, device, times);
        }

        return text.ToString();
    }

    /// <summary>
    /// Writes a timeline with a lane for each thread, in the trace event format that Perfetto and chrome://tracing
    /// open. For long runs, it contains only the beginning.
    /// </summary>
    public void WriteTrace(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ns");
        json.WriteStartArray("traceEvents");
        long origin = Ran.SelectMany(ran => ran.Times.Spans).Select(span => span.Start).DefaultIfEmpty().Min();
        foreach ((int lane, bool isGpu) in Ran
            .SelectMany(ran => ran.Times.Spans.Select(span => (span.Lane, ran.Device.IsGpu)))
            .Distinct())
        {
            json.WriteStartObject();
            json.WriteString("name", "thread_name");
            json.WriteString("ph", "M");
            json.WriteNumber("pid", 1);
            json.WriteNumber("tid", lane);
            json.WriteStartObject("args");
            json.WriteString("name", isGpu ? "stream" : $"thread {lane}");
            json.WriteEndObject();
            json.WriteEndObject();
        }

        foreach ((Plan plan, _, LaunchTimes times) in Ran)
        {
            IReadOnlyList<Launch> launches = plan.Program.Launches;
            var owned = new LaunchOwners(plan.Levels.SelectMany(level => level), launches);
            foreach (LaunchSpan span in times.Spans)
            {
                BoundStep[] steps = owned.Steps(span.Launch);
                json.WriteStartObject();
                json.WriteString("name", Names(steps));
                json.WriteString("ph", "X");
                json.WriteNumber("ts", Microseconds(span.Start - origin));
                json.WriteNumber("dur", Microseconds(span.End - span.Start));
                json.WriteNumber("pid", 1);
                json.WriteNumber("tid", span.Lane);
                json.WriteStartObject("args");
                json.WriteString("outputs", Outputs(steps));
                json.WriteString("from", From(steps));
                json.WriteEndObject();
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private IEnumerable<(Plan Plan, Device Device, LaunchTimes Times)> Ran =>
        _plans.Where(entry => entry.Times.Runs > 0).OrderByDescending(entry => entry.Times.Seconds);

    private static void Append(StringBuilder text, Plan plan, Device device, LaunchTimes times)
    {
        IReadOnlyList<Launch> launches = plan.Program.Launches;
        var owned = new LaunchOwners(plan.Levels.SelectMany(level => level), launches);
        var table = new TextTable(
            ">share", ">calls", ">µs a call", ">GB/s", ">GFLOP/s", ">of peak", "ops", "outputs", "from");
        double busy = 0;
        foreach (int launch in Enumerable.Range(0, launches.Count).OrderByDescending(times.SecondsOf))
        {
            double seconds = times.SecondsOf(launch) / times.Runs;
            long bytes = owned.First(launch).Sum(step => step.Bytes);
            long flops = owned.First(launch).Sum(step => step.Flops);
            BoundStep[] steps = owned.Steps(launch);
            busy += times.SecondsOf(launch);
            table.Add(
                Percent(times.SecondsOf(launch) / times.Seconds),
                $"{times.Runs}",
                TextTable.Microseconds(seconds),
                Rate(bytes / seconds),
                Rate(flops / seconds),
                seconds > 0 ? Percent(device.Peak.Floor(bytes, flops) / seconds) : "",
                Names(steps),
                Outputs(steps),
                From(steps));
        }

        string inputs = string.Join(", ", plan.Graph.Inputs.Select(input =>
            input.Type.KnownValue is { } size ? $"{input} = {size}" : $"{input} {input.Shape}"));
        string runs = times.Runs == 1 ? "1 run" : $"{times.Runs} runs";
        text.Append(CultureInfo.InvariantCulture,
            $"{runs}{(inputs.Length > 0 ? $" with {inputs}" : "")}, {plan.Graph.Updates.Count} updates, ");
        text.Append(CultureInfo.InvariantCulture,
            $"{TextTable.Microseconds(times.Seconds / times.Runs)} µs each on {device}, ");
        string between = Percent((times.Seconds - busy) / times.Seconds);
        text.Append(CultureInfo.InvariantCulture, $"{between} of it between kernels\n\n");
        text.Append(table);
        text.Append(CultureInfo.InvariantCulture, $"\nThe peak is {device.Peak}.\n\n");
    }

    private static string Names(BoundStep[] steps) => TextTable.Counted(steps.Select(step => step.Name), " | ");

    private static string Outputs(BoundStep[] steps) => TextTable.Counted(
        steps.SelectMany(step => step.Operands.Outputs).Select(output => $"{output.Type.Shape}"), ", ");

    private static string From(BoundStep[] steps) => string.Join(", ", steps.Select(step => step.From).Distinct());

    private static string Percent(double part) => part.ToString("0.0 %", CultureInfo.InvariantCulture);

    private static string Rate(double perSecond) => double.IsFinite(perSecond)
        ? (perSecond / 1e9).ToString("0.00", CultureInfo.InvariantCulture)
        : "";

    private static double Microseconds(long ticks) => Math.Round(ticks * 1e6 / Stopwatch.Frequency, 3);
}
