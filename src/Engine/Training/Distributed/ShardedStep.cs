using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Runs the steps of <see cref="ShardGraph"/> on the batches of a feeder.</summary>
internal sealed class ShardedStep : IDisposable
{
    private readonly ShardPlan _plan;
    private readonly ShardGraph _graph;
    private readonly Feeder _feeder;
    private readonly Device _device;
    private readonly Lazy<Function> _shard;
    private readonly Lazy<Function> _step;
    private readonly Function _lastShard;
    private readonly Dictionary<int, Function> _pushes = [];
    private readonly Dictionary<int, Function> _additions = [];
    private readonly Stack<int> _counts = [];
    private readonly (SharedVariable State, SharedVariable OfShard)[] _random;
    private int[][] _states = [];
    private int _epoch;
    private int _next;

    public ShardedStep(ShardGraph graph, Feeder feeder, ShardPlan plan, Device device)
    {
        (_graph, _feeder, _plan, _device) = (graph, feeder, plan, device);
        SharedVariable[] moving = [.. FunctionGraph
            .Leaves([
                .. graph.Shard.Select(update => update.Value),
                .. feeder.Givens.Select(given => given.Replacement)])
            .OfType<SharedVariable>().Where(variable => variable.DefaultUpdate is not null)];
        _random = [.. moving.Select(
            variable => (variable, new SharedVariable(variable.GetValue(), $"{variable.Name} of the shard")))];
        _shard = new(() => Compile([], graph.Shard));
        _step = new(() =>
        {
            (IReadOnlyList<Variable> outputs, IReadOnlyList<Update> updates) = graph.Step(moving);
            return Function.Compile([graph.Total], outputs, updates, device: device);
        });
        (IReadOnlyList<Variable> outputs, IReadOnlyList<Update> updates) = graph.LastShard(moving);
        _lastShard = Compile(outputs, updates);
    }

    /// <summary>Gets the function for all shards of a rank except the last.</summary>
    public Function Shard => _shard.Value;

    /// <summary>Gets the function for a rank's last shard, which also sums over the ranks and updates.</summary>
    public Function LastShard => _lastShard;

    /// <summary>Gets the number of values that a step exchanges.</summary>
    public long Elements => _graph.Elements;

    /// <summary>Gets the number of bytes that a rank sends in a step.</summary>
    public long BytesSent => _plan.BytesSent(_graph.Elements * _graph.Stop.DType.Size());

    /// <summary>Gets whether a rank has shards before its last one.</summary>
    public bool HasSeveralShards => _plan.Own.Last - _plan.Own.First > 1;

    /// <summary>Makes the plans for batches of this size.</summary>
    public void Prepare(int rows)
    {
        Tensor total = Tensor.Scalar((double)rows);
        Tensor own = Tensor.Scalar(_plan.FirstRow(_plan.Own.First + 1, rows) - _plan.FirstRow(_plan.Own.First, rows));
        _lastShard.Prepare(own, total);
        if (HasSeveralShards)
        {
            Shard.Prepare(own, total);
        }
    }

    /// <summary>Gets the loss of the last batch, before its update.</summary>
    public double Loss { get; private set; }

    /// <summary>Gets whether a rank asked to stop in the last step.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Begins an epoch. The feeder must have begun it already.</summary>
    public void Start(int epoch)
    {
        (_next, _epoch, IsStopping) = (0, epoch, false);
        RequireSamples();
        _states =
            [.. _random.Select(pair => pair.State.IsRandomState ? pair.State.GetValue().AsSpan<int>().ToArray() : [])];
    }

    /// <summary>Makes one step with the next batch.</summary>
    /// <param name="wantsStop">Whether this rank asks all ranks to stop.</param>
    /// <returns>The number of samples in the batch, on all ranks together.</returns>
    public int Run(bool wantsStop)
    {
        int rows = _feeder.RowsOf(_next);
        Tensor total = Tensor.Scalar(_feeder.WeightOf(_next));
        _plan.Communicator.Progress = FormattableString.Invariant($"epoch {_epoch}, step {_next + 1}");
        (int shard, int last) = _plan.Own;
        for (; shard < last - 1; shard++)
        {
            if (!TryRun(Shard, shard, total))
            {
                _graph.SetNothing();
            }

            Gather();
        }

        _counts.Clear();
        _graph.Stop.SetValue(Tensor.Scalar(wantsStop ? 1.0 : 0.0).Cast(_graph.Stop.DType));
        Function step = _lastShard;
        if (!TryRun(step, shard, total))
        {
            _graph.SetNothing();
            step = _step.Value;
            step.Run(total);
        }

        (Loss, IsStopping) = (Read(step, 0), Read(step, 1) > 0);
        _next++;
        _feeder.SetSettings(_next);
        return rows;
    }

