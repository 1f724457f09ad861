using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Runs the steps of <see cref="ShardGraph"/> on the batches of a feed.</summary>
internal sealed class ShardedStep : IDisposable
{
    private readonly ShardPlan _plan;
    private readonly ShardGraph _graph;
    private readonly Feed _feed;
    private readonly Device _device;
    private readonly Function _shard;
    private readonly Function _step;
    private readonly Dictionary<int, Function> _pushes = [];
    private readonly Dictionary<int, Function> _additions = [];
    private readonly Stack<int> _counts = [];
    private readonly (SharedVariable State, SharedVariable OfShard)[] _random;
    private int[][] _states = [];
    private int _epoch;
    private int _next;

    public ShardedStep(ShardGraph graph, Feed feed, ShardPlan plan, Device device)
    {
        (_graph, _feed, _plan, _device) = (graph, feed, plan, device);
        SharedVariable[] moving = [.. FunctionGraph
            .Leaves([.. graph.Shard.Select(update => update.Value), .. feed.Givens.Select(given => given.Replacement)])
            .OfType<SharedVariable>().Where(variable => variable.DefaultUpdate is not null)];
        _random = [.. moving.Select(variable => (variable, new SharedVariable(variable.GetValue(), $"{variable.Name} of the shard")))];
        var standIns = _random.ToDictionary(pair => (Variable)pair.State, pair => (Variable)pair.OfShard);
        IReadOnlyList<Variable> values = Traversal.Replace(
            [.. graph.Shard.Select(update => update.Value), .. feed.Givens.Select(given => given.Replacement)], standIns);
        Update[] updates = [.. graph.Shard.Zip(values, (update, value) => update with { Value = value })];
        Given[] givens = [.. feed.Givens.Zip(values.Skip(updates.Length), (given, value) => given with { Replacement = value })];
        _shard = Function.Compile([.. feed.Inputs, graph.Total], [], updates, givens, device);
        (IReadOnlyList<Variable> outputs, IReadOnlyList<Update> stepUpdates) = graph.Step(moving);
        _step = Function.Compile([graph.Total], outputs, stepUpdates, device: device);
    }

    /// <summary>Gets the function of a shard.</summary>
    public Function Shard => _shard;

    /// <summary>Gets the function that sums over the ranks and updates.</summary>
    public Function Step => _step;

    /// <summary>Gets the number of values that a step exchanges.</summary>
    public long Elements => _graph.Elements;

    /// <summary>Gets the number of bytes that a rank sends in a step.</summary>
    public long BytesSent => _plan.BytesSent(_graph.Elements * _graph.Stop.DType.Size());

    /// <summary>Makes the plans for batches of so many samples.</summary>
    public void Prepare(int rows)
    {
        Tensor total = Tensor.Scalar((double)rows);
        _shard.Prepare(Tensor.Scalar(_plan.FirstRow(_plan.Own.First + 1, rows) - _plan.FirstRow(_plan.Own.First, rows)), total);
        _step.Prepare(total);
    }

    /// <summary>Gets the loss of the last batch, before its update.</summary>
    public double Loss { get; private set; }

    /// <summary>Gets whether a rank asked to stop in the last step.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Begins an epoch. The feed must have begun it already.</summary>
    public void Start(int epoch)
    {
        (_next, _epoch, IsStopping) = (0, epoch, false);
        _states = [.. _random.Select(pair => pair.State.IsRandomState ? pair.State.GetValue().AsSpan<int>().ToArray() : [])];
    }

    /// <summary>Makes one step with the next batch.</summary>
    /// <param name="wantsStop">Whether this rank asks all ranks to stop.</param>
    /// <returns>The number of samples in the batch, on all ranks together.</returns>
    public int Run(bool wantsStop)
    {
        int rows = _feed.RowsOf(_next);
        Tensor total = Tensor.Scalar(_feed.WeightOf(_next));
        _plan.Communicator.Progress = FormattableString.Invariant($"epoch {_epoch}, step {_next + 1}");
        (int shard, int last) = _plan.Own;
        for (; shard < last; shard++)
        {
            RunShard(shard, total);
            Gather(isLast: shard == last - 1);
        }

        _graph.Stop.SetValue(Tensor.Scalar(wantsStop ? 1.0 : 0.0).Cast(_graph.Stop.DType));
        _step.Run(total);
        (Loss, IsStopping) = (Read(0), Read(1) > 0);
        _next++;
        _feed.SetSettings(_next);
        return rows;
    }

    public void Dispose()
    {
        _shard.Dispose();
        _step.Dispose();
        foreach (Function function in (IEnumerable<Function>)[.. _pushes.Values, .. _additions.Values])
        {
            function.Dispose();
        }

        Array.ForEach(_random, pair => pair.OfShard.Dispose());
        _graph.Dispose();
    }

    private void RunShard(int shard, Tensor total)
    {
        (int first, int count) = _feed.RowsOfShard(_plan, _next, shard);
        for (int i = 0; i < _random.Length; i++)
        {
            // Each shard of each step has its own number, so it draws the same values on any rank.
            _random[i].OfShard.SetValue(_states[i] is [int key0, int key1, int step]
                ? Tensor.From([key0, key1, unchecked(((step + _next) * _plan.Shards) + shard)])
                : _random[i].State.GetValue());
        }

        if (count > 0)
        {
            _feed.RunRows(_shard, _next, shard, first, count, total);
        }
        else
        {
            _graph.SetNothing();
        }
    }

    /// <summary>Adds the shard's part to earlier sums of equal size, as a binary counter carries.</summary>
    private void Gather(bool isLast)
    {
        int first = _plan.IsDeterministic ? _plan.Own.First : 0, at = _counts.Sum(), count = 1;
        while (_counts.TryPeek(out int before) && before == count && (first + at - before) % (2 * count) == 0)
        {
            AddTop();
            (count, at) = (2 * count, at - before);
        }

        while (isLast && !_plan.IsDeterministic && _counts.Count > 0)
        {
            AddTop();
        }

        if (isLast)
        {
            _counts.Clear();
            return;
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
            functions.Add(depth, function = Function.Compile([], [], updates(depth), device: _device, options: new CompileOptions()));
        }

        return function;
    }

    private double Read(int output) => Pass.Read(_step, output, _graph.Stop.DType, Shape.Scalar)
        .Cast(DType.Float64).AsSpan<double>()[0];
}
