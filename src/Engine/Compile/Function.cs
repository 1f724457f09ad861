using System.Diagnostics;
using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Graph;
using Engine.Rewrites;

namespace Engine.Compile;

/// <summary>
/// A compiled graph. The first call with arguments of given shapes makes a plan for them; later calls with those shapes
/// run it and allocate nothing.
/// </summary>
public sealed partial class Function : IDisposable
{
    private const int MostPlans = 16;

    private readonly FunctionGraph _graph;
    private readonly Dictionary<Constant, Storage> _constants = [];
    private readonly List<Plan> _plans = [];
    private readonly Lock _lock = new();

    private Function(FunctionGraph graph, Device device, CompileOptions options)
    {
        _graph = graph;
        Device = device;
        Options = options;
    }

    /// <summary>How it is compiled.</summary>
    public CompileOptions Options { get; }

    /// <summary>The device it runs on.</summary>
    public Device Device { get; }

    /// <summary>What must be given with each call.</summary>
    public IReadOnlyList<Input> Inputs => _graph.Inputs;

    /// <summary>What each call computes.</summary>
    public IReadOnlyList<Variable> Outputs => _graph.Outputs;

    /// <summary>
    /// The ops that the function applies, each after those it depends on: those of the plan used last, or before there
    /// is one, those that were written.
    /// </summary>
    public IReadOnlyList<Apply> Nodes => _plans.Count > 0 ? _plans[0].Schedule : Traversal.Order(_graph.Roots);

    /// <summary>What one call hands to the device, in order.</summary>
    /// <exception cref="EngineException">There is no plan yet.</exception>
    public IReadOnlyList<Launch> Launches => LastPlan.Program.Launches;

    /// <summary>The plans made so far, the one used last first.</summary>
    internal IReadOnlyList<Plan> Plans => _plans;

    /// <summary>Compiles a graph.</summary>
    /// <param name="inputs">What is given with each call, in this order.</param>
    /// <param name="outputs">What a call returns; none for a function that only updates.</param>
    /// <param name="updates">The new values of shared variables, all computed from the old ones.</param>
    /// <param name="givens">Variables to replace in all that is computed.</param>
    /// <param name="device">Where it runs; by default <see cref="Device.Default"/>.</param>
    /// <param name="options">How it is compiled; by default <see cref="CompileOptions.Default"/>.</param>
    /// <exception cref="EngineException">
    /// An input is missing, unused or listed twice, or an update or given does not fit.
    /// </exception>
    public static Function Compile(
        IReadOnlyList<Variable> inputs,
        IReadOnlyList<Variable> outputs,
        IEnumerable<Update>? updates = null,
        IEnumerable<Given>? givens = null,
        Device? device = null,
        CompileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        Input[] arguments = [.. inputs.Select(variable => variable as Input ?? throw new EngineException(
            $"'{variable}' cannot be an input of a function: only a variable without a value can. "
            + "Use a given instead."))];
        var graph = FunctionGraph.Create(arguments, outputs, updates ?? [], givens ?? []);
        return new Function(graph, device ?? Device.Default, options ?? CompileOptions.Default);
    }

    /// <summary>Runs the function and returns copies of its outputs.</summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    public Tensor[] Call(params ReadOnlySpan<Tensor> arguments)
    {
        lock (_lock)
        {
            Plan plan = PlanFor(arguments);
            plan.Run(arguments, 1);
            var outputs = new Tensor[Outputs.Count];
            for (int i = 0; i < outputs.Length; i++)
            {
                outputs[i] = new Tensor(plan.OutputDType(i), plan.OutputShape(i));
                plan.ReadOutput(i, outputs[i]);
            }

            return outputs;
        }
    }

    /// <summary>Runs the function; the outputs stay on the device, for <see cref="ReadOutput"/>.</summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    public void Run(params ReadOnlySpan<Tensor> arguments) => RunMany(1, arguments);

    /// <summary>Runs the function several times over with the same arguments, with no host in between.</summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    public void RunMany(int times, params ReadOnlySpan<Tensor> arguments)
    {
        lock (_lock)
        {
            PlanFor(arguments).Run(arguments, times);
        }
    }

