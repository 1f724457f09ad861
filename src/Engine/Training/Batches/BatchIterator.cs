using Engine.Ops;

namespace Engine.Training;

/// <summary>Describes how samples are put into batches.</summary>
public sealed class BatchIterator
{
    /// <summary>Creates batches of this size; the last one may be smaller.</summary>
    /// <exception cref="EngineException">The size is not positive.</exception>
    public BatchIterator(int batchSize = 128)
    {
        BatchSize = batchSize > 0
            ? batchSize
            : throw new EngineException($"A batch has at least 1 sample, not {batchSize}.");
    }

    /// <summary>Gets the number of samples in a batch.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// Gets or sets whether each epoch has another order of the training samples. The order depends on the network's
    /// seed and the epoch's number only; the samples stay where they are in memory. Validation and prediction never
    /// shuffle.
    /// </summary>
    public bool Shuffle { get; init; }

    /// <summary>
    /// Gets or sets the augmentations of each batch, in the order in which they run. They are the first ops of the
    /// training step on the device. Random ones are for <see cref="NeuralNet.BatchIteratorTrain"/> only; the others
    /// belong to both iterators.
    /// </summary>
    public IReadOnlyList<Augmentation> Augmentation { get; init; } = [];

    /// <summary>
    /// Gets or sets a C# function that changes each batch before <see cref="Augmentation"/> does. With a transform, the
    /// host makes the batches; without, the device selects them. While a GPU computes a batch, another thread makes the
    /// next one, one at a time and in order.
    /// </summary>
    public Func<Batch, Batch>? Transform { get; init; }

    /// <summary>
    /// Gets or sets how many batches of an <see cref="Data.IBatchSource"/> are read ahead, each by its own thread. Only
    /// these batches are in memory.
    /// </summary>
    /// <exception cref="EngineException">It is not positive.</exception>
    public int ReadAhead
    {
        get;
        init => field = value > 0 ? value : throw new EngineException($"One batch or more is read ahead, not {value}.");
    } = 3;

    /// <summary>
    /// Returns the batches of an epoch for your own training loop (<see cref="Trainer"/>), shuffled if
    /// <see cref="Shuffle"/> is set, and changed by <see cref="Transform"/>.
    /// </summary>
    /// <param name="x">The samples, one per row, or the samples of several inputs by name.</param>
    /// <param name="y">Their labels or values, or the labels or values of several outputs by name.</param>
    /// <param name="epoch">The epoch's number. The order and Transform's random numbers depend on it.</param>
    /// <param name="seed">The seed. They depend on it, too.</param>
    /// <exception cref="EngineException">
    /// The numbers of samples differ; or there is an <see cref="Augmentation"/>, which is part of the graph of
    /// <see cref="NeuralNet"/>.
    /// </exception>
    public IEnumerable<Batch> Over(Tensors x, Tensors y, int epoch = 1, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (Augmentation.Count > 0)
        {
            throw new EngineException(
                $"{Augmentation[0].GetType().Name} is done on the device within Fit: "
                + "for batches of one's own use Transform.");
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

    /// <summary>Returns the number of batches for a number of samples.</summary>
    internal int Count(int samples) => (samples + BatchSize - 1) / BatchSize;

    /// <summary>Returns the order of an epoch's samples.</summary>
    internal int[] Order(int count, ulong seed, int epoch) => Shuffle
        ? Seeded.Permutation(Seeded.Key(seed, $"epoch {epoch}"), count)
        : [.. Enumerable.Range(0, count)];

    /// <summary>Returns the transformed batch.</summary>
    internal Batch Made(Batch batch) => Transform?.Invoke(batch) ?? batch;
}

/// <summary>Represents a batch in host memory.</summary>
/// <param name="X">The samples, one per row; if a network has several inputs, the samples of the first.</param>
/// <param name="Y">
/// Their labels, or values in regression; null in prediction. If a network has several outputs, the labels of the
/// first.
/// </param>
/// <param name="Random">
/// Random numbers for augmentation. They depend on the network's seed, the epoch and the batch only, so a run can be
/// repeated.
/// </param>
public sealed record Batch(Tensor X, Tensor? Y, Random Random)
{
    private readonly Tensors? _inputs;
    private readonly Tensors? _targets;

    /// <summary>Gets or sets the weight of each sample; null if all weights are equal.</summary>
    public Tensor? Weights { get; init; }

    /// <summary>Gets or sets the samples of all inputs by name; the first is <see cref="X"/>.</summary>
    public Tensors Inputs
    {
        get => With(_inputs, X);
        init => (_inputs, X) = (value, value.All[0]);
    }

    /// <summary>Gets or sets the labels or values of all outputs by name; the first is <see cref="Y"/>.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Tensors Targets
    {
        get => With(_targets, Y ?? throw new EngineException("The batch has no targets: Y is null."));
        init => (_targets, Y) = (value, value.All[0]);
    }

    /// <summary>Returns a batch with its own random numbers.</summary>
    internal static Batch Of(Tensors x, Tensors y, ulong seed, int epoch, int index, int? shard = null)
    {
        string of = shard is null ? $"epoch {epoch} batch {index}" : $"epoch {epoch} batch {index} shard {shard}";
        var random = new Random((int)Seeded.Key(seed, of));
        return new Batch(x.All[0], y.All[0], random) { Inputs = x, Targets = y };
    }

    /// <summary>Returns a batch for prediction.</summary>
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
