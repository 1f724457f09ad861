using Engine.Compile;
using Engine.Distributed;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Represents a training step of several ranks as two graphs. The first runs for each shard of a rank. It stores the
/// shard's part of the gradients, of the loss and of other values that depend on the samples; the parts are added
/// pairwise. The second sums over the ranks (<see cref="AllReduce"/>) and updates.
/// </summary>
internal sealed class ShardGraph : IDisposable
{
    /// <summary>Far below any meaningful sum of weights.</summary>
    private const double MinTotal = 1e-300;

    /// <summary>Limits for buckets: each costs two messages to every rank, whatever its size.</summary>
    private const int MaxBuckets = 8, MinBucketBytes = 64 << 10;

    private readonly TrainerGraph _graph;
    private readonly UpdateRule _rule;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly IReadOnlyList<Update> _layerUpdates;
    private readonly ShardPlan _plan;
    private readonly DType _dtype;
    private readonly bool _isWeighted;
    private readonly SharedVariable[] _parts;
    private readonly List<SharedVariable[]> _sums = [];
    private readonly SharedVariable _zero;
    private readonly Func<int, SharedVariable[]> _makeSum;
    private readonly IReadOnlyList<Variable> _values;
    private readonly LossScale? _scale;

    public ShardGraph(
        TrainerGraph graph,
        Variable loss,
        IReadOnlyList<Update> layerUpdates,
        IReadOnlyList<Parameter> parameters,
        UpdateRule rule,
        bool isWeighted,
        ShardPlan plan)
    {
        (_graph, _parameters, _rule, _isWeighted, _plan, _dtype) =
            (graph, parameters, rule, isWeighted, plan, loss.DType);
        Total = Symbolic.Scalar("total", DType.Float64);
        using Origin.Scope origin = Origin.For("shard");
        Variable own = isWeighted ? Symbolic.Sum(Symbolic.Cast(graph.Weights, DType.Float64)) : graph.Rows;
        Variable share = Symbolic.Cast(own / Symbolic.Maximum(Total, MinTotal), loss.DType);
        SharedVariable[] variables = [.. parameters.Select(parameter => parameter.Variable)];
        Variable part = loss * share;
        _scale = graph.LossScale(graph.Rule);
        IReadOnlyList<Variable> gradients = variables.Length == 0 ? []
            : _scale is not null ? _scale.Gradients(part, variables)
            : Symbolic.Grad(part, variables);

        // Layer updates that depend on the samples become the mean over the shards. The others, such as counters, run
        // once.
        HashSet<Variable> samples =
            [.. graph.Network.Inputs, .. graph.Heads.Select(head => head.Target), graph.Weights, graph.Rows];
        ILookup<bool, Update> updates = layerUpdates.ToLookup(
            update => FunctionGraph.Leaves([update.Value]).Any(samples.Contains));
        Update[] following = [.. updates[true]];
        CountingUpdates = [.. updates[false]];
        foreach (Update update in following.Where(update => update.Target.DType != _dtype))
        {
            throw new EngineException(
                $"A training step sets '{update.Target}' ({update.Target.Type}) by the samples, "
                + $"and with several ranks that must be {_dtype.Name()}, of which a mean can be taken.");
        }

        _layerUpdates = following;
        _values =
        [
            .. gradients,
            .. following.Select(update => Symbolic.Reshape(update.Value * share, update.Target.Shape)),
            part,
        ];
        SharedVariable[] likes = [.. variables, .. following.Select(update => update.Target)];
        _parts = Like(likes, "of the shard");
        Shard = graph.InPrecision(
            [], [.. _parts.Zip(_values, (variable, value) => new Update(variable, value))]).Updates;
        Stop = new SharedVariable(Tensor.Scalar(0.0).Cast(_dtype), "stop");
        _zero = new SharedVariable(Tensor.Scalar(0.0).Cast(_dtype), "zero");
        _makeSum = depth => Like(likes, $"of shards, {depth}");

        SharedVariable[] Like(SharedVariable[] variables, string name) =>
            [.. variables.Select(variable => Zeros(variable.Shape, $"{variable.Name} {name}")),
                Zeros(Shape.Scalar, $"loss {name}")];
    }

    /// <summary>Gets the sum of the weights of the whole batch.</summary>
    public Graph.Input Total { get; }

    /// <summary>Gets the updates that store a shard's parts.</summary>
    public IReadOnlyList<Update> Shard { get; }

    /// <summary>Gets the layers' updates that do not depend on the samples.</summary>
    public IReadOnlyList<Update> CountingUpdates { get; }

    /// <summary>Gets 1 on a rank that must stop, else 0.</summary>
    public SharedVariable Stop { get; }

    /// <summary>
    /// Gets the number of values that a step exchanges: gradients, the layers' updates, the loss, and whether to stop.
    /// </summary>
    public long Elements => _parts.Sum(part => part.Shape.Count) + 1;

    /// <summary>Sets the parts to 0, for a shard without samples.</summary>
    public void SetNothing()
    {
        foreach (SharedVariable part in _parts)
        {
            part.SetValue(new Tensor(part.DType, part.Shape));
        }
    }

    /// <summary>Returns the updates that store the current sum at a depth of the stack.</summary>
    public IEnumerable<Update> Push(int depth) => Sum(depth).Zip(_parts, (sum, part) => new Update(sum, part));

