using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Where a value lies.</summary>
internal enum Place
{
    Arena,
    Input,
    Shared,
    Constant,
}

/// <summary>
/// A value that owns memory; views of it share it. Its <see cref="Buffer"/> is its place in the arena, which it may
/// have taken over from a value that was no longer needed.
/// </summary>
internal sealed class Root(Variable variable, Place place, int buffer = -1)
{
    public Variable Variable { get; } = variable;

    public Place Place { get; set; } = place;

    /// <summary>For <see cref="Place.Shared"/>, whose memory it is.</summary>
    public SharedVariable? Shared { get; set; } = variable as SharedVariable;

    public int Buffer { get; set; } = buffer;

    /// <summary>The wave in which it is written, -1 for what is there before.</summary>
    public int Written { get; init; } = -1;

    /// <summary>The step that writes it, -1 for what is there before.</summary>
    public int Writer { get; init; } = -1;

    /// <summary>The last wave in which it is read.</summary>
    public int LastRead { get; private set; } = -1;

    /// <summary>The step that reads it last, if no other does in that wave.</summary>
    public int? LastReader { get; private set; }

    public void Read(int wave, int? reader)
    {
        LastReader = wave > LastRead || reader == LastReader ? reader : null;
        LastRead = wave;
    }

    /// <summary>Whether it must outlive the run.</summary>
    public bool IsOutput { get; set; }
}

/// <summary>An op that really runs (a view does not).</summary>
internal sealed record Step(
    Apply Node, int Wave, IReadOnlyList<Root?> Inputs, IReadOnlyList<Root> Outputs, Lowering Lowered);

/// <summary>
/// Decides which memory each value of a schedule lives in: in-place reuse, updates in place, and the arena.
/// </summary>
internal sealed class Layout
{
    private readonly FunctionGraph _graph;
    private readonly IReadOnlyList<Scheduled> _schedule;
    private readonly Dictionary<Variable, Root> _roots = [];
    private readonly List<Step> _steps = [];
    private readonly List<Lifetime> _buffers = [];
    private readonly List<int> _workspaces = [];
    private Root[] _updates = [];

    private Layout(FunctionGraph graph, IReadOnlyList<Scheduled> schedule)
    {
        _graph = graph;
        _schedule = schedule;
    }

    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>Old values of shared variables that are still wanted when the variables have been updated.</summary>
    public List<(Root From, Root To)> CopiesBefore { get; } = [];

    /// <summary>New values that could not be computed in their shared variables' memory.</summary>
    public List<(Root From, SharedVariable To)> CopiesAfter { get; } = [];

    /// <summary>What holds each of the function's outputs.</summary>
    public IReadOnlyList<Root> Outputs { get; private set; } = [];

    public MemoryPlan Memory { get; private set; } = null!;

    public static Layout Create(FunctionGraph graph, IReadOnlyList<Scheduled> schedule, Device device)
    {
        var layout = new Layout(graph, schedule);
        layout.FindRoots(device);
        layout.PlaceOutputs();
        layout.PlaceUpdates();
        layout.AssignBuffers();
        layout.Memory = MemoryPlan.Layout(layout._buffers);
        return layout;
    }

    /// <summary>The wave after all.</summary>
    private int End => _schedule.Count == 0 ? 0 : _schedule[^1].Wave + 1;

    public IEnumerable<Root> Roots => _roots.Values.Concat(CopiesBefore.Select(copy => copy.To)).Distinct();

    /// <summary>The sizes of the buffers, and the waves between which they matter.</summary>
    public IReadOnlyList<Lifetime> Buffers => _buffers;

    public Root RootOf(Variable variable) => _roots[variable];

    public int WorkspaceBuffer(int step) => _workspaces[step];

