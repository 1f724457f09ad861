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

    public ShardGraph(
        TrainerGraph graph,
        Variable loss,
        IReadOnlyList<Update> layerUpdates,
        IReadOnlyList<Parameter> parameters,
        UpdateRule rule,
        bool isWeighted,
        ShardPlan plan)
    {
        (_graph, _parameters, _rule, _isWeighted, _plan, _dtype) = (graph, parameters, rule, isWeighted, plan, loss.DType);
        Total = Symbolic.Scalar("total", DType.Float64);
        using Origin.Scope origin = Origin.For("shard");
        Variable own = isWeighted ? Symbolic.Sum(Symbolic.Cast(graph.Weights, DType.Float64)) : graph.Rows;
        Variable share = Symbolic.Cast(own / Symbolic.Maximum(Total, MinTotal), loss.DType);
        SharedVariable[] variables = [.. parameters.Select(parameter => parameter.Variable)];
        Variable part = loss * share;
        IReadOnlyList<Variable> gradients = variables.Length == 0 ? [] : Symbolic.Grad(part, variables);

        // Layer updates that depend on the samples become the mean over the shards. The others, such as counters, run
        // once.
        HashSet<Variable> samples = [.. graph.Network.Inputs, .. graph.Heads.Select(head => head.Target), graph.Weights, graph.Rows];
        ILookup<bool, Update> updates = layerUpdates.ToLookup(
            update => FunctionGraph.Leaves([update.Value]).Any(samples.Contains));
        Update[] following = [.. updates[true]];
        CountingUpdates = [.. updates[false]];
        foreach (Update update in following.Where(update => update.Target.DType != _dtype))
        {
            throw new EngineException(
                $"A training step sets '{update.Target}' ({update.Target.Type}) by the samples, and with several ranks that must be "
                + $"{_dtype.Name()}, of which a mean can be taken.");
        }

        _layerUpdates = following;
        Variable[] values =
        [
            .. gradients,
            .. following.Select(update => Symbolic.Reshape(update.Value * share, update.Target.Shape)),
            part,
        ];
        SharedVariable[] likes = [.. variables, .. following.Select(update => update.Target)];
        _parts = Like(likes, "of the shard");
        Shard = [.. _parts.Zip(values, (variable, value) => new Update(variable, value))];
        Stop = new SharedVariable(Tensor.Scalar(0.0).Cast(_dtype), "stop");
        _zero = new SharedVariable(Tensor.Scalar(0.0).Cast(_dtype), "zero");
        _makeSum = depth => Like(likes, $"of shards, {depth}");

        SharedVariable[] Like(SharedVariable[] variables, string name) =>
            [.. variables.Select(variable => Zeros(variable.Shape, $"{variable.Name} {name}")), Zeros(Shape.Scalar, $"loss {name}")];
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

    /// <summary>Returns the step: the outputs are the batch's loss, and how many ranks want to stop.</summary>
    /// <param name="moving">The variables that each step advances, such as the states of random streams.</param>
    public (IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates) Step(IEnumerable<SharedVariable> moving)
    {
        int nodes = _plan.Nodes.Count;
        var terms = new List<Variable>();
        for (int node = 0; node < nodes; node++)
        {
            terms.AddRange(node == nodes - 1 ? _parts : Sum(node));
            terms.Add(node == 0 ? Stop : _zero);
        }

        IReadOnlyList<Variable> sums;
        using (Origin.Use(Origin.Current with { Part = "all ranks" }))
        {
            sums = new AllReduce(_plan.Communicator, terms.Count / nodes, _plan.IsDeterministic ? _plan.Shards : 0)
                .Apply([.. terms]).Outputs;
        }

        BuiltUpdates rule = _rule.BuildOn(
            _graph.Rule, _dtype, _parameters, [.. sums.Take(_parameters.Count)]);
        Variable loss = sums[^2];
        using Origin.Scope origin = Origin.For("loss");
        List<Update> updates =
        [
            .. rule.Updates,
            .. _layerUpdates.Select((update, i) => new Update(update.Target, sums[_parameters.Count + i])),
            .. CountingUpdates,
            new Update(_graph.TrainLossSum, _graph.TrainLossSum + (Symbolic.Cast(loss, DType.Float64) * Total)),
            .. moving.Select(variable => new Update(variable, variable.DefaultUpdate!)),
        ];
        if (_isWeighted)
        {
            updates.Add(new Update(_graph.TrainWeightSum, _graph.TrainWeightSum + Total));
        }

        return ([loss, sums[^1]], updates);
    }

    public void Dispose()
    {
        foreach (SharedVariable variable in (IEnumerable<SharedVariable>)[.. _parts, .. _sums.SelectMany(sum => sum), Stop, _zero])
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