    /// <summary>Returns the updates that add the sum at a depth of the stack to the current sum.</summary>
    public IEnumerable<Update> Add(int depth) => _parts.Zip(Sum(depth), (part, sum) => new Update(part, sum + part));

    /// <summary>
    /// Returns the step of a rank whose last shard has no samples. The outputs are the batch's loss and the number of
    /// ranks that want to stop.
    /// </summary>
    /// <param name="moving">What moves on with each step, such as the states of random streams.</param>
    public (IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates) Step(IEnumerable<SharedVariable> moving) =>
        Step(moving, _parts);

    /// <summary>
    /// Returns the last shard and the step. The sums begin bucket by bucket, while gradients are still computed.
    /// </summary>
    /// <inheritdoc cref="Step(IEnumerable{SharedVariable})"/>
    public (IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates) LastShard(
        IEnumerable<SharedVariable> moving) =>
        Step(moving, _values);

    private (IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates) Step(
        IEnumerable<SharedVariable> moving, IReadOnlyList<Variable> last)
    {
        // The sums of the shards before are on the stack.
        int before = _plan.Before.Count;
        Variable[][] groups = [.. Enumerable.Range(0, before + 1).Select(group => (Variable[])
        [
            .. group == before ? last : Sum(group),
            group == 0 ? Stop : _zero,
        ])];
        var sums = new Variable[_parts.Length + 1];
        using (Origin.Use(Origin.Current with { Part = "all ranks" }))
        {
            int number = 0;
            foreach (int[] bucket in Buckets())
            {
                Variable[] terms = [.. groups.SelectMany(group => bucket.Select(i => group[i]))];
                IReadOnlyList<Result> outputs = Reduce(
                    terms, [.. bucket.Select(i => i < _parts.Length ? _parts[i].Shape : Shape.Scalar)], number++);
                for (int i = 0; i < bucket.Length; i++)
                {
                    sums[bucket[i]] = outputs[i];
                }
            }
        }

        Variable[] gradients = [.. sums.Take(_parameters.Count)];
        BuiltUpdates rule = _rule.BuildOn(_graph.Rule, _dtype, _parameters, gradients);
        Variable loss = sums[^2];
        using Origin.Scope origin = Origin.For("loss");
        IEnumerable<Update> learned =
        [
            .. _graph.Owners?.Spread(rule, sums) ?? rule.Updates,
            .. _layerUpdates.Select((update, i) => new Update(update.Target, sums[_parameters.Count + i])),
            .. CountingUpdates,
        ];
        List<Update> updates =
        [
            .. _scale?.Guard(learned, gradients) ?? learned,
            new Update(_graph.TrainLossSum, _graph.TrainLossSum + (Symbolic.Cast(loss, DType.Float64) * Total)),
            .. moving.Select(variable => new Update(variable, variable.DefaultUpdate!)),
        ];
        if (_isWeighted)
        {
            updates.Add(new Update(_graph.TrainWeightSum, _graph.TrainWeightSum + Total));
        }

        return _graph.InPrecision([loss, sums[^1]], updates);
    }

    /// <summary>Returns the sums of one bucket.</summary>
    private IReadOnlyList<Result> Reduce(Variable[] terms, Shape[] shapes, int number)
    {
        int shards = _plan.IsDeterministic ? _plan.Shards : 0;
        if (CompileOptions.Default.Mode != Mode.Mode)
        {
            // Modes that check each step's memory need it unchanged, so nothing may write it in the background.
            return new AllReduce(_plan.Communicator, shapes.Length, shards).Apply(terms).Outputs;
        }

        var start = new AllReduceStart(_plan.Communicator, shapes.Length, shards, number);
        return new AllReduceWait(start, shapes).Apply([.. start.Apply(terms).Outputs]).Outputs;
    }

    /// <summary>
    /// Returns which values each exchange sums: gradients from the last layer to the first, the order in which they are
    /// computed, and all other values with those of the first layers. There are few buckets, and none is small.
    /// </summary>
    private IEnumerable<int[]> Buckets()
    {
        long min = Math.Max(_parts.Sum(part => part.Shape.Count) * _dtype.Size() / MaxBuckets, MinBucketBytes),
            bytes = 0;
        var bucket = new List<int>();
        for (int i = _parameters.Count - 1; i >= 0; i--)
        {
            bucket.Add(i);
            bytes += _parts[i].Shape.Count * _dtype.Size();
            if (bytes >= min && i > 0)
            {
                yield return [.. bucket];
                bucket.Clear();
                bytes = 0;
            }
        }

        yield return [.. bucket, .. Enumerable.Range(_parameters.Count, _parts.Length + 1 - _parameters.Count)];
    }

    public void Dispose()
    {
        foreach (SharedVariable variable in (IEnumerable<SharedVariable>)[
            .. _parts, .. _sums.SelectMany(sum => sum), Stop, _zero])
        {
            variable.Dispose();
        }
    }

    private SharedVariable[] Sum(int depth)
    {
        while (_sums.Count <= depth)
        {
            _sums.Add(_makeSum(_sums.Count));
        }

        return _sums[depth];
    }

    private SharedVariable Zeros(Shape shape, string name) => SharedVariable.Of(new Tensor(_dtype, shape), name);
}
