using Engine.Data;
using Engine.Distributed;
using Engine.Ops;

namespace Engine.Training;

/// <summary>Reads a source's batches for a network. The reading threads also transform and check them.</summary>
internal sealed class SourceReader
{
    /// <summary>The maximum number of values to measure before the training.</summary>
    private const int MaxLookedAt = 1 << 21;

    private readonly TrainerGraph _graph;
    private readonly IReadOnlyList<double>? _classWeights;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly ulong _seed;
    private readonly bool _shuffle;
    private readonly bool _isKnown;

    public SourceReader(NeuralNet net, TrainerGraph graph, IBatchSource source, bool isTraining)
    {
        (_graph, Source, _seed) = (graph, source, net.Seed);
        Iterator = isTraining ? net.BatchIteratorTrain : net.BatchIteratorTest;
        _shuffle = isTraining && Iterator.Shuffle;
        _classWeights = isTraining ? net.ClassWeights : null;
        _inputs = [.. graph.Network.Inputs.Select(input => input.Name!)];
        _outputs = [.. graph.Heads.Select(head => head.Name)];
        if (source.Count < 1)
        {
            throw new EngineException($"There are no samples: the source says that it has {source.Count}.");
        }

        using IEnumerator<Func<Read>> first = Epoch(1, shuffle: false).GetEnumerator();
        First = first.MoveNext() ? first.Current().Data
            : throw new EngineException($"The source said that it has {source.Count} samples, and gave none.");
        IsWeighted = First.Weights is not null;
        _isKnown = true;
    }

    public IBatchSource Source { get; }

    public BatchIterator Iterator { get; }

    /// <summary>Gets the first batch, not shuffled, for checks before the training.</summary>
    public SampleSet First { get => field ?? throw new InvalidOperationException("It was forgotten."); private set; }

    /// <summary>Gets whether samples have weights.</summary>
    public bool IsWeighted { get; }

    /// <summary>Gets some samples of the first batch: enough to measure their scale, in little memory.</summary>
    public SampleSet Few =>
        First.Rows(
            [.. Enumerable.Range(0,
                Math.Clamp(MaxLookedAt / Math.Max(First.X.Shape.Product(1, First.X.Shape.Rank), 1), 1, First.Count))]);

    /// <summary>Releases the first batch, which may be large.</summary>
    public void Forget() => First = null!;

    /// <summary>Returns the batches of an epoch, each as a function that reads and checks it.</summary>
    public IEnumerable<Func<Read>> Epoch(int epoch) => Epoch(epoch, _shuffle);

    /// <summary>Returns a rank's batches of an epoch. The ranks take turns.</summary>
    public IEnumerable<Func<Read>> EpochOf(Communicator ranks, int epoch) =>
        Epoch(epoch).Where((_, i) => i % ranks.Size == ranks.Rank);

    /// <summary>
    /// Returns a rank's shards of an epoch's batches; the other shards are not read. The last batch, which may be
    /// shorter, has its samples in the first shards.
    /// </summary>
    public IEnumerable<Func<Read>> EpochOf(ShardPlan plan, int epoch)
    {
        (int first, int last) = plan.Own;
        return Epoch(epoch, _shuffle, plan).Where((_, i) => i % plan.Shards >= first && i % plan.Shards < last);
    }

    /// <summary>Returns the number of samples in each shard of a full batch.</summary>
    /// <exception cref="EngineException">The batch cannot be split evenly.</exception>
    public int ShardSize(ShardPlan plan) => Iterator.BatchSize % plan.Shards == 0
        ? Iterator.BatchSize / plan.Shards
        : throw new EngineException(
            $"A batch of {Iterator.BatchSize} samples is cut into {plan.Shards} shards, "
            + "and where samples are read when they are due all shards have as many: "
            + "take batches of a multiple of that, or fewer shards.");

    private IEnumerable<Func<Read>> Epoch(int epoch, bool shuffle, ShardPlan? plan = null)
    {
        int[] Order(int count) => shuffle
            ? Seeded.Permutation(Seeded.Key(_seed, $"epoch {epoch}"), count)
            : [.. Enumerable.Range(0, count)];
        return Source.Epoch(
            new EpochPlan(epoch, plan is null ? Iterator.BatchSize : ShardSize(plan), shuffle, _seed, Order))
            .Select((read, i) => (Func<Read>)(() => Made(read(), epoch, i, plan)));
    }

    private Read Made(SampleBatch read, int epoch, int part, ShardPlan? plan)
    {
        int shards = plan?.Shards ?? 1, index = part / shards, batches = Iterator.Count(Source.Count),
            size = Iterator.BatchSize / shards;
        Batch batch = Iterator.Made(
            Batch.Of(Named(read.X, _inputs), Named(read.Y, _outputs), _seed, epoch, index,
                plan is null ? null : part % shards) with
            {
                Weights = read.Weights,
            });
        IReadOnlyList<Tensor> xs = Samples.Inputs(batch.Inputs, _graph.Network.Inputs);
        IReadOnlyList<Tensor> ys = Samples.Targets(
            batch.Y is null
                ? throw new EngineException("The transform of the batch iterator took the targets away.")
                : batch.Targets,
            xs[0].Shape[0], _graph.Heads);
        Tensor? weights =
            Samples.Weights(batch.Weights, _classWeights, ys[0], _graph.Head, _graph.Network.FloatX, isPart: true);
        if (_isKnown && IsWeighted != weights is not null)
        {
            throw new EngineException(
                $"Batch {index + 1} of the source has {(IsWeighted ? "no weights" : "weights")}, and the first has "
                + $"{(IsWeighted ? "some" : "none")}: each sample has one, or none has.");
        }

        int due = Math.Min(size, Source.Count - (part * size));
        return Iterator.Transform is not null || read.X.All[0].Shape[0] == due
            ? new Read(new SampleSet(xs, ys, weights), Iterator.Transform is null ? read.Used : null)
            : throw new EngineException(
                $"Batch {index + 1} of {batches} of the source has {read.X.All[0].Shape[0]} samples, and {due} are "
                + "due.");
    }

    private static Tensors Named(Tensors given, string[] names) =>
        names.Length == 1 && given.Count == 1 ? given.Single : given;

    /// <summary>Represents a batch that is ready for the network.</summary>
    /// <param name="Data">The batch.</param>
    /// <param name="Used">
    /// The function to call after its use; null if a Transform may have kept a reference to it.
    /// </param>
    internal sealed record Read(SampleSet Data, Action? Used);
}
