using Engine.Compile;
using Engine.Data;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Samples that other threads read, ahead of the training, from a source that need not fit into memory.</summary>
internal sealed class StreamFeed : Feed
{
    private readonly SourceReader _reader;
    private readonly BatchSettings _settings;
    private ReadAhead<SourceReader.Read>? _batches;
    private TimeSpan _waited;
    private int _next;
    private Tensor? _lastTargets;

    public StreamFeed(TrainerGraph graph, SourceReader reader, BatchSettings settings)
    {
        (_reader, _settings) = (reader, settings);
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
        _batches = new ReadAhead<SourceReader.Read>(_reader.Epoch(epoch), _reader.Iterator.ReadAhead);
    }

    public override int Run(Function function, int count)
    {
        int samples = 0;
        for (; count > 0; count--, _next++)
        {
            if (_batches is null || !_batches.Next(out SourceReader.Read batch))
            {
                throw new EngineException(
                    $"The source said that it has {_reader.Source.Count} samples, which are {Batches} batches, and gave {_next}.");
            }

            _lastTargets = batch.Data.Y;
            _settings.Set(_next);
            function.Run(Arguments(batch.Data));
            samples += batch.Data.Count;
            batch.Used?.Invoke();
        }

        return samples;
    }

    private static Tensor[] Arguments(SampleSet batch) =>
        [.. batch.Xs, .. batch.Ys, batch.Weights ?? Tensor.Scalar((double)batch.Count)];

    /// <summary>Ends the reading ahead.</summary>
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
