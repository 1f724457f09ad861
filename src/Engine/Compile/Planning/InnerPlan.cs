using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// The plan of a graph that an op runs. Its memory is a part of the outer arena: the op's workspace. Some inputs are
/// read directly from the op's operands, and some results are written directly to them.
/// </summary>
internal sealed class InnerPlan
{
    private readonly Dictionary<Input, SharedVariable> _outside = [];
    private readonly Device _device;
    private readonly Layout _layout;

    /// <param name="body">The graph, with every dimension known.</param>
    /// <param name="device">The device that computes it.</param>
    /// <param name="outside">The inputs in outer memory, each with the variable that updates it, or null.</param>
    /// <param name="outputs">The further results that are read.</param>
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

    /// <summary>Gets the graph; inputs in outer memory are shared variables in it.</summary>
    public FunctionGraph Graph { get; }

    /// <summary>Gets the bytes it needs.</summary>
    public long Bytes => _layout.Memory.ArenaBytes;

    /// <summary>Binds the plan to memory.</summary>
    /// <param name="arena">Memory of <see cref="Bytes"/>.</param>
    /// <param name="ranges">The memory of the inputs in outer memory.</param>
    /// <param name="constants">The memory of constants.</param>
    public BoundGraph Bind(
        MemoryRange arena, IReadOnlyDictionary<Input, MemoryRange> ranges, Func<Constant, Storage> constants)
    {
        Dictionary<SharedVariable, MemoryRange> shared =
            _outside.ToDictionary(pair => pair.Value, pair => ranges[pair.Key]);
        return new BoundGraph(_layout, _device, arena, variable => shared[variable], constants);
    }

    /// <summary>Returns the range of an input in the plan's own memory; null if nothing reads its value.</summary>
    public MemoryRange? RangeOf(BoundGraph bound, Input input)
    {
        if (!Graph.Inputs.Contains(input))
        {
            return null;
        }

        Allocation allocation = _layout.AllocationOf(input);
        return allocation.LastRead >= 0 || _layout.Outputs.Contains(allocation)
            ? bound.At(allocation, input).Range
            : null;
    }

    /// <summary>Returns the range of a result.</summary>
    public MemoryRange Result(BoundGraph bound, int output) =>
        bound.At(_layout.Outputs[output], Graph.Outputs[output]).Range;
}
