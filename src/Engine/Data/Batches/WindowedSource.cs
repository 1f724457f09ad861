using System.Globalization;

namespace Engine.Data;

/// <summary>
/// Represents samples that come in sequence, such as lines of a file, messages, or another program's output. They are
/// shuffled through a window: each new sample replaces a random one from the window, which goes into the batch. Only
/// the window is in memory.
/// </summary>
public sealed class WindowedSource : IBatchSource
{
    private readonly Func<IEnumerable<SampleBatch>> _read;
    private readonly int _window;

    /// <summary>Creates a source of samples that come in sequence.</summary>
    /// <param name="count">The number of samples in an epoch.</param>
    /// <param name="read">
    /// Returns all samples from the beginning, in pieces of any number of rows. One thread enumerates them, ahead of
    /// the training.
    /// </param>
    /// <param name="window">The number of samples in the window. A larger window shuffles better.</param>
    /// <exception cref="EngineException">A number is not positive.</exception>
    public WindowedSource(int count, Func<IEnumerable<SampleBatch>> read, int window = 10_000)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (count < 1 || window < 1)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"A source has 1 sample or more, and its window too, not {count} and {window}."));
        }

        (Count, _read, _window) = (count, read, window);
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public IEnumerable<Func<SampleBatch>> Epoch(EpochPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Batches(plan);
    }

    private IEnumerable<Func<SampleBatch>> Batches(EpochPlan plan)
    {
        var random = new Random((int)(plan.Seed ^ (plan.Seed >> 32)) ^ (plan.Epoch * 0x2545_F491));
        var waiting = new List<Row>();
        var batch = new List<Row>(plan.BatchSize);
        int came = 0;
        foreach (Row row in _read().SelectMany(Rows))
        {
            if (++came > Count)
            {
                break;
            }

            Row next = row;
            if (plan.Shuffle)
            {
                if (waiting.Count < _window)
                {
                    waiting.Add(row);
                    continue;
                }

                int drawn = random.Next(_window);
                (next, waiting[drawn]) = (waiting[drawn], row);
            }

            batch.Add(next);
            if (batch.Count == plan.BatchSize)
            {
                yield return Joined(batch);
            }
        }

        if (came < Count)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"The source said that it has {Count} samples, and {came} came: "
                + $"give the right count to WindowedSource."));
        }

        Row[] left = [.. waiting];
        random.Shuffle(left);
        foreach (Row row in left)
        {
            batch.Add(row);
            if (batch.Count == plan.BatchSize)
            {
                yield return Joined(batch);
            }
        }

        if (batch.Count > 0)
        {
            yield return Joined(batch);
        }
    }

    /// <summary>Copies each row, so that a single row does not keep its piece in memory.</summary>
    private static IEnumerable<Row> Rows(SampleBatch piece)
    {
        int count = piece.X.All[0].Shape[0];
        if (piece.X.All.Concat(piece.Y.All).FirstOrDefault(tensor => tensor.Shape[0] != count) is { } wrong)
        {
            throw new EngineException(
                $"A piece of a source has {count} samples, and beside them {wrong.TypeText}: a row for each is due.");
        }

        return Enumerable.Range(0, count)
            .Select(i => new Row(piece.X.Rows([i]), piece.Y.Rows([i]), piece.Weights?.Rows(i, 1)));
    }

    private static Func<SampleBatch> Joined(List<Row> batch)
    {
        Row[] rows = [.. batch];
        batch.Clear();
        return () => new SampleBatch(
            Tensors.Joined([.. rows.Select(row => row.X)]), Tensors.Joined([.. rows.Select(row => row.Y)]))
        {
            Weights = rows[0].Weights is null ? null : Tensor.Joined([.. rows.Select(row => row.Weights!)]),
        };
    }

    private sealed record Row(Tensors X, Tensors Y, Tensor? Weights);
}
