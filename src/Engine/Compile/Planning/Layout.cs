using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Specifies where a value is stored.</summary>
internal enum AllocationKind
{
    Arena,
    Input,
    Shared,
    Constant,
}

/// <summary>
/// A value that owns memory; its views share it. Its <see cref="Buffer"/> is its buffer in the arena. It may have taken
/// the buffer over from a value that was no longer needed.
/// </summary>
internal sealed class Allocation(Variable variable, AllocationKind kind, int buffer = -1)
{
    public Variable Variable { get; } = variable;

    public AllocationKind Kind { get; set; } = kind;

    /// <summary>Gets or sets the shared variable that owns the memory of <see cref="AllocationKind.Shared"/>.</summary>
    public SharedVariable? Shared { get; set; } = variable as SharedVariable;

    public int Buffer { get; set; } = buffer;

    /// <summary>Gets or sets the level in which it is written; -1 if it exists before the run.</summary>
    public int Written { get; init; } = -1;

    /// <summary>Gets or sets the step that writes it; -1 if it exists before the run.</summary>
    public int Writer { get; init; } = -1;

    /// <summary>Gets the last level in which it is read.</summary>
    public int LastRead { get; private set; } = -1;

    /// <summary>Gets the step that reads it last, if it is the only one in that level.</summary>
    public int? LastReader { get; private set; }

    public void Read(int level, int? reader)
    {
        LastReader = level > LastRead || reader == LastReader ? reader : null;
        LastRead = level;
    }

    /// <summary>Gets or sets whether it must outlive the run.</summary>
    public bool IsOutput { get; set; }
}

/// <summary>An op that runs, unlike a view.</summary>
internal sealed record Step(
    Apply Node, int Level, IReadOnlyList<Allocation?> Inputs, IReadOnlyList<Allocation> Outputs, Lowering Lowered);

/// <summary>Assigns memory to each value of a schedule: in-place reuse, updates in place, and the arena.</summary>
internal sealed class Layout
{
    private readonly FunctionGraph _graph;
    private readonly IReadOnlyList<Scheduled> _schedule;
    private readonly Dictionary<Variable, Allocation> _allocations = [];
    private readonly List<Step> _steps = [];
    private readonly List<Lifetime> _buffers = [];
    private readonly List<int> _workspaces = [];
    private Allocation[] _updates = [];

    private Layout(FunctionGraph graph, IReadOnlyList<Scheduled> schedule)
    {
        _graph = graph;
        _schedule = schedule;
    }

    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>
    /// Gets the old values of shared variables that are still needed after the variables have been updated.
    /// </summary>
    public List<(Allocation From, Allocation To)> CopiesBefore { get; } = [];

    /// <summary>Gets the new values that could not be computed in their shared variables' memory.</summary>
    public List<(Allocation From, SharedVariable To)> CopiesAfter { get; } = [];

    /// <summary>Gets the allocations of the function's outputs.</summary>
    public IReadOnlyList<Allocation> Outputs { get; private set; } = [];

    public MemoryPlan Memory { get; private set; } = null!;

    public static Layout Create(FunctionGraph graph, IReadOnlyList<Scheduled> schedule, Device device)
    {
        var layout = new Layout(graph, schedule);
        layout.FindAllocations(device);
        layout.PlaceOutputs();
        layout.PlaceUpdates();
        layout.AssignBuffers();
        layout.Memory = MemoryPlan.Layout(layout._buffers);
        return layout;
    }

    /// <summary>The level after the last one.</summary>
    private int End => _schedule.Count == 0 ? 0 : _schedule[^1].Level + 1;

    public IEnumerable<Allocation> Allocations =>
        _allocations.Values.Concat(CopiesBefore.Select(copy => copy.To)).Distinct();

    /// <summary>Gets the sizes of the buffers, and the levels between which they are live.</summary>
    public IReadOnlyList<Lifetime> Buffers => _buffers;

    public Allocation AllocationOf(Variable variable) => _allocations[variable];

    public int WorkspaceBuffer(int step) => _workspaces[step];

