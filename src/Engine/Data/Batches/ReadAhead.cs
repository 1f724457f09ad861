using System.Collections.Concurrent;
using System.Diagnostics;

namespace Engine.Data;

/// <summary>
/// Runs a sequence of work on other threads, ahead of the consumer. Results come in the sequence's order. At most a
/// given number are in progress, or done and not taken yet.
/// </summary>
/// <typeparam name="T">The results' type.</typeparam>
internal sealed class ReadAhead<T> : IDisposable
{
    private readonly BlockingCollection<Task<T>> _begun = [];
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _beginning;

    /// <param name="work">The functions that compute the results. One thread enumerates them, others call them.</param>
    /// <param name="max">The maximum number of results ahead.</param>
    public ReadAhead(IEnumerable<Func<T>> work, int max)
    {
        _room = new SemaphoreSlim(max);
        _beginning = Task.Factory.StartNew(
            () => Begin(work), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Gets the total time that <see cref="Next"/> has waited.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Returns the next result.</summary>
    /// <returns>Whether there was a result.</returns>
    public bool Next(out T result)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            if (!_begun.TryTake(out Task<T>? task, Timeout.Infinite))
            {
                result = default!;
                return false;
            }

            result = task.GetAwaiter().GetResult();
            _room.Release();
            return true;
        }
        finally
        {
            Waited += Stopwatch.GetElapsedTime(start);
        }
    }

    /// <summary>Ends the work, and waits for the functions that are running.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        _beginning.Wait();
        foreach (Task<T> task in _begun)
        {
            // The result no longer matters.
            Task.WhenAny(task).Wait();
            _ = task.Exception;
        }

        _begun.Dispose();
        _room.Dispose();
        _ending.Dispose();
    }

    private void Begin(IEnumerable<Func<T>> work)
    {
        try
        {
            using IEnumerator<Func<T>> each = work.GetEnumerator();
            while (true)
            {
                _room.Wait(_ending.Token);
                if (!each.MoveNext())
                {
                    break;
                }

                _begun.Add(Task.Run(each.Current));
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // It is disposed of.
        }
        catch (Exception error)
        {
            // The error is thrown when the batch is taken.
            _begun.Add(Task.FromException<T>(error));
        }
        finally
        {
            _begun.CompleteAdding();
        }
    }
}
