using System.Collections.Concurrent;
using System.Diagnostics;

namespace Engine.Data;

/// <summary>
/// Has other threads do a sequence of work ahead of the one that needs its results, which come in the sequence's order, however
/// long each takes. No more than so many are under way or done and not yet taken.
/// </summary>
/// <typeparam name="T">The results' type.</typeparam>
internal sealed class ReadAhead<T> : IDisposable
{
    private readonly BlockingCollection<Task<T>> _begun = [];
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _beginning;

    /// <param name="work">What gives each result; one thread enumerates it, others call the functions.</param>
    /// <param name="most">How many results there may be ahead.</param>
    public ReadAhead(IEnumerable<Func<T>> work, int most)
    {
        _room = new SemaphoreSlim(most);
        _beginning = Task.Factory.StartNew(
            () => Begin(work), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Gets how long <see cref="Next"/> has waited in all.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Returns the next result.</summary>
    /// <returns>Whether there was one.</returns>
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

    /// <summary>Ends the work: what is begun is waited for.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        _beginning.Wait();
        foreach (Task<T> task in _begun)
        {
            // Nobody wants to know any more how it ended.
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
            // It is thrown where the batch is taken.
            _begun.Add(Task.FromException<T>(error));
        }
        finally
        {
            _begun.CompleteAdding();
        }
    }
}
