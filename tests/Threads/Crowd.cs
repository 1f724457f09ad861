using System.Runtime.ExceptionServices;

namespace Engine.Tests.Threads;

/// <summary>Threads that begin together.</summary>
internal static class Crowd
{
    public const int Threads = 8;

    /// <summary>Has each of so many threads do something, given its number; throws what the first of them threw.</summary>
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

    /// <summary>Has one thread do something while another does something else; both begin at once.</summary>
    public static void Do(params Action[] whats) => Do(whats.Length, number => whats[number]());
}
