using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Feeds samples that are on the device. A counter, which is an update of the function, selects each batch, so many
/// batches run without the host. A device that can read host memory may read the samples in place.
/// </summary>
internal sealed class DeviceFeeder : Feeder
{
    private readonly SharedVariable[] _xs;
    private readonly SharedVariable[] _ys;
    private readonly SharedVariable? _weights;
    private readonly SharedVariable _counter = new(Tensor.Scalar(0), "batch");
    private readonly BatchSettings _settings;
    private readonly SharedVariable? _order;
    private readonly IReadOnlyList<Tensor>? _inPlace;
    private readonly bool _shuffle;
    private readonly bool _isSharded;
    private int[] _rows;
    private int[] _samples;
    private int[] _epochRows;
    private SampleSet _data;
    private Tensor _targets;
    private readonly Tensor _fullSize;
    private readonly Tensor _lastSize;
    private readonly ulong _seed;
    private readonly int _count;
    private readonly int _batchSize;
    private int _next;

    /// <param name="graph">The graph of the training.</param>
    /// <param name="data">All samples.</param>
    /// <param name="samples">The indices of the samples to feed.</param>
    /// <param name="iterator">The batch iterator, for the size and the augmentation.</param>
    /// <param name="shuffle">Whether each epoch has another order.</param>
    /// <param name="seed">The seed of that order.</param>
    /// <param name="settings">The settings that change with each batch.</param>
    /// <param name="inPlace">Whether the samples are read in place; they must stay there.</param>
    /// <param name="isSharded">Whether a run is a part of a batch, whose first row the host sets.</param>
    public DeviceFeeder(
        TrainerGraph graph,
        SampleSet data,
        int[] samples,
        BatchIterator iterator,
        bool shuffle,
        ulong seed,
        BatchSettings settings,
        bool inPlace,
        bool isSharded = false)
    {
        _isSharded = isSharded;
        _data = data;
        _settings = settings;
        _count = samples.Length;
        _batchSize = Math.Min(iterator.BatchSize, Math.Max(_count, 1));
        _seed = seed;
        _shuffle = shuffle;
        _inPlace = inPlace ? data.Xs : null;
        _rows = inPlace ? samples : [.. Enumerable.Range(0, _count)];
        _epochRows = samples;
        _samples = samples;
        _targets = data.Y.Rows(samples);
        _xs = [.. data.Xs.Select((x, i) => inPlace
            ? SharedVariable.InPlace(x, Numbered("x", i))
            : new SharedVariable(x, samples, Numbered("x", i)))];
        _ys = [.. data.Ys.Select((y, i) => SharedVariable.Of(
            inPlace ? y : i == 0 ? _targets : y.Rows(samples), Numbered("y", i)))];
        _weights = data.Weights is { } weights
            ? SharedVariable.Of(inPlace ? weights : weights.Rows(samples), "weights")
            : null;
        _fullSize = Tensor.Scalar(_batchSize);
        _lastSize = Tensor.Scalar(_count % _batchSize);

        using Origin.Scope origin = Origin.For("batch");
        Graph.Input size = Symbolic.Size("size");
        Variable start = isSharded ? _counter : _counter * _batchSize;
        Func<SharedVariable, Variable> batch = all => Symbolic.TakeRows(all, start, size);
        if (shuffle || inPlace)
        {
            _order = new SharedVariable(Tensor.From([.. _rows]), "order");
            Variable rows = Symbolic.TakeRows(_order, start, size);
            batch = all => Symbolic.Gather(all, rows);
        }

        Inputs = [size];
        Givens =
        [
            .. _xs.Select((x, i) => new Given(
                graph.Network.Inputs[i],
                i == 0 ? Augmentation.Apply(iterator.Augmentation, batch(x), graph.Random) : batch(x))),
            .. _ys.Select((y, i) => new Given(graph.Heads[i].Target, batch(y))),
            new Given(graph.Rows, Symbolic.Cast(size, DType.Float64)),
            .. _weights is null ? (Given[])[] : [new Given(graph.Weights, batch(_weights))],
        ];
        Updates = isSharded ? [] : [new Update(_counter, _counter + 1), .. settings.Updates(_counter)];

        static string Numbered(string name, int i) => i == 0 ? name : $"{name}{i + 1}";
    }

