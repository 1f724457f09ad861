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

    /// <summary>The targets of the batch that ran last.</summary>
    public abstract Tensor LastTargets { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
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
    private int[] _rows;
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
    public DeviceFeed(
        TrainerGraph graph,
        SampleSet data,
        int[] samples,
        BatchIterator iterator,
        bool shuffle,
        ulong seed,
        BatchSettings settings,
        bool inPlace)
    {
        _settings = settings;
        _count = samples.Length;
        _batchSize = Math.Min(iterator.BatchSize, Math.Max(_count, 1));
        _seed = seed;
        _shuffle = shuffle;
        _inPlace = inPlace ? data.Xs : null;
        _rows = inPlace ? samples : [.. Enumerable.Range(0, _count)];
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
        Variable start = _counter * _batchSize;
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
        Updates = [new Update(_counter, _counter + 1), .. settings.Updates(_counter)];

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
        }
    }

    public override int Run(Function function, int count)
    {
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
        int start = number * _iterator.BatchSize;
        int[] rows = _order[start..Math.Min(start + _iterator.BatchSize, _count)];
        Batch batch = _iterator.Made(Batch.Of(
            Tensors.Of(_inputNames, [.. _data.Xs.Select(x => x.Rows(rows))]),
            Tensors.Of(_outputNames, [.. _data.Ys.Select(y => y.Rows(rows))]),
            _seed, _epoch, number) with
        {
            Weights = _data.Weights?.Rows(rows),
        });
        if (batch.Y is null)
        {
            throw new EngineException("The transform of the batch iterator took the targets away.");
        }

        return new Made(
            batch, [.. batch.Inputs.InOrder(_inputNames), .. batch.Targets.InOrder(_outputNames), Counts(batch)]);
    }

    /// <summary>A batch, and what the function takes of it.</summary>
    private sealed record Made(Batch Batch, Tensor[] Arguments);

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
