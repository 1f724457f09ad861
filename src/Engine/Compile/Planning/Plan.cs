using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// A function prepared for inputs of given shapes: kernels bound to fixed addresses in one arena. A run allocates
/// nothing; only the thread that holds <see cref="Turn"/> may run it.
/// </summary>
internal sealed class Plan : IDisposable
{
    private readonly Device _device;
    private readonly CompileOptions _options;
    private readonly string _name;
    private readonly Storage _arena;
    private readonly IProgram _program;
    private readonly Operand[] _inputs;
    private readonly Operand[] _outputs;

    /// <param name="graph">The rewritten graph, with every dimension known.</param>
    /// <param name="device">The device.</param>
    /// <param name="options">The options.</param>
    /// <param name="constants">The memory of constants.</param>
    public Plan(FunctionGraph graph, Device device, CompileOptions options, Func<Constant, Storage> constants)
    {
        _device = device;
        _options = options;
        Graph = graph;
        IReadOnlyList<Scheduled> schedule = Compile.Schedule.Create(graph, device.RunsAtOnce);
        Schedule = [.. schedule.Select(scheduled => scheduled.Node)];
        Layout = Layout.Create(graph, schedule, device);
        _arena = device.Allocate(Layout.Memory.ArenaBytes);

        var bound = new BoundGraph(
            Layout, device, new MemoryRange(_arena, 0, Layout.Memory.ArenaBytes),
            shared => new MemoryRange(shared.Allocate(device, device.Allocate, device.Borrow), 0, shared.Type.Bytes),
            constants);
        Levels = bound.Levels;
        _inputs = [.. graph.Inputs.Select(input => bound.At(Layout.AllocationOf(input), input))];
        _outputs = [.. graph.Outputs.Select((output, i) => bound.At(Layout.Outputs[i], output))];
        _program = options switch
        {
            { Mode: Mode.DebugMode } => new DebugProgram(this, device),
            { Mode: Mode.NanGuardMode } => new NanGuardProgram(this, device),
            { Profile: { } profile } => device.Link(bound.Kernels, profile.Add(this, device)),
            _ => device.Link(bound.Kernels),
        };
        string arguments = string.Join(", ", graph.Inputs.Select(input => $"{input} {input.Type}"));
        _name = $"plan ({arguments}) of {Schedule.Count} ops";
    }

    /// <summary>
    /// Gets the graph; the types of its inputs are the shapes, and the values of sizes, that the plan is for.
    /// </summary>
    public FunctionGraph Graph { get; }

    /// <summary>Gets or sets the graphs before it and the rewrites between them.</summary>
    public IReadOnlyList<Rewritten> History { get; init; } = [];

    public IReadOnlyList<Apply> Schedule { get; }

    public Layout Layout { get; }

    /// <summary>Gets the steps, level by level; the steps of one level are independent.</summary>
    public IReadOnlyList<IReadOnlyList<BoundStep>> Levels { get; }

    /// <summary>Gets the program of the device.</summary>
    public IProgram Program => _program;

    /// <summary>Gets the memory of the arguments.</summary>
    public IReadOnlyList<Operand> Inputs => _inputs;

    /// <summary>Gets the memory of all values that are neither shared variables nor constants.</summary>
    public Storage Arena => _arena;

    /// <summary>Gets the lock of the thread that uses the plan.</summary>
    public Lock Turn { get; } = new();

    /// <summary>Gets whether the memory is freed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Returns the same plan in memory of its own.</summary>
    public Plan Another(Func<Constant, Storage> constants) =>
        new(Graph, _device, _options, constants) { History = History, OfOneShape = OfOneShape };

    public int OutputCount => _outputs.Length;

    public Shape OutputShape(int output) => _outputs[output].Type.Shape;

    public DType OutputDType(int output) => _outputs[output].Type.DType;

    /// <summary>
    /// Gets or sets the shared variables with unknown dimensions; the plan is for one of their shapes, even if it uses
    /// only the shape.
    /// </summary>
    public SharedVariable[] OfOneShape { get; init; } = [];

    /// <summary>Gets whether a shared variable has moved to memory that the plan does not know.</summary>
    public bool IsOutdated => Array.Exists(OfOneShape, static variable => !variable.IsInPlace);

    /// <summary>
    /// Returns whether the plan is for arguments of these shapes and, for sizes, these values, and for the current
    /// shapes of the shared variables.
    /// </summary>
    public bool Fits(ReadOnlySpan<Tensor> arguments)
    {
        if (Array.Exists(OfOneShape, static variable => !variable.IsPresent))
        {
            return false;
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            Input input = Graph.Inputs[i];
            if (arguments[i].Shape != input.Shape
                || (input.IsSize && arguments[i].AsSpan<int>()[0] != input.Type.KnownValue))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies the arguments to the plan's inputs.</summary>
    public void Write(ReadOnlySpan<Tensor> arguments)
    {
        for (int i = 0; i < _inputs.Length; i++)
        {
            if (!_device.TryTakePrefetched(arguments[i], _inputs[i]))
            {
                arguments[i].CopyTo(_inputs[i].Storage, _inputs[i].Offset);
            }
        }
    }

    public void Run(int times)
    {
        using IDisposable? range = _device.Range(_name);
        _program.Run(times);
    }

    public void ReadOutput(int output, Span<byte> destination) =>
        _outputs[output].Storage.Read(destination, _outputs[output].Offset);

    public void ReadOutput(int output, Tensor destination) =>
        destination.CopyFrom(_outputs[output].Storage, _outputs[output].Offset);

    public void Dispose()
    {
        IsDisposed = true;
        _program.Dispose();
        _arena.Dispose();
    }
}
