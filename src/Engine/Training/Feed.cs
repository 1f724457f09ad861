using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Brings samples, batch by batch, to a function of a network's input, target and rows.</summary>
internal abstract class Feed : IDisposable
{
    /// <summary>What the function takes with each call.</summary>
    public abstract IReadOnlyList<Graph.Input> Inputs { get; }

    /// <summary>What stands for the network's input and target.</summary>
    public virtual IReadOnlyList<Given> Givens => [];

    /// <summary>What moves on to the next batch.</summary>
    public virtual IReadOnlyList<Update> Updates => [];

    /// <summary>The number of batches.</summary>
    public abstract int Batches { get; }

    /// <summary>Makes the function's plans, so that no batch has to wait for it.</summary>
    public abstract void Prepare(Function function);

    /// <summary>The function of these updates and outputs on the batches that this brings.</summary>
    public Function Compile(
        IEnumerable<Update> updates, IReadOnlyList<Variable> outputs, Device device, CompileOptions? options = null) =>
        Function.Compile(Inputs, outputs, updates.Concat(Updates), Givens, device, options);

    /// <summary>Goes back to the first batch, of an epoch of this number.</summary>
    /// <param name="epoch">The number.</param>
    /// <param name="settings">The values of the settings that each batch has its own of.</param>
    public abstract void Start(int epoch, IReadOnlyList<Tensor> settings);

    /// <summary>
    /// Runs the function on the next <paramref name="count"/> batches and says how many samples they had.
    /// </summary>
    public abstract int Run(Function function, int count);

    /// <summary>Goes to a batch of the epoch, so that <see cref="Run"/> goes on with that.</summary>
    public virtual void Seek(int batch) => throw NotInParts();

    /// <summary>How many samples a batch has.</summary>
    public virtual int RowsOf(int batch) => throw NotInParts();

    /// <summary>How much the samples of a batch count together; as many as they are where they have no weights.</summary>
    public virtual double WeightOf(int batch) => throw NotInParts();

    /// <summary>Which rows of a batch a shard has: the first of them, counted within the batch, and how many.</summary>
    public virtual (int First, int Count) RowsOfShard(ShardPlan plan, int batch, int shard)
    {
        int rows = RowsOf(batch), first = plan.FirstRow(shard, rows);
        return (first, plan.FirstRow(shard + 1, rows) - first);
    }

    /// <summary>
    /// Runs the function on some rows of a batch, which it is told in what comes last among its arguments.
    /// </summary>
    /// <param name="function">A function of this feed's inputs, and of what <paramref name="last"/> is.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="shard">Which part of it, for what the host draws.</param>
    /// <param name="first">The first row, counted within the batch.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="last">The last argument.</param>
    public virtual void RunRows(Function function, int batch, int shard, int first, int count, Tensor last) => throw NotInParts();

    /// <summary>Puts the settings that a batch has its own of in place; where nothing else does.</summary>
    public virtual void SetSettings(int batch) => throw NotInParts();

    /// <summary>The targets of the batch that ran last.</summary>
    public abstract Tensor LastTargets { get; }

    /// <summary>Whether each batch comes from the host, so that many at once are of no use.</summary>
    public virtual bool IsFromHost => false;

    /// <summary>How long <see cref="Run"/> has waited in all for samples that were not read yet.</summary>
    public virtual TimeSpan Waited => TimeSpan.Zero;

    /// <summary>Ends what goes on between batches.</summary>
    public virtual void Stop()
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    // Fit refuses ranks before a feed that cannot be cut comes into use.
    private InvalidOperationException NotInParts() => new($"{GetType().Name} does not cut its batches into parts.");

    /// <summary>The sum of the weights of some samples.</summary>
    protected static double SumOf(Tensor weights, ReadOnlySpan<int> rows)
    {
        double sum = 0;
        foreach (int row in rows)
        {
            sum += weights.DType == DType.Float32 ? weights.AsSpan<float>()[row] : weights.AsSpan<double>()[row];
        }

        return sum;
    }
}

/// <summary>
/// Samples that lie on the device, where a counter, itself an update, selects each batch: many batches run with no host
/// in between. A device that can read host memory may read them where they lie.
/// </summary>
internal sealed class DeviceFeed : Feed
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

    /// <param name="graph">What is trained.</param>
    /// <param name="data">All samples.</param>
    /// <param name="samples">Which of them to bring.</param>
    /// <param name="iterator">How large a batch is.</param>
    /// <param name="shuffle">Whether they come in another order each epoch.</param>
    /// <param name="seed">What that order is a function of.</param>
    /// <param name="settings">The settings that each batch has its own values of.</param>
    /// <param name="inPlace">Whether the samples are read where they lie, which needs them to stay there.</param>
    /// <param name="isSharded">Whether the host says where each run begins, which then is of a part of a batch.</param>
    public DeviceFeed(
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

    /// <summary>Whether these samples are read where they lie.</summary>
    public bool Borrows(SampleSet data) => _inPlace?.SequenceEqual(data.Xs) == true;

    /// <summary>
    /// Puts other samples, as many, in the place of these, with weights if these have some; false if that cannot be,
    /// these being read where they lie.
    /// </summary>
    public bool TryReplace(SampleSet data, int[] samples)
    {
        if (_inPlace is not null && (!Borrows(data) || data.Ys.Zip(_ys).Any(pair => pair.First.Shape != pair.Second.Shape)))
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

    /// <summary>Makes the plan for full batches alone.</summary>
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

/// <summary>
/// Samples in host memory, from where each batch goes through the iterator's transform to the device.
/// </summary>
internal sealed class HostFeed : Feed
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

    public HostFeed(
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
        // What the transform makes of a batch is not known before it has run.
    }

    public override void Start(int epoch, IReadOnlyList<Tensor> settings)
    {
        _epoch = epoch;
        _next = 0;
        _settings.Start(settings);
        _order = _shuffle ? _iterator.Order(_count, _seed, epoch) : _order;
    }

    /// <summary>A GPU computes one batch while another thread makes the next one and brings it there.</summary>
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
            // Nothing of a batch that is not wanted any more goes on behind the error.
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

    /// <summary>The batch of a number, as the transform makes it.</summary>
    private Made Make(int number)
    {
        Batch batch = Transformed(RowsIn(number), number);
        return new Made(
            batch, [.. batch.Inputs.InOrder(_inputNames), .. batch.Targets.InOrder(_outputNames), Counts(batch)]);
    }

    /// <summary>A batch, and what the function takes of it.</summary>
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
                + "several ranks each sees a part of the batch, whose weight must be known: leave as many samples as there were, "
                + "with their weights.");
        }

        function.Run([.. part.Inputs.InOrder(_inputNames), .. part.Targets.InOrder(_outputNames), counts, last]);
    }

    private int[] RowsIn(int batch) =>
        _order[(batch * _iterator.BatchSize)..Math.Min((batch + 1) * _iterator.BatchSize, _count)];

    /// <summary>What the transform makes of some samples; its random numbers are a function of the batch and the part of it.</summary>
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

    /// <summary>The weights of a batch's samples, or how many they are.</summary>
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
                + $"{(batch.Weights is null ? "no weights" : $"the weights {batch.Weights.TypeText}")}: each sample needs "
                + "one. Change a batch by 'batch with { … }' and take rows of its Weights as of its X.");
    }

    public override void Dispose() => _settings.Dispose();
}
