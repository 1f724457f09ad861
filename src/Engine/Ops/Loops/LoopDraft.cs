using Engine.Graph;

namespace Engine.Ops;

/// <summary>Represents a loop under construction: the inputs of its op, and what its step reads and writes.</summary>
internal sealed class LoopDraft
{
    private readonly List<Variable> _inputs = [];
    private readonly List<Input> _given = [];
    private readonly List<LoopRead> _reads = [];
    private readonly List<Variable> _results = [];
    private readonly List<LoopWrite> _writes = [];

    public LoopDraft()
    {
    }

    /// <summary>Creates a draft of an existing loop.</summary>
    public LoopDraft(Scan scan, Apply node)
    {
        _inputs.AddRange(node.Inputs);
        _given.AddRange(scan.Body.Inputs);
        _reads.AddRange(scan.StepReads);
        _results.AddRange(scan.Body.Outputs);
        _writes.AddRange(scan.StepWrites);
        Options = scan;
    }

    /// <summary>Gets the inputs of the op.</summary>
    public IReadOnlyList<Variable> Inputs => _inputs;

    /// <summary>Gets the step's inputs.</summary>
    public IReadOnlyList<Input> Given => _given;

    /// <summary>Gets the source of each of the step's inputs.</summary>
    public List<LoopRead> Reads => _reads;

    /// <summary>Gets the results of the step.</summary>
    public List<Variable> Results => _results;

    /// <summary>Gets the destination of each result.</summary>
    public List<LoopWrite> Writes => _writes;

    /// <summary>Gets or sets a loop from which this one takes all other properties.</summary>
    public Scan Options { get; set; } = new(new FunctionGraph([], [], []), [], []);

    /// <summary>Returns the index of a variable among the op's inputs, to which it is added if necessary.</summary>
    public int Input(Variable variable)
    {
        int index = _inputs.IndexOf(variable);
        if (index < 0)
        {
            index = _inputs.Count;
            _inputs.Add(variable);
        }

        return index;
    }

    /// <summary>Adds an input of the step.</summary>
    public Input Read(TensorType type, LoopRead read, string? name = null) =>
        Read(new Input(type, name), read);

    /// <inheritdoc cref="Read(TensorType, LoopRead, string?)"/>
    public Input Read(Input input, LoopRead read)
    {
        _given.Add(input);
        _reads.Add(read);
        return input;
    }

    /// <summary>Adds a result of the step, and returns its index.</summary>
    public int Write(Variable result, LoopWrite write)
    {
        _results.Add(result);
        _writes.Add(write);
        return _results.Count - 1;
    }

    /// <summary>Replaces some variables in the results of the step.</summary>
    public void Replace(IReadOnlyDictionary<Variable, Variable> map)
    {
        Variable[] replaced = [.. Traversal.Replace(_results, map)];
        _results.Clear();
        _results.AddRange(replaced);
    }

    /// <summary>Returns the loop.</summary>
    public Apply Apply() => Apply(_inputs);

    /// <summary>Returns the loop, applied to other variables.</summary>
    public Apply Apply(IReadOnlyList<Variable> inputs) => (Options with
    {
        Body = new FunctionGraph([.. _given], [.. _results], []),
        StepReads = [.. _reads],
        StepWrites = [.. _writes],
    }).Apply([.. inputs]);
}
