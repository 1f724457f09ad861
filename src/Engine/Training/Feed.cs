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

    /// <summary>The function of these updates and this output on the batches that this brings.</summary>
    public Function Compile(IEnumerable<Update> updates, Variable output, Device device) =>
        Function.Compile(Inputs, [output], updates.Concat(Updates), Givens, device);

    /// <summary>Goes back to the first batch, of an epoch of this number.</summary>
    public abstract void Start(int epoch);

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
    private readonly SharedVariable _x;
    private readonly SharedVariable _y;
    private readonly SharedVariable _counter = new(Tensor.Scalar(0), "batch");
    private readonly SharedVariable? _order;
    private readonly Tensor? _inPlace;
    private readonly bool _shuffle;
    private int[] _rows;
    private Tensor _targets;
    private readonly Tensor _fullSize;
    private readonly Tensor _lastSize;
    private readonly ulong _seed;
    private readonly int _count;
    private readonly int _batchSize;
    private int _next;

    /// <param name="model">The network.</param>
    /// <param name="x">All samples.</param>
    /// <param name="y">Their targets.</param>
    /// <param name="samples">Which of them to bring.</param>
    /// <param name="iterator">How large a batch is.</param>
    /// <param name="shuffle">Whether they come in another order each epoch.</param>
    /// <param name="seed">What that order is a function of.</param>
    /// <param name="inPlace">Whether the samples are read where they lie, which needs them to stay there.</param>
    public DeviceFeed(
        Model model, Tensor x, Tensor y, int[] samples, BatchIterator iterator, bool shuffle, ulong seed, bool inPlace)
    {
        _count = samples.Length;
        _batchSize = Math.Min(iterator.BatchSize, Math.Max(_count, 1));
        _seed = seed;
        _shuffle = shuffle;
        _inPlace = inPlace ? x : null;
        _rows = inPlace ? samples : [.. Enumerable.Range(0, _count)];
        _targets = y.Rows(samples);
        _x = inPlace ? SharedVariable.InPlace(x, "x") : new SharedVariable(x, samples, "x");
        _y = new SharedVariable(inPlace ? y : _targets, "y");
        _fullSize = Tensor.Scalar(_batchSize);
        _lastSize = Tensor.Scalar(_count % _batchSize);

        Graph.Input size = Symbolic.Size("size");
        Variable start = _counter * _batchSize;
        Func<SharedVariable, Variable> batch = data => Symbolic.TakeRows(data, start, size);
        if (shuffle || inPlace)
        {
            _order = new SharedVariable(Tensor.From([.. _rows]), "order");
            Variable rows = Symbolic.TakeRows(_order, start, size);
            batch = data => Symbolic.Gather(data, rows);
        }

        Inputs = [size];
        Givens =
        [
            new Given(model.Network.Input, batch(_x)),
            new Given(model.Target, batch(_y)),
            new Given(model.Rows, Symbolic.Cast(size, DType.Float64)),
        ];
        Updates = [new Update(_counter, _counter + 1)];
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
    public bool Borrows(Tensor x) => _inPlace == x;

    /// <summary>
    /// Puts other samples, as many, in the place of these; false if that cannot be, these being read where they lie.
    /// </summary>
    public bool TryReplace(Tensor x, Tensor y, int[] samples)
    {
        if (_inPlace is not null && (!Borrows(x) || y.Shape != _y.Shape))
        {
            return false;
        }

        _targets = Selected(y, samples);
        if (_inPlace is not null)
        {
            _rows = samples;
            _order!.SetValue(Tensor.From([.. _rows]));
            _y.SetValue(y);
        }
        else
        {
            _x.SetValue(Selected(x, samples));
            _y.SetValue(_targets);
        }

        return true;
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

    public override void Start(int epoch)
    {
        _next = 0;
        _counter.SetScalar(0);
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
        _x.Dispose();
        _y.Dispose();
        _counter.Dispose();
        _order?.Dispose();
    }

    private static Tensor Selected(Tensor tensor, int[] samples) =>
        samples.Length == tensor.Shape[0] ? tensor : tensor.Rows(samples);
}

/// <summary>
/// Samples in host memory, from where each batch goes through the iterator's transform to the device.
/// </summary>
internal sealed class HostFeed : Feed
{
    private readonly Tensor _x;
    private readonly Tensor _y;
    private readonly BatchIterator _iterator;
    private readonly bool _shuffle;
    private readonly ulong _seed;
    private readonly int _count;
    private int[] _order;
    private int _epoch;
    private int _next;
    private Tensor? _lastTargets;

    public HostFeed(Model model, Tensor x, Tensor y, BatchIterator iterator, bool shuffle, ulong seed)
    {
        _x = x;
        _y = y;
        _iterator = iterator;
        _shuffle = shuffle;
        _seed = seed;
        _count = x.Shape[0];
        _order = [.. Enumerable.Range(0, _count)];
        Inputs = [model.Network.Input, model.Target, model.Rows];
    }

    public override IReadOnlyList<Graph.Input> Inputs { get; }

    public override int Batches => _iterator.Count(_count);

    public override Tensor LastTargets =>
        _lastTargets ?? throw new InvalidOperationException("No batch has run yet.");

    public override void Prepare(Function function)
    {
        // What the transform makes of a batch is not known before it has run.
    }

    public override void Start(int epoch)
    {
        _epoch = epoch;
        _next = 0;
        if (_shuffle)
        {
            _order = Seeded.Permutation(Seeded.Key(_seed, $"epoch {epoch}"), _count);
        }
    }

    public override int Run(Function function, int count)
    {
        int samples = 0;
        for (; count > 0; count--, _next++)
        {
            int start = _next * _iterator.BatchSize;
            ReadOnlySpan<int> rows = _order.AsSpan(start, Math.Min(_iterator.BatchSize, _count - start));
            var random = new Random((int)Seeded.Key(_seed, $"epoch {_epoch} batch {_next}"));
            var batch = new Batch(_x.Rows(rows), _y.Rows(rows), random);
            batch = _iterator.Transform?.Invoke(batch) ?? batch;
            _lastTargets = batch.Y
                ?? throw new EngineException("The transform of the batch iterator took the targets away.");
            function.Run(batch.X, _lastTargets, Tensor.Scalar((double)batch.X.Shape[0]));
            samples += batch.X.Shape[0];
        }

        return samples;
    }

    public override void Dispose()
    {
        // The samples belong to the caller.
    }
}
