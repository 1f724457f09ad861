using System.Diagnostics;

namespace Engine.Training;

/// <summary>
/// How many of an epoch's batches run between two looks at what goes on: whether the training is canceled, how far it
/// has come. On the CPU as many as take a tenth of a second. On a GPU all of them, or if somebody watches a twentieth:
/// always as many, since each number of batches is recorded as a CUDA graph of its own.
/// </summary>
internal sealed class Chunks(int batches, bool oneByOne, bool isGpu, bool isWatched)
{
    private const int Parts = 20;
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(0.1);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _reported;

    /// <summary>Gets the time since the first batch.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Returns how many batches to run after so many.</summary>
    public int Next(int done)
    {
        int chunk = oneByOne ? 1
            : isGpu ? (isWatched ? (batches + Parts - 1) / Parts : batches)
            : done == 0 ? 1
            : (int)Math.Clamp(done * (s_period / Elapsed), 1, batches);
        return Math.Min(chunk, batches - done);
    }

    /// <summary>
    /// Returns whether so much time has passed since the last report that another is due, or all batches ran.
    /// </summary>
    public bool IsReportDue(int done)
    {
        if (done < batches && Elapsed - _reported < s_period / 2)
        {
            return false;
        }

        _reported = Elapsed;
        return true;
    }
}
