using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Feeds samples from host memory. Each batch goes through the iterator's transform and then to the device.
/// </summary>
internal sealed class HostFeeder : Feeder
{
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly SampleSet _data;
    private readonly BatchIterator _iterator;
    private readonly bool _shuffle;
    private readonly ulong _seed;
    private readonly BatchSettings _settings;
    private readonly int _count;
    private int[] _order;
    private int _epoch;
    private int _next;
    private Tensor? _lastTargets;

    public HostFeeder(
        TrainerGraph graph, SampleSet data, BatchIterator iterator, bool shuffle, ulong seed, BatchSettings settings)
    {
        _inputNames = [.. graph.Network.Inputs.Select(input => input.Name!)];
        _outputNames = [.. graph.Heads.Select(head => head.Name)];
        _settings = settings;
        _data = data;
        _iterator = iterator;
        _shuffle = shuffle;
        _seed = seed;
        _count = data.Count;
        _order = [.. Enumerable.Range(0, _count)];
        Graph.Input first = graph.Network.Input, x = new(first.Type, first.Name);
        Inputs =
        [
            x, .. graph.Network.Inputs.Skip(1), .. graph.Heads.Select(head => head.Target),
            data.Weights is null ? graph.Rows : graph.Weights,
        ];
        Givens = [new Given(first, Augmentation.Apply(iterator.Augmentation, x, graph.Random))];
    }

    public override IReadOnlyList<Graph.Input> Inputs { get; }

    public override IReadOnlyList<Given> Givens { get; }

    public override int Batches => _iterator.Count(_count);

    public override bool IsFromHost => true;

    public override Tensor LastTargets =>
        _lastTargets ?? throw new InvalidOperationException("No batch has run yet.");

    public override void Prepare(Function function)
    {
        // The size of a transformed batch is unknown until the transform has run.
    }

    public override void Start(int epoch, IReadOnlyList<Tensor> settings)
    {
        _epoch = epoch;
        _next = 0;
        _settings.Start(settings);
        _order = _shuffle ? _iterator.Order(_count, _seed, epoch) : _order;
    }

    /// <summary>Runs one batch on a GPU while another thread makes the next one and copies it there.</summary>
    public override int Run(Function function, int count)
    {
        int samples = 0;
        Task<Made>? next = null;
        try
        {
            for (; count > 0; count--, _next++)
            {
                Made made = next is null ? Make(_next) : next.GetAwaiter().GetResult();
                next = function.Device.IsGpu && count > 1 ? Task.Run(MakeAhead(function.Device, _next + 1)) : null;
                _lastTargets = made.Batch.Y;
                _settings.Set(_next);
                function.Run(made.Arguments);
                samples += made.Batch.X.Shape[0];
            }
        }
        catch when (next is not null)
        {
            // After an error, wait for the next batch, so that no thread still works on it.
            Task.WaitAny(next);
            function.Device.ForgetPrefetched();
            throw;
        }

        return samples;
    }

    private Func<Made> MakeAhead(Device device, int number) => () =>
    {
        Made made = Make(number);
        Array.ForEach(made.Arguments, device.Prefetch);
        return made;
    };

    /// <summary>Returns the transformed batch with this number.</summary>
    private Made Make(int number)
    {
        Batch batch = Transformed(RowsIn(number), number);
        return new Made(
            batch, [.. batch.Inputs.InOrder(_inputNames), .. batch.Targets.InOrder(_outputNames), Counts(batch)]);
    }

    /// <summary>Represents a batch and the function's arguments for it.</summary>
    private sealed record Made(Batch Batch, Tensor[] Arguments);

    public override void Seek(int batch) => _next = batch;

    public override int RowsOf(int batch) => RowsIn(batch).Length;

    public override double WeightOf(int batch) => _data.Weights is { } weights
        ? SumOf(weights, RowsIn(batch))
        : RowsOf(batch);

    public override void SetSettings(int batch) => _settings.Set(batch);

    public override void RunRows(Function function, int batch, int shard, int first, int count, Tensor last)
    {
        int[] rows = RowsIn(batch)[first..(first + count)];
        Batch part = Transformed(rows, batch, shard);
        _lastTargets = part.Y!;
        Tensor counts = Counts(part);
        double weight = _data.Weights is { } weights ? SumOf(weights, rows) : count;
        double now = _data.Weights is null ? part.X.Shape[0] : NdArray.From(counts).Data.Sum();
        if (weight != now)
        {
            throw new EngineException(FormattableString.Invariant(
                $"The transform of the batch iterator made samples that count {now} together of some that count {weight}. With ")
                + "several ranks each sees a part of the batch, whose weight must be known: "
                + "leave as many samples as there were, with their weights.");
        }

        function.Run([.. part.Inputs.InOrder(_inputNames), .. part.Targets.InOrder(_outputNames), counts, last]);
    }

    private int[] RowsIn(int batch) =>
        _order[(batch * _iterator.BatchSize)..Math.Min((batch + 1) * _iterator.BatchSize, _count)];

    /// <summary>Transforms some samples. The random numbers depend on the batch and its part only.</summary>
    private Batch Transformed(int[] rows, int index, int? shard = null)
    {
        Tensors xs = Tensors.Of(_inputNames, [.. _data.Xs.Select(x => x.Rows(rows))]);
        Tensors ys = Tensors.Of(_outputNames, [.. _data.Ys.Select(y => y.Rows(rows))]);
        Batch batch = _iterator.Made(Batch.Of(xs, ys, _seed, _epoch, index, shard) with
        {
            Weights = _data.Weights?.Rows(rows),
        });
        return batch.Y is not null
            ? batch
            : throw new EngineException("The transform of the batch iterator took the targets away.");
    }

    /// <summary>Returns the weights of a batch's samples, or their number.</summary>
    private Tensor Counts(Batch batch)
    {
        int samples = batch.X.Shape[0];
        if (_data.Weights is not { } weights)
        {
            return Tensor.Scalar((double)samples);
        }

        return batch.Weights is { Shape.Rank: 1 } given && given.Shape[0] == samples
            ? given.Cast(weights.DType)
            : throw new EngineException(
                $"The transform of the batch iterator made {batch.X.TypeText} with "
                + $"{(batch.Weights is null ? "no weights" : $"the weights {batch.Weights.TypeText}")}: "
                + "each sample needs one. Change a batch by 'batch with { … }' and take rows of its Weights as of its "
                + "X.");
    }

    public override void Dispose() => _settings.Dispose();
}