    private void FindRoots(Device device)
    {
        foreach (Variable leaf in _graph.Inputs.Union(FunctionGraph.Leaves(_graph.Roots)))
        {
            _roots[leaf] = new Root(leaf, leaf switch
            {
                Graph.Input => Place.Input,
                SharedVariable => Place.Shared,
                _ => Place.Constant,
            });
        }

        foreach ((Apply node, int wave) in _schedule)
        {
            TensorType[] inputs = [.. node.Inputs.Select(variable => variable.Type)];
            if (node.Op.IsView(inputs))
            {
                _roots[node.Outputs[0]] = _roots[node.Inputs[0]];
                continue;
            }

            int step = _steps.Count;
            Root?[] read = [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? _roots[input] : null)];
            foreach (Root? root in read)
            {
                root?.Read(wave, step);
            }

            Root[] written =
                [.. node.Outputs.Select(output => new Root(output, Place.Arena) { Written = wave, Writer = step })];
            foreach (Root root in written)
            {
                _roots[root.Variable] = root;
            }

            _steps.Add(new Step(node, wave, read, written, Lowering.Of(node, device)));
        }
    }

    public static OperandType OperandType(Variable variable) => new(variable.DType, variable.Shape);

    private void PlaceOutputs()
    {
        HashSet<SharedVariable> updated = [.. _graph.Updates.Select(update => update.Target)];
        var kept = new Dictionary<Root, Root>();
        Outputs = [.. _graph.Outputs.Select(output => Keep(_roots[output]))];
        foreach (Root root in Outputs)
        {
            root.IsOutput = true;
        }

        _updates = [.. _graph.Updates.Select(update => Keep(_roots[update.Value]))];

        Root Keep(Root root)
        {
            if (root.Place != Place.Shared || !updated.Contains(root.Shared!))
            {
                return root;
            }

            if (!kept.TryGetValue(root, out Root? copy))
            {
                copy = new Root(root.Variable, Place.Arena);
                kept.Add(root, copy);
                CopiesBefore.Add((root, copy));
            }

            return copy;
        }
    }

    private void PlaceUpdates()
    {
        foreach ((SharedVariable target, Root root) in _graph.Updates.Select(update => update.Target).Zip(_updates))
        {
            if (CanWriteInto(target, root))
            {
                root.Place = Place.Shared;
                root.Shared = target;
            }
            else
            {
                CopiesAfter.Add((root, target));
                root.Read(End, null);
            }
        }
    }

    private bool CanWriteInto(SharedVariable target, Root value)
    {
        if (value.Place != Place.Arena || value.IsOutput || value.Written < 0 || Bytes(value) != target.Type.Bytes)
        {
            return false;
        }

        return !_roots.TryGetValue(target, out Root? old)
            || old.LastRead < value.Written
            || (old.LastReader == value.Writer && MayOverwrite(_steps[value.Writer], old, value));
    }

    /// <summary>
    /// Whether a step may write an output over one of its inputs, wherever it reads it. As many bytes are not enough:
    /// where elements are of another size, or repeated, one would be written over before it is read.
    /// </summary>
    private static bool MayOverwrite(Step step, Root input, Root output)
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
        foreach (Root root in _roots.Values.Distinct().Where(root => root.Place == Place.Input))
        {
            root.Buffer = AddBuffer(Bytes(root), -1, end);
        }

        foreach ((_, Root copy) in CopiesBefore)
        {
            copy.Buffer = AddBuffer(Bytes(copy), -1, end);
        }

        for (int s = 0; s < _steps.Count; s++)
        {
            Step step = _steps[s];
            int wave = step.Wave;
            Root? reused = null;
            foreach (Root output in step.Outputs.Where(output => output.Place == Place.Arena))
            {
                int last = output.IsOutput ? end : Math.Max(output.LastRead, wave);
                Root? donor = reused is null ? Donor(step, s, output) : null;
                if (donor is null)
                {
                    output.Buffer = AddBuffer(Bytes(output), wave, last);
                    continue;
                }

                reused = donor;
                output.Buffer = donor.Buffer;
                _buffers[donor.Buffer] = _buffers[donor.Buffer] with { Last = last };
            }

            _workspaces.Add(step.Lowered.Workspace > 0 ? AddBuffer(step.Lowered.Workspace, wave, wave) : -1);
        }
    }

    /// <summary>An input that this step reads last and may write over.</summary>
    private Root? Donor(Step step, int s, Root output) => step.Inputs.FirstOrDefault(input =>
        input is { Place: Place.Arena, IsOutput: false }
        && input.LastReader == s
        && _buffers[input.Buffer].Last == step.Wave
        && MayOverwrite(step, input, output));

    private int AddBuffer(long bytes, int first, int last)
    {
        _buffers.Add(new Lifetime(bytes, first, last));
        return _buffers.Count - 1;
    }

    private static long Bytes(Root root) => root.Variable.Type.Bytes;
}