    public void Dispose()
    {
        IEnumerable<Lazy<Function>> compiled =
            ((Lazy<Function>[])[_shard, _step]).Where(function => function.IsValueCreated);
        foreach (Function function in (IEnumerable<Function>)
            [_lastShard, .. compiled.Select(function => function.Value), .. _pushes.Values, .. _additions.Values])
        {
            function.Dispose();
        }

        Array.ForEach(_random, pair => pair.OfShard.Dispose());
        _graph.Dispose();
    }

    /// <summary>
    /// Refuses shards without samples if all shards are normalized together: a rank without samples would not take part
    /// in the sums.
    /// </summary>
    private void RequireSamples()
    {
        foreach (int batch in
            _plan.IsBatchNormSynchronized && _feeder.Batches > 0 ? (int[])[0, _feeder.Batches - 1] : [])
        {
            if (Enumerable.Range(0, _plan.Shards).Any(shard => _feeder.RowsOfShard(_plan, batch, shard).Count == 0))
            {
                throw new EngineException(
                    $"A batch of {_feeder.RowsOf(batch)} sample{(_feeder.RowsOf(batch) == 1 ? "" : "s")} leaves some "
                    + $"of {_plan.Shards} ranks without any, and synchronized batch "
                    + "normalization needs all: take another size of batch, or fewer ranks.");
            }
        }
    }

    /// <summary>Compiles a function of a shard's samples, with the shard's own random numbers.</summary>
    private Function Compile(IReadOnlyList<Variable> outputs, IReadOnlyList<Update> updates)
    {
        var standIns = _random.ToDictionary(pair => (Variable)pair.State, pair => (Variable)pair.OfShard);

        // Updates of a stream apply to the stream itself, not to the shard's stand-in.
        ILookup<bool, Update> parts = updates.ToLookup(update => standIns.ContainsKey(update.Target));
        Update[] own = [.. parts[false]];
        IReadOnlyList<Variable> values = Traversal.Replace(
            [.. own.Select(update => update.Value), .. outputs, .. _feeder.Givens.Select(given => given.Replacement)],
            standIns);
        return Function.Compile(
            [.. _feeder.Inputs, _graph.Total],
            [.. values.Skip(own.Length).Take(outputs.Count)],
            [.. own.Zip(values, (update, value) => update with { Value = value }), .. parts[true]],
            [.. _feeder.Givens.Zip(
                values.Skip(own.Length + outputs.Count), (given, value) => given with { Replacement = value })],
            _device);
    }

    /// <summary>Runs a function on a shard; returns false if the shard has no samples.</summary>
    private bool TryRun(Function function, int shard, Tensor total)
    {
        (int first, int count) = _feeder.RowsOfShard(_plan, _next, shard);
        for (int i = 0; i < _random.Length; i++)
        {
            // Each shard of each step has its own number, so it draws the same values on any rank.
            _random[i].OfShard.SetValue(_states[i] is [int key0, int key1, int step]
                ? Tensor.From([key0, key1, unchecked(((step + _next) * _plan.Shards) + shard)])
                : _random[i].State.GetValue());
        }

        if (count > 0)
        {
            _feeder.RunRows(function, _next, shard, first, count, total);
        }

        return count > 0;
    }

    /// <summary>Adds the shard's part to those of its kind before it, as a counter in binary carries.</summary>
    private void Gather()
    {
        int first = _plan.IsDeterministic ? _plan.Own.First : 0, at = _counts.Sum(), count = 1;
        while (_counts.TryPeek(out int before) && before == count && (first + at - before) % (2 * count) == 0)
        {
            AddTop();
            (count, at) = (2 * count, at - before);
        }

        _counts.Push(count);
        Of(_pushes, _counts.Count - 1, _graph.Push).Run();
    }

    private void AddTop()
    {
        _counts.Pop();
        Of(_additions, _counts.Count, _graph.Add).Run();
    }

    private Function Of(Dictionary<int, Function> functions, int depth, Func<int, IEnumerable<Update>> updates)
    {
        if (!functions.TryGetValue(depth, out Function? function))
        {
            // This function is not part of the network: it is not profiled, and no mode inspects it.
            functions.Add(depth,
                function = Function.Compile([], [], updates(depth), device: _device, options: new CompileOptions()));
        }

        return function;
    }

    private double Read(Function step, int output) => Pass.Read(step, output, _graph.Stop.DType, Shape.Scalar)
        .Cast(DType.Float64).AsSpan<double>()[0];
}
