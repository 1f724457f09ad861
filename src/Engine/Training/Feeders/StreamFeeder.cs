using Engine.Compile;
using Engine.Data;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Feeds samples that other threads read ahead from a source, which need not fit into memory.</summary>
internal sealed class StreamFeeder : Feeder
{
    private readonly SourceReader _reader;
    private readonly BatchSettings _settings;
    private readonly ShardPlan? _plan;
    private readonly Communicator? _turns;
    private ReadAhead<SourceReader.Read>? _batches;
    private TimeSpan _waited;
    private int _next;
    private Tensor? _lastTargets;

    /// <param name="graph">The graph of the training.</param>
    /// <param name="reader">The reader of the samples.</param>
    /// <param name="settings">The settings that change with each batch.</param>
    /// <param name="plan">The shards if several ranks train; null for one process, and in validation.</param>
    /// <param name="turns">The ranks if they validate in turn; null for one process, and in training.</param>
    public StreamFeeder(TrainerGraph graph, SourceReader reader, BatchSettings settings, ShardPlan? plan = null,
        Communicator? turns = null)
    {
        (_reader, _settings, _plan, _turns) = (reader, settings, plan, turns);
        Graph.Input first = graph.Network.Input, x = new(first.Type, first.Name);
        Inputs =
        [
            x, .. graph.Network.Inputs.Skip(1), .. graph.Heads.Select(head => head.Target),
            reader.IsWeighted ? graph.Weights : graph.Rows,
        ];
        Givens = [new Given(first, Augmentation.Apply(reader.Iterator.Augmentation, x, graph.Random))];
    }

    public override IReadOnlyList<Graph.Input> Inputs { get; }

    public override IReadOnlyList<Given> Givens { get; }

    public override int Batches => _reader.Iterator.Count(_reader.Source.Count);

    public override bool IsFromHost => true;

    public override TimeSpan Waited => _waited + (_batches?.Waited ?? TimeSpan.Zero);

    public override Tensor LastTargets => _lastTargets ?? throw new InvalidOperationException("No batch has run yet.");

    public override void Prepare(Function function)
    {
        SampleSet first = _reader.First;
        function.Prepare(Arguments(first));
        int rest = _reader.Source.Count % _reader.Iterator.BatchSize;
        if (rest > 0 && rest < first.Count && _reader.Iterator.Transform is null)
        {
            function.Prepare(Arguments(first.Rows([.. Enumerable.Range(0, rest)])));
        }
    }

    public override void Start(int epoch, IReadOnlyList<Tensor> settings)
    {
        Stop();
        _next = 0;
        _settings.Start(settings);
        IEnumerable<Func<SourceReader.Read>> read = (_plan, _turns) switch
        {
            ({ } plan, _) => _reader.EpochOf(plan, epoch),
            (_, { } ranks) => _reader.EpochOf(ranks, epoch),
            _ => _reader.Epoch(epoch),
        };
        _batches = new ReadAhead<SourceReader.Read>(read, _reader.Iterator.ReadAhead);
    }

    public override int RowsOf(int batch) =>
        Math.Min(_reader.Iterator.BatchSize, _reader.Source.Count - (batch * _reader.Iterator.BatchSize));

    public override double WeightOf(int batch) => RowsOf(batch);

    public override void SetSettings(int batch) => _settings.Set(batch);

    /// <summary>Sets the number of the next batch; a rank counts all batches, not only those that it reads.</summary>
    public override void Seek(int batch) => _next = batch;

    public override (int First, int Count) RowsOfShard(ShardPlan plan, int batch, int shard)
    {
        int size = _reader.ShardSize(plan);
        return (shard * size, Math.Clamp(RowsOf(batch) - (shard * size), 0, size));
    }

    public override void RunRows(Function function, int batch, int shard, int first, int count, Tensor last)
    {
        SourceReader.Read part = Next();
        _lastTargets = part.Data.Y;
        if (part.Data.Count != count)
        {
            throw new EngineException(
                $"The transform of the batch iterator made {part.Data.Count} samples of {count}. "
                + "With several ranks each sees a part of the batch, whose weight must be known: "
                + "leave as many samples as there were.");
        }

        function.Run([.. Arguments(part.Data), last]);
        part.Used?.Invoke();
    }

    public override int Run(Function function, int count)
    {
        int samples = 0;
        for (; count > 0; count--, _next++)
        {
            SourceReader.Read batch = Next();
            _lastTargets = batch.Data.Y;
            _settings.Set(_next);
            function.Run(Arguments(batch.Data));
            samples += batch.Data.Count;
            batch.Used?.Invoke();
        }

        return samples;
    }

    private SourceReader.Read Next() => _batches is not null && _batches.Next(out SourceReader.Read batch)
        ? batch
        : throw new EngineException(
            $"The source said that it has {_reader.Source.Count} samples, which are {Batches} batches, "
            + $"and gave {_next}.");

    private static Tensor[] Arguments(SampleSet batch) =>
        [.. batch.Xs, .. batch.Ys, batch.Weights ?? Tensor.Scalar((double)batch.Count)];

    /// <summary>Stops reading ahead.</summary>
    public override void Stop()
    {
        _waited = Waited;
        _batches?.Dispose();
        _batches = null;
    }

    public override void Dispose()
    {
        Stop();
        _settings.Dispose();
    }
}
