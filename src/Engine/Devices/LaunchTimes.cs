using System.Diagnostics;

namespace Engine.Devices;

/// <summary>A span of time in which a thread, or a stream, worked for a launch.</summary>
/// <param name="Launch">The number of the launch in its program.</param>
/// <param name="Lane">The number of the thread; 0 for a stream.</param>
/// <param name="Start">The begin, by <see cref="Stopwatch.GetTimestamp"/>.</param>
/// <param name="End">The end, by the same clock.</param>
internal readonly record struct LaunchSpan(int Launch, int Lane, long Start, long End);

/// <summary>
/// Records the times of a program's launches. A program linked with it reports, for every run, when each thread worked
/// for which launch. The first spans are kept one by one; all are added up.
/// </summary>
internal sealed class LaunchTimes
{
    /// <summary>The most spans that are kept.</summary>
    public const int MaxSpans = 100_000;

    private readonly List<LaunchSpan> _spans = [];
    private List<LaunchSpan>[] _lanes = [];
    private long[] _ticks = [], _first = [], _last = [];
    private long _started;

    /// <summary>Gets the number of runs.</summary>
    public int Runs { get; private set; }

    /// <summary>Gets the total time of all runs.</summary>
    public double Seconds { get; private set; }

    /// <summary>Gets the first spans.</summary>
    public IReadOnlyList<LaunchSpan> Spans => _spans;

    /// <summary>
    /// Returns the time of a launch in all runs, each from its first thread's start to its last thread's end.
    /// </summary>
    public double SecondsOf(int launch) => launch < _ticks.Length ? (double)_ticks[launch] / Stopwatch.Frequency : 0;

    /// <summary>Allocates the records; called once, when the program is linked.</summary>
    public void Prepare(int launches, int lanes)
    {
        (_ticks, _first, _last) = (new long[launches], new long[launches], new long[launches]);
        _lanes = [.. Enumerable.Range(0, lanes).Select(_ => new List<LaunchSpan>())];
    }

    public void StartRun() => _started = Stopwatch.GetTimestamp();

    /// <summary>Adds a span. During a run, at most one thread calls it for each lane.</summary>
    public void Add(int launch, int lane, long start, long end) =>
        _lanes[lane].Add(new LaunchSpan(launch, lane, start, end));

    public void EndRun()
    {
        Seconds += Stopwatch.GetElapsedTime(_started).TotalSeconds;
        Runs++;
        Array.Fill(_first, long.MaxValue);
        Array.Clear(_last);
        foreach (List<LaunchSpan> lane in _lanes)
        {
            foreach (LaunchSpan span in lane)
            {
                _first[span.Launch] = Math.Min(_first[span.Launch], span.Start);
                _last[span.Launch] = Math.Max(_last[span.Launch], span.End);
            }

            if (_spans.Count + lane.Count <= MaxSpans)
            {
                _spans.AddRange(lane);
            }

            lane.Clear();
        }

        for (int i = 0; i < _ticks.Length; i++)
        {
            _ticks[i] += _last[i] == 0 ? 0 : _last[i] - _first[i];
        }
    }
}
