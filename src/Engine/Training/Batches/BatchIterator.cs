using Engine.Ops;

namespace Engine.Training;

/// <summary>Describes how samples are put into batches.</summary>
public sealed class BatchIterator
{
    /// <summary>Batches of this size; the last one may be smaller.</summary>
    /// <exception cref="EngineException">The batch is empty.</exception>
    public BatchIterator(int batchSize = 128)
    {
        BatchSize = batchSize > 0
            ? batchSize
            : throw new EngineException($"A batch has at least 1 sample, not {batchSize}.");
    }

    /// <summary>Gets the samples a batch.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// Gets or sets whether the training samples come in another order each epoch. The order is a function of the
    /// network's seed and the epoch's number; the samples themselves stay where they are. Validation and prediction
    /// never shuffle.
    /// </summary>
    public bool Shuffle { get; init; }

    /// <summary>
    /// Gets or sets what is done to each batch, one after the other, where the samples are: on the device, as ops that
    /// the training step begins with. What is random is for <see cref="NeuralNet.BatchIteratorTrain"/> alone; what is
    /// not belongs to both iterators.
    /// </summary>
    public IReadOnlyList<Augmentation> Augmentation { get; init; } = [];

    /// <summary>
    /// Gets or sets what C# does to each batch on its way, before <see cref="Augmentation"/>. With it, the batches are
    /// made on the host; without, the device selects them by itself. While a GPU computes a batch another thread makes
    /// the next one, one at a time and in their order.
    /// </summary>
    public Func<Batch, Batch>? Transform { get; init; }

    /// <summary>
    /// Gets or sets how many batches of an <see cref="Data.IBatchSource"/> are read ahead, each by a thread of its own.
    /// They are in memory, and nothing else of the samples is.
    /// </summary>
    /// <exception cref="EngineException">It is not positive.</exception>
    public int ReadAhead
    {
        get;
        init => field = value > 0 ? value : throw new EngineException($"One batch or more is read ahead, not {value}.");
    } = 3;

    /// <summary>
    /// Returns the batches of an epoch, for a training of one's own (<see cref="Trainer"/>): shuffled if
    /// <see cref="Shuffle"/> says so, and as <see cref="Transform"/> makes them.
    /// </summary>
    /// <param name="x">The samples, one a row, or those of several inputs by name.</param>
    /// <param name="y">Their labels or values, or those of several outputs by name.</param>
    /// <param name="epoch">The epoch's number: what the order and Transform's random numbers are functions of.</param>
    /// <param name="seed">What else they are functions of.</param>
    /// <exception cref="EngineException">
    /// There are not as many of one as of another; or there is an <see cref="Augmentation"/>, which is part of the graph of
    /// <see cref="NeuralNet"/>.
    /// </exception>
    public IEnumerable<Batch> Over(Tensors x, Tensors y, int epoch = 1, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (Augmentation.Count > 0)
        {
            throw new EngineException(
                $"{Augmentation[0].GetType().Name} is done on the device within Fit: for batches of one's own use Transform.");
        }

        int[] counts = [.. x.All.Concat(y.All).Select(tensor => tensor.Shape[0]).Distinct()];
        if (counts.Length != 1)
        {
            throw new EngineException(
                $"Each tensor has a row for each sample, and here they have {string.Join(" and ", counts)}: {x}; {y}.");
        }

        int count = counts[0];

        return Batches();

        IEnumerable<Batch> Batches()
        {
            int[] order = Order(count, seed, epoch);
            for (int i = 0; i < Count(count); i++)
            {
                int[] rows = order[(i * BatchSize)..Math.Min((i + 1) * BatchSize, count)];
                yield return Made(Batch.Of(x.Rows(rows), y.Rows(rows), seed, epoch, i));
            }
        }
    }

    /// <summary>How many batches so many samples make.</summary>
    internal int Count(int samples) => (samples + BatchSize - 1) / BatchSize;

    /// <summary>The order of an epoch's samples.</summary>
    internal int[] Order(int count, ulong seed, int epoch) => Shuffle
        ? Seeded.Permutation(Seeded.Key(seed, $"epoch {epoch}"), count)
        : [.. Enumerable.Range(0, count)];

    /// <summary>What the transform makes of a batch.</summary>
    internal Batch Made(Batch batch) => Transform?.Invoke(batch) ?? batch;
}

/// <summary>Represents a batch in host memory.</summary>
/// <param name="X">The samples, one a row; of a network with several inputs those of the first.</param>
/// <param name="Y">
/// Their labels, or in regression values; null in prediction, where there are none. Of several outputs those of the first.
/// </param>
/// <param name="Random">
/// Random numbers for augmentation: a function of the network's seed, the epoch and the batch, so that a run can be
/// repeated.
/// </param>
public sealed record Batch(Tensor X, Tensor? Y, Random Random)
{
    private readonly Tensors? _inputs;
    private readonly Tensors? _targets;

    /// <summary>Gets or sets how much each sample counts; null where all count alike.</summary>
    public Tensor? Weights { get; init; }

    /// <summary>Gets or sets the samples of all inputs by name, the first being <see cref="X"/>.</summary>
    public Tensors Inputs
    {
        get => With(_inputs, X);
        init => (_inputs, X) = (value, value.All[0]);
    }

    /// <summary>Gets or sets the labels or values of all outputs by name, the first being <see cref="Y"/>.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Tensors Targets
    {
        get => With(_targets, Y ?? throw new EngineException("The batch has no targets: Y is null."));
        init => (_targets, Y) = (value, value.All[0]);
    }

    /// <summary>A batch with random numbers of its own.</summary>
    internal static Batch Of(Tensors x, Tensors y, ulong seed, int epoch, int index, int? shard = null)
    {
        string of = shard is null ? $"epoch {epoch} batch {index}" : $"epoch {epoch} batch {index} shard {shard}";
        var random = new Random((int)Seeded.Key(seed, of));
        return new Batch(x.All[0], y.All[0], random) { Inputs = x, Targets = y };
    }

    /// <summary>A batch to predict of.</summary>
    internal static Batch Of(Tensors x) => new(x.All[0], null, new Random(0)) { Inputs = x };

    private static Tensors With(Tensors? all, Tensor first)
    {
        if (all is null)
        {
            return first;
        }

        var replaced = new Tensors();
        foreach ((string name, Tensor tensor) in all)
        {
            replaced[name] = replaced.Count == 0 ? first : tensor;
        }

        return replaced;
    }
}
