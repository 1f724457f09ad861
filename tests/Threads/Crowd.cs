using System.Runtime.ExceptionServices;

namespace Engine.Tests.Threads;

/// <summary>Threads that start at the same time.</summary>
internal static class Crowd
{
    public const int Threads = 8;

    /// <summary>
    /// Runs an action on each of several threads, given its number; throws the exception of the first that failed.
    /// </summary>
    public static void Do(int threads, Action<int> what)
    {
        using var start = new Barrier(threads);
        Exception? error = null;
        Thread[] crowd = [.. Enumerable.Range(0, threads).Select(number => new Thread(() =>
        {
            start.SignalAndWait();
            try
            {
                what(number);
            }
            catch (Exception thrown)
            {
                Interlocked.CompareExchange(ref error, thrown, null);
            }
        })
        { IsBackground = true })];
        Array.ForEach(crowd, thread => thread.Start());
        Array.ForEach(crowd, thread => thread.Join());
        if (error is not null)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }

    /// <summary>Runs several actions, each on its own thread; all start at the same time.</summary>
    public static void Do(params Action[] whats) => Do(whats.Length, number => whats[number]());
}
