using System.Numerics;
using System.Threading.Channels;
using Engine.Data;
using Engine.Models;

namespace Engine.Server;

/// <summary>
/// Joins the samples of many callers into batches. Samples that arrive while a batch is computed are in the next one,
/// so no caller waits for a batch to fill, and batches grow with the number of callers.
/// </summary>
internal sealed class Batcher : IAsyncDisposable
{
    private readonly Channel<Job> _jobs;
    private readonly Func<Table, IReadOnlyList<Prediction>> _predict;
    private readonly int _maxBatch, _maxWaiting;
    private readonly Task _loop;
    private int _waiting;

    public Batcher(Func<Table, IReadOnlyList<Prediction>> predict, int maxBatch, int maxWaiting)
    {
        (_predict, _maxBatch, _maxWaiting) = (predict, maxBatch, maxWaiting);
        _jobs = Channel.CreateUnbounded<Job>(new UnboundedChannelOptions { SingleReader = true });
        _loop = Task.Run(Loop);
    }

    /// <summary>Gets the number of samples that wait or are being predicted.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Gets the numbers of predicted batches and samples.</summary>
    public long Batches { get; private set; }

    public long Samples { get; private set; }

    /// <summary>Predicts samples; returns null if too many wait already.</summary>
    public async Task<IReadOnlyList<Prediction>?> Predict(Table samples)
    {
        if (Interlocked.Add(ref _waiting, samples.Count) > _maxWaiting && samples.Count < Waiting)
        {
            Interlocked.Add(ref _waiting, -samples.Count);
            return null;
        }

        try
        {
            var job = new Job(samples, new TaskCompletionSource<IReadOnlyList<Prediction>>(
                TaskCreationOptions.RunContinuationsAsynchronously));
            return _jobs.Writer.TryWrite(job) ? await job.Result.Task : null;
        }
        finally
        {
            Interlocked.Add(ref _waiting, -samples.Count);
        }
    }

    /// <summary>Completes when all accepted requests are answered.</summary>
    public async ValueTask DisposeAsync()
    {
        _jobs.Writer.TryComplete();
        await _loop;
    }

    private async Task Loop()
    {
        var batch = new List<Job>();
        while (await _jobs.Reader.WaitToReadAsync())
        {
            batch.Clear();
            int count = 0;
            while (count < _maxBatch && _jobs.Reader.TryPeek(out Job? next)
                && (batch.Count == 0
                    || (count + next.Samples.Count <= _maxBatch && IsAlike(batch[0].Samples, next.Samples)))
                && _jobs.Reader.TryRead(out next))
            {
                batch.Add(next);
                count += next.Samples.Count;
            }

            Answer(batch);
            (Batches, Samples) = (Batches + 1, Samples + count);
        }
    }

    private void Answer(List<Job> batch)
    {
        try
        {
            IReadOnlyList<Prediction> all = _predict(Padded(Table.Joined([.. batch.Select(job => job.Samples)])));
            int at = 0;
            foreach (Job job in batch)
            {
                job.Result.SetResult([.. all.Skip(at).Take(job.Samples.Count)]);
                at += job.Samples.Count;
            }
        }
        catch (EngineException error)
        {
            // One wrong sample must not make the others fail, so each is predicted alone.
            if (batch.Count == 1)
            {
                batch[0].Result.SetException(error);
            }
            else
            {
                batch.ForEach(job => Answer([job]));
            }
        }
        catch (Exception error)
        {
            batch.ForEach(job => job.Result.TrySetException(error));
        }
    }

    /// <summary>
    /// Pads with copies of the first sample to the next power of two. A plan is kept for each number of samples, and
    /// padding keeps these numbers few.
    /// </summary>
    private static Table Padded(Table table)
    {
        int count = (int)BitOperations.RoundUpToPowerOf2((uint)table.Count);
        return count == table.Count ? table
            : table.Rows([.. Enumerable.Range(0, table.Count), .. Enumerable.Repeat(0, count - table.Count)]);
    }

    private static bool IsAlike(Table a, Table b) => a.Columns.Count == b.Columns.Count
        && a.Columns.Zip(b.Columns)
            .All(pair => pair.First.Name == pair.Second.Name && pair.First.GetType() == pair.Second.GetType());

    private sealed record Job(Table Samples, TaskCompletionSource<IReadOnlyList<Prediction>> Result);
}