    public override IReadOnlyList<Graph.Input> Inputs { get; }

    public override IReadOnlyList<Given> Givens { get; }

    public override IReadOnlyList<Update> Updates { get; }

    public override int Batches => (_count + _batchSize - 1) / _batchSize;

    public override Tensor LastTargets
    {
        get
        {
            int start = (_next - 1) * _batchSize;
            return _targets.Rows(start, Math.Min(_batchSize, _count - start));
        }
    }

    /// <summary>Returns whether these samples are read in place.</summary>
    public bool Borrows(SampleSet data) => _inPlace?.SequenceEqual(data.Xs) == true;

    /// <summary>
    /// Replaces the samples by the same number of others, with weights if these have weights. Returns false if the
    /// samples are read in place, because then they cannot be replaced.
    /// </summary>
    public bool TryReplace(SampleSet data, int[] samples)
    {
        if (_inPlace is not null
            && (!Borrows(data) || data.Ys.Zip(_ys).Any(pair => pair.First.Shape != pair.Second.Shape)))
        {
            return false;
        }

        SampleSet selected = data.Rows(samples);
        (_data, _samples, _epochRows) = (data, samples, samples);
        _targets = selected.Y;
        if (_inPlace is not null)
        {
            _rows = samples;
            _order!.SetValue(Tensor.From([.. _rows]));
            selected = data;
        }
        else
        {
            Set(_xs, selected.Xs);
        }

        Set(_ys, selected.Ys);
        _weights?.SetValue(selected.Weights!);
        return true;

        static void Set(SharedVariable[] variables, IReadOnlyList<Tensor> values)
        {
            for (int i = 0; i < variables.Length; i++)
            {
                variables[i].SetValue(values[i]);
            }
        }
    }

    public override void Prepare(Function function)
    {
        function.Prepare(_fullSize);
        if (_count % _batchSize > 0)
        {
            function.Prepare(_lastSize);
        }
    }

    /// <summary>Makes the plan for full batches only.</summary>
    public void PrepareFull(Function function) => function.Prepare(_fullSize);

    public override void Start(int epoch, IReadOnlyList<Tensor> settings)
    {
        _next = 0;
        _counter.SetScalar(0);
        _settings.Start(settings);
        if (_shuffle)
        {
            int[] order = Seeded.Permutation(Seeded.Key(_seed, $"epoch {epoch}"), _count);
            _order!.SetValue(Tensor.From([.. order.Select(sample => _rows[sample])]));
            _epochRows = [.. order.Select(sample => _samples[sample])];
        }
    }

    public override void Seek(int batch)
    {
        _next = batch;
        _counter.SetScalar(_isSharded ? batch * _batchSize : batch);
    }

    public override int RowsOf(int batch) => Math.Min(_batchSize, _count - (batch * _batchSize));

    public override double WeightOf(int batch) => _data.Weights is { } weights
        ? SumOf(weights, _epochRows.AsSpan(batch * _batchSize, RowsOf(batch)))
        : RowsOf(batch);

    public override void SetSettings(int batch) => _settings.Set(batch);

    public override void RunRows(Function function, int batch, int shard, int first, int count, Tensor last)
    {
        _counter.SetScalar((batch * _batchSize) + first);
        function.Run(Tensor.Scalar(count), last);
    }

    public override int Run(Function function, int count)
    {
        if (_isSharded)
        {
            int rows = 0;
            for (; count > 0; count--)
            {
                Seek(_next);
                rows += RowsOf(_next);
                function.Run(Tensor.Scalar(RowsOf(_next++)));
            }

            return rows;
        }

        int full = Math.Min(count, (_count / _batchSize) - _next);
        if (full > 0)
        {
            function.RunMany(full, _fullSize);
        }

        if (full < count)
        {
            function.Run(_lastSize);
        }

        int first = _next * _batchSize;
        _next += count;
        return Math.Min(_next * _batchSize, _count) - first;
    }

    public override void Dispose()
    {
        Array.ForEach([.. _xs, .. _ys], variable => variable.Dispose());
        _weights?.Dispose();
        _counter.Dispose();
        _order?.Dispose();
        _settings.Dispose();
    }
}
