using System.Diagnostics;

namespace Engine.Training;

/// <summary>
/// Decides how many batches run before the host checks for cancellation and reports progress. On the CPU, a chunk takes
/// a tenth of a second. On a GPU it is the whole epoch, or a twentieth of it if somebody watches. Its size is constant
/// there, because each number of batches is recorded as its own CUDA graph.
/// </summary>
internal sealed class Chunks(int batches, bool oneByOne, bool isGpu, bool isWatched)
{
    private const int Parts = 20;
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(0.1);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _reported;

    /// <summary>Gets the time since the first batch.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Returns the number of batches to run next.</summary>
    public int Next(int done)
    {
        int chunk = oneByOne ? 1
            : isGpu ? (isWatched ? (batches + Parts - 1) / Parts : batches)
            : done == 0 ? 1
            : (int)Math.Clamp(done * (s_period / Elapsed), 1, batches);
        return Math.Min(chunk, batches - done);
    }

    /// <summary>Returns whether enough time has passed since the last report, or all batches ran.</summary>
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