    private void FindAllocations(Device device)
    {
        foreach (Variable leaf in _graph.Inputs.Union(FunctionGraph.Leaves(_graph.Roots)))
        {
            _allocations[leaf] = new Allocation(leaf, leaf switch
            {
                Graph.Input => AllocationKind.Input,
                SharedVariable => AllocationKind.Shared,
                _ => AllocationKind.Constant,
            });
        }

        foreach ((Apply node, int level) in _schedule)
        {
            TensorType[] inputs = [.. node.Inputs.Select(variable => variable.Type)];
            if (node.Op.IsView(inputs))
            {
                _allocations[node.Outputs[0]] = _allocations[node.Inputs[0]];
                continue;
            }

            int step = _steps.Count;
            Allocation?[] read = [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? _allocations[input] : null)];
            foreach (Allocation? allocation in read)
            {
                allocation?.Read(level, step);
            }

            Allocation[] written =
                [.. node.Outputs.Select(
                    output => new Allocation(output, AllocationKind.Arena) { Written = level, Writer = step })];
            foreach (Allocation allocation in written)
            {
                _allocations[allocation.Variable] = allocation;
            }

            _steps.Add(new Step(node, level, read, written, Lowering.Of(node, device)));
        }
    }

    public static OperandType OperandType(Variable variable) => new(variable.DType, variable.Shape);

    private void PlaceOutputs()
    {
        HashSet<SharedVariable> updated = [.. _graph.Updates.Select(update => update.Target)];
        var kept = new Dictionary<Allocation, Allocation>();
        Outputs = [.. _graph.Outputs.Select(output => Keep(_allocations[output]))];
        foreach (Allocation allocation in Outputs)
        {
            allocation.IsOutput = true;
        }

        _updates = [.. _graph.Updates.Select(update => Keep(_allocations[update.Value]))];

        Allocation Keep(Allocation allocation)
        {
            if (allocation.Kind != AllocationKind.Shared || !updated.Contains(allocation.Shared!))
            {
                return allocation;
            }

            if (!kept.TryGetValue(allocation, out Allocation? copy))
            {
                copy = new Allocation(allocation.Variable, AllocationKind.Arena);
                kept.Add(allocation, copy);
                CopiesBefore.Add((allocation, copy));
            }

            return copy;
        }
    }

    private void PlaceUpdates()
    {
        foreach ((SharedVariable target, Allocation allocation) in _graph.Updates.Select(update => update.Target)
            .Zip(_updates))
        {
            if (CanWriteInto(target, allocation))
            {
                allocation.Kind = AllocationKind.Shared;
                allocation.Shared = target;
            }
            else
            {
                CopiesAfter.Add((allocation, target));
                allocation.Read(End, null);
            }
        }
    }

    private bool CanWriteInto(SharedVariable target, Allocation value)
    {
        if (value.Kind != AllocationKind.Arena || value.IsOutput || value.Written < 0
            || Bytes(value) != target.Type.Bytes)
        {
            return false;
        }

        return !_allocations.TryGetValue(target, out Allocation? old)
            || old.LastRead < value.Written
            || (old.LastReader == value.Writer && MayOverwrite(_steps[value.Writer], old, value));
    }

    /// <summary>
    /// Whether a step may overwrite one of its inputs, at every place where it reads it. Equal bytes are not enough:
    /// with elements of another size, or repeated ones, an element would be overwritten before it is read.
    /// </summary>
    private static bool MayOverwrite(Step step, Allocation input, Allocation output)
    {
        TensorType to = output.Variable.Type;
        for (int i = 0; i < step.Inputs.Count; i++)
        {
            TensorType from = step.Node.Inputs[i].Type;
            if (step.Inputs[i] == input
                && (!step.Node.Op.MayOverwrite(i)
                    || from.DType.Size() != to.DType.Size()
                    || from.Shape.Count != to.Shape.Count))
            {
                return false;
            }
        }

        return true;
    }

    private void AssignBuffers()
    {
        int end = End;
        foreach (Allocation allocation in _allocations.Values.Distinct()
            .Where(allocation => allocation.Kind == AllocationKind.Input))
        {
            allocation.Buffer = AddBuffer(Bytes(allocation), -1, end);
        }

        foreach ((_, Allocation copy) in CopiesBefore)
        {
            copy.Buffer = AddBuffer(Bytes(copy), -1, end);
        }

        for (int s = 0; s < _steps.Count; s++)
        {
            Step step = _steps[s];
            int level = step.Level;
            Allocation? reused = null;
            foreach (Allocation output in step.Outputs.Where(output => output.Kind == AllocationKind.Arena))
            {
                int last = output.IsOutput ? end : Math.Max(output.LastRead, level);
                Allocation? donor = reused is null ? Donor(step, s, output) : null;
                if (donor is null)
                {
                    output.Buffer = AddBuffer(Bytes(output), level, last);
                    continue;
                }

                reused = donor;
                output.Buffer = donor.Buffer;
                _buffers[donor.Buffer] = _buffers[donor.Buffer] with { Last = last };
            }

            _workspaces.Add(step.Lowered.Workspace > 0 ? AddBuffer(step.Lowered.Workspace, level, level) : -1);
        }
    }

    /// <summary>Returns an input that this step reads last and may overwrite.</summary>
    private Allocation? Donor(Step step, int s, Allocation output) => step.Inputs.FirstOrDefault(input =>
        input is { Kind: AllocationKind.Arena, IsOutput: false }
        && input.LastReader == s
        && _buffers[input.Buffer].Last == step.Level
        && MayOverwrite(step, input, output));

    private int AddBuffer(long bytes, int first, int last)
    {
        _buffers.Add(new Lifetime(bytes, first, last));
        return _buffers.Count - 1;
    }

    private static long Bytes(Allocation allocation) => allocation.Variable.Type.Bytes;
}
