using System.Diagnostics;

namespace Engine.Distributed;

/// <summary>Represents an exchange among ranks that has begun and may continue during other computations.</summary>
public abstract class Collective
{
    private const int Spins = 200;

    /// <summary>An exchange that is over as soon as it begins.</summary>
    internal static readonly Collective Nothing = new None();

    /// <summary>
    /// How long a rank looks all the time before it leaves the processor to others between two looks.
    /// </summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(2);

    /// <summary>
    /// Gets whether it is complete, so that its results can be read and its sources may be changed. A call also
    /// advances it.
    /// </summary>
    public abstract bool IsDone { get; }

    /// <summary>Waits until it is complete.</summary>
    /// <exception cref="EngineException">It cannot complete.</exception>
    public void Wait() => Wait(limit: null, failure: null);

    /// <summary>Waits until it is complete, or throws the given error after the time limit.</summary>
    internal void Wait(TimeSpan? limit, Func<TimeSpan, EngineException>? failure)
    {
        for (int i = 0; i < Spins; i++)
        {
            if (IsDone)
            {
                return;
            }

            Thread.SpinWait(20);
        }

        long start = Stopwatch.GetTimestamp();
        while (!IsDone)
        {
            TimeSpan waited = Stopwatch.GetElapsedTime(start);
            if (waited > limit && failure is not null)
            {
                throw failure(waited);
            }

            if (waited < s_patience)
            {
                Thread.Yield();
            }
            else
            {
                Thread.Sleep(waited < TimeSpan.FromSeconds(1) ? 0 : 1);
            }
        }
    }

    private sealed class None : Collective
    {
        public override bool IsDone => true;
    }
}