    /// <summary>
    /// Makes the plan for arguments of these shapes (and, for sizes, these values) without running it, so that the
    /// first call need not.
    /// </summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    public void Prepare(params ReadOnlySpan<Tensor> arguments)
    {
        lock (_lock)
        {
            PlanFor(arguments);
        }
    }

    /// <summary>Copies an output of the last run.</summary>
    /// <exception cref="EngineException">
    /// The function has not run, or the output is of another dtype or size.
    /// </exception>
    public void ReadOutput<T>(int output, Span<T> destination) where T : unmanaged
    {
        lock (_lock)
        {
            Plan plan = _plans.Count > 0 ? _plans[0] : throw new EngineException("The function has not run yet.");
            if (plan.OutputDType(output) != DTypes.Of<T>() || plan.OutputShape(output).Count != destination.Length)
            {
                throw new EngineException(
                    $"Output {output} is {plan.OutputDType(output).Name()} {plan.OutputShape(output)}, "
                    + $"not {destination.Length} elements of {DTypes.Of<T>().Name()}.");
            }

            plan.ReadOutput(output, MemoryMarshal.AsBytes(destination));
        }
    }

    /// <summary>Frees the memory of all plans.</summary>
    public void Dispose()
    {
        _plans.ForEach(plan => plan.Dispose());
        _plans.Clear();
        foreach (Storage constant in _constants.Values)
        {
            constant.Dispose();
        }

        _constants.Clear();
    }

    private Plan PlanFor(ReadOnlySpan<Tensor> arguments)
    {
        Check(arguments);
        int index = 0;
        while (index < _plans.Count && !_plans[index].Fits(arguments))
        {
            index++;
        }

        Plan plan;
        if (index < _plans.Count)
        {
            plan = _plans[index];
            if (index == 0)
            {
                return plan;
            }

            _plans.RemoveAt(index);
        }
        else
        {
            plan = NewPlan(arguments);
        }

        _plans.Insert(0, plan);
        if (_plans.Count > MostPlans)
        {
            _plans[^1].Dispose();
            _plans.RemoveAt(_plans.Count - 1);
        }

        return plan;
    }

    private Plan NewPlan(ReadOnlySpan<Tensor> arguments)
    {
        var clock = Stopwatch.StartNew();
        FunctionGraph graph = _graph.Specialise(Types(arguments));
        List<Rewritten> history = [new("written", graph, clock.Elapsed)];
        foreach (Rewrite rewrite in Options.Rewrites)
        {
            clock.Restart();
            graph = rewrite.Apply(graph, Device);
            history.Add(new Rewritten(rewrite.Name, graph, clock.Elapsed));
        }

        return new Plan(graph, Device, Options, ConstantStorage) { History = history };
    }

    private void Check(ReadOnlySpan<Tensor> arguments)
    {
        if (arguments.Length != Inputs.Count)
        {
            throw new EngineException($"The function takes {Inputs.Count} arguments, not {arguments.Length}.");
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            Input input = Inputs[i];
            if (arguments[i].DType != input.DType || !input.Shape.Admits(arguments[i].Shape))
            {
                throw new EngineException($"The input '{input}' is {input.Type} and cannot take a {arguments[i]}.");
            }
        }
    }

    private TensorType[] Types(ReadOnlySpan<Tensor> arguments)
    {
        var types = new TensorType[arguments.Length];
        for (int i = 0; i < types.Length; i++)
        {
            int? size = Inputs[i].IsSize ? arguments[i].AsSpan<int>()[0] : null;
            types[i] = new TensorType(arguments[i].DType, arguments[i].Shape, size);
        }

        return types;
    }

    private Storage ConstantStorage(Constant constant)
    {
        if (!_constants.TryGetValue(constant, out Storage? storage))
        {
            storage = Device.Allocate(constant.Type.Bytes);
            constant.Value.CopyTo(storage);
            _constants.Add(constant, storage);
        }

        return storage;
    }
}
