using System.Diagnostics;

namespace Engine.Bench;

/// <summary>Times work that waits for its own end, so that the host's clock includes all of it.</summary>
internal static class Clock
{
    private const int Warming = 2, MinRuns = 3, MaxRuns = 9;
    private const double MinSeconds = 0.02, Patience = 2;

    /// <summary>Times a kernel.</summary>
    public static Spread Measure(Kernel kernel) => Measure(kernel.Run, kernel.Times);

    /// <summary>
    /// Runs an action until it is warm, then in groups that are so large that the clock's own cost is negligible.
    /// </summary>
    /// <param name="run">Runs the action a number of times and waits for the end.</param>
    /// <param name="group">The minimum number of runs in a group.</param>
    /// <returns>The seconds of one run: one figure per group.</returns>
    public static Spread Measure(Action<int> run, int group = 1)
    {
        for (int i = 0; i < Warming; i++)
        {
            run(group);
        }

        double seconds = Time(run, group);
        while (seconds < MinSeconds)
        {
            group *= 2;
            seconds = Time(run, group);
        }

        var runs = new List<double>();
        double spent = 0;
        while (runs.Count < MinRuns || (runs.Count < MaxRuns && spent < Patience))
        {
            seconds = Time(run, group);
            spent += seconds;
            runs.Add(seconds / group);
        }

        return Spread.Of(runs);
    }

    private static double Time(Action<int> run, int times)
    {
        long start = Stopwatch.GetTimestamp();
        run(times);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
