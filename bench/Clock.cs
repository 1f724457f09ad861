using System.Diagnostics;

namespace Engine.Bench;

/// <summary>Times work that waits for its own end, so that the host's clock sees all of it.</summary>
internal static class Clock
{
    private const int Warming = 2, MinRuns = 3, MaxRuns = 9;
    private const double MinSeconds = 0.02, Patience = 2;

    /// <summary>Times a kernel.</summary>
    public static Spread Measure(Kernel kernel) => Measure(kernel.Run, kernel.Times);

    /// <summary>
    /// Runs something until it is warm, then in groups so large that the clock's own cost is nothing.
    /// </summary>
    /// <param name="run">Does it so many times over and waits for the end.</param>
    /// <param name="group">How many times at the least.</param>
    /// <returns>The seconds that one time takes: one figure a group.</returns>
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
