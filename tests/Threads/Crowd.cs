using System.Runtime.ExceptionServices;

namespace Engine.Tests.Threads;

/// <summary>Runs actions on threads that begin together.</summary>
internal static class Crowd
{
    public const int Threads = 8;

    /// <summary>
    /// Runs an action on each of several threads, with the thread's number; throws the first exception.
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

    /// <summary>Runs several actions at once, each on its own thread.</summary>
    public static void Do(params Action[] whats) => Do(whats.Length, number => whats[number]());
}
