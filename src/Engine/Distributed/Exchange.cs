using System.Diagnostics;

namespace Engine.Distributed;

/// <summary>Represents an exchange among ranks that has begun and may go on while something else is computed.</summary>
public abstract class Exchange
{
    private const int Spins = 200;

    /// <summary>What is over as soon as it begins.</summary>
    internal static readonly Exchange Nothing = new None();

    /// <summary>How long a rank looks all the time before it leaves the processor to others between two looks.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(2);

    /// <summary>
    /// Gets whether it is over, so that what it brings is there and what it takes may be changed. Asking moves it on.
    /// </summary>
    public abstract bool IsDone { get; }

    /// <summary>Returns when it is over.</summary>
    /// <exception cref="EngineException">It cannot come to an end.</exception>
    public void Wait() => Wait(limit: null, failure: null);

    /// <summary>Returns when it is over, or throws what stands for its taking longer than that.</summary>
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

    private sealed class None : Exchange
    {
        public override bool IsDone => true;
    }
}
