using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// The plan of a graph that an op runs. Its memory is a part of the arena around it: the op's workspace. Some of its inputs
/// lie where the op's operands do, and some results are computed straight to there.
/// </summary>
internal sealed class InnerPlan
{
    private readonly Dictionary<Input, SharedVariable> _outside = [];
    private readonly Device _device;
    private readonly Layout _layout;

    /// <param name="body">The graph, with every side known.</param>
    /// <param name="device">What computes it.</param>
    /// <param name="outside">The inputs that lie outside, each with what it becomes, if anything.</param>
    /// <param name="outputs">The results that are looked at, beside those.</param>
    public InnerPlan(
        FunctionGraph body, Device device,
        IReadOnlyList<(Input Input, Variable? Becomes)> outside, IReadOnlyList<Variable> outputs)
    {
        _device = device;
        foreach ((Input input, _) in outside)
        {
            _outside.Add(input, SharedVariable.Outside(input.Type, input.Name));
        }

        (Input Input, Variable? Becomes)[] changed = [.. outside.Where(pair => pair.Becomes is not null)];
        HashSet<Variable> used = [.. FunctionGraph.Leaves([.. outputs, .. changed.Select(pair => pair.Becomes!)])];
        Graph = new FunctionGraph(
            [.. body.Inputs.Where(input => used.Contains(input) && !_outside.ContainsKey(input))],
            outputs,
            [.. changed.Select(pair => new Update(_outside[pair.Input], pair.Becomes!))])
            .Replace(_outside.ToDictionary(pair => (Variable)pair.Key, pair => (Variable)pair.Value));
        IReadOnlyList<Scheduled> schedule = Schedule.Create(Graph, device.RunsAtOnce);
        _layout = Layout.Create(Graph, schedule, device);
    }

    /// <summary>Gets what is computed; inputs that lie outside are shared variables in it.</summary>
    public FunctionGraph Graph { get; }

    /// <summary>Gets the bytes it needs.</summary>
    public long Bytes => _layout.Memory.ArenaBytes;

    /// <summary>Returns the plan in memory.</summary>
    /// <param name="arena">As many bytes as it needs.</param>
    /// <param name="places">Where the inputs lie that lie outside.</param>
    /// <param name="constants">The memory of constants.</param>
    public BoundGraph Bind(
        MemoryRange arena, IReadOnlyDictionary<Input, MemoryRange> places, Func<Constant, Storage> constants)
    {
        Dictionary<SharedVariable, MemoryRange> shared =
            _outside.ToDictionary(pair => pair.Value, pair => places[pair.Key]);
        return new BoundGraph(_layout, _device, arena, variable => shared[variable], constants);
    }

    /// <summary>Returns where an input lies that does not lie outside; null where nothing asks for its value.</summary>
    public MemoryRange? Place(BoundGraph bound, Input input)
    {
        if (!Graph.Inputs.Contains(input))
        {
            return null;
        }

        Allocation allocation = _layout.AllocationOf(input);
        return allocation.LastRead >= 0 || _layout.Outputs.Contains(allocation) ? bound.At(allocation, input).Range : null;
    }

    /// <summary>Returns where a result lies.</summary>
    public MemoryRange Result(BoundGraph bound, int output) =>
        bound.At(_layout.Outputs[output], Graph.Outputs[output]).Range;
}
