using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// Represents a compiled graph. The first call with arguments of given shapes makes a plan for them. Later calls with
/// those shapes run the plan and allocate only their results.
/// </summary>
/// <remarks>
/// Any number of threads may call a function, or functions that share variables, at the same time: each gets the
/// results of its own arguments. Calls that only read shared variables run at the same time. A call that updates them
/// waits for the calls that use them, and they wait for it, so each call sees either all values that another call has
/// left or none of them. <see cref="Run"/> or <see cref="RunMany"/> followed by <see cref="ReadOutput"/> are two steps,
/// and another thread's call may come between them: threads that share a function use
/// <see cref="Call(ReadOnlySpan{Tensor})"/>, or <see cref="Call(ReadOnlySpan{Tensor}, ReadOnlySpan{Tensor})"/>, which
/// allocates nothing. <see cref="Dispose"/> waits for running calls; later calls throw.
/// </remarks>
public sealed partial class Function : IDisposable
{
    private readonly FunctionGraph _graph;
    private readonly SharedVariable[] _variables;
    private readonly (Gate Gate, bool IsChanged)[] _gates;
    private Plan? _last;

    private Function(FunctionGraph graph, Device device, CompileOptions options)
    {
        _graph = graph;
        Device = device;
        Options = options;
        HashSet<SharedVariable> changed = [.. graph.Updates.Select(update => update.Target)];
        _variables = [.. graph.Shared];
        _gates = [.. _variables
            .GroupBy(variable => variable.Gate)
            .Select(same => (same.Key, same.Any(changed.Contains)))
            .OrderBy(gate => gate.Key.Order)];
    }

    /// <summary>Gets the options with which it was compiled.</summary>
    public CompileOptions Options { get; }

    /// <summary>Gets the device it runs on.</summary>
    public Device Device { get; }

    /// <summary>Gets the inputs that each call must give.</summary>
    public IReadOnlyList<Input> Inputs => _graph.Inputs;

    /// <summary>Gets the variables that each call computes.</summary>
    public IReadOnlyList<Variable> Outputs => _graph.Outputs;

    /// <summary>
    /// Gets the ops that the function applies, each after the ops it depends on: those of the most recent plan, or of
    /// the graph as written if there is no plan yet.
    /// </summary>
    public IReadOnlyList<Apply> Nodes => LatestPlan?.Schedule ?? Traversal.Order(_graph.Roots);

    /// <summary>Gets the launches of one call, in order.</summary>
    /// <exception cref="EngineException">There is no plan yet.</exception>
    public IReadOnlyList<Launch> Launches => LastPlan.Program.Launches;

    /// <summary>Compiles a graph.</summary>
    /// <param name="inputs">The inputs of each call, in this order.</param>
    /// <param name="outputs">The results of a call; none for a function that only updates.</param>
    /// <param name="updates">The new values of shared variables, all computed from the old ones.</param>
    /// <param name="givens">Variables to replace in the whole graph.</param>
    /// <param name="device">The device; by default <see cref="Device.Default"/>.</param>
    /// <param name="options">The options; by default <see cref="CompileOptions.Default"/>.</param>
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
    /// <exception cref="ObjectDisposedException">
    /// The function, its device or a shared variable that it uses was disposed of.
    /// </exception>
    public Tensor[] Call(params ReadOnlySpan<Tensor> arguments)
    {
        Plan plan = Begin(arguments);
        try
        {
            plan.Run(1);
            var outputs = new Tensor[Outputs.Count];
            for (int i = 0; i < outputs.Length; i++)
            {
                outputs[i] = new Tensor(plan.OutputDType(i), plan.OutputShape(i));
                plan.ReadOutput(i, outputs[i]);
            }

            return outputs;
        }
        finally
        {
            End(plan);
        }
    }

    /// <summary>
    /// Runs the function and copies its outputs into the caller's tensors. It allocates nothing if there is a plan for
    /// these shapes.
    /// </summary>
    /// <param name="arguments">The arguments, one for each input.</param>
    /// <param name="outputs">The destinations: for each output a tensor of its dtype and shape.</param>
    /// <exception cref="EngineException">
    /// The dtype or the shape of an argument or of a tensor for an output does not fit; nothing has run.
    /// </exception>
    /// <exception cref="ObjectDisposedException">
    /// The function, its device or a shared variable that it uses was disposed of.
    /// </exception>
    public void Call(ReadOnlySpan<Tensor> arguments, ReadOnlySpan<Tensor> outputs)
    {
        Plan plan = Begin(arguments);
        try
        {
            Check(plan, outputs);
            plan.Run(1);
            for (int i = 0; i < outputs.Length; i++)
            {
                plan.ReadOutput(i, outputs[i]);
            }
        }
        finally
        {
            End(plan);
        }
    }

    /// <summary>
    /// Runs the function; the outputs stay on the device, for <see cref="ReadOutput"/>. If several threads use the
    /// function, another call may come between the two; they use <see cref="Call(ReadOnlySpan{Tensor})"/> instead.
    /// </summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    /// <exception cref="ObjectDisposedException">
    /// The function, its device or a shared variable that it uses was disposed of.
    /// </exception>
    public void Run(params ReadOnlySpan<Tensor> arguments) => RunMany(1, arguments);

    /// <summary>
    /// Runs the function several times with the same arguments, without the host in between. Another thread's call may
    /// come between two of these runs.
    /// </summary>
    /// <inheritdoc cref="Run"/>
    public void RunMany(int times, params ReadOnlySpan<Tensor> arguments)
    {
        Plan? plan = Begin(arguments);
        try
        {
            for (int left = times; left > 0;)
            {
                // A GPU is faster with all runs in one program; on the CPU, other callers get their turn between runs.
                int runs = Device.IsGpu ? left : 1;
                plan.Run(runs);
                left -= runs;
                if (left > 0 && IsWanted)
                {
                    End(plan);
                    plan = null;
                    plan = Begin(arguments);
                }
            }
        }
        finally
        {
            if (plan is not null)
            {
                End(plan);
            }
        }
    }

    /// <summary>
    /// Makes the plan for arguments of these shapes (and, for sizes, these values) without running it, so that the
    /// first call need not make it.
    /// </summary>
    /// <exception cref="EngineException">An argument's dtype or shape does not fit.</exception>
    public void Prepare(params ReadOnlySpan<Tensor> arguments)
    {
        // Only shapes are read, so other threads may read the values too.
        EnterGates(toChange: false);
        try
        {
            Take(Complete(arguments)).Turn.Exit();
        }
        finally
        {
            ExitGates();
        }
    }

    /// <summary>Copies an output of the last run of any thread: see <see cref="Run"/>.</summary>
    /// <exception cref="EngineException">
    /// The function has not run, or the output is of another dtype or size.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The function was disposed of.</exception>
    public void ReadOutput<T>(int output, Span<T> destination) where T : unmanaged
    {
        ThrowIfDisposed();
        Plan plan = Volatile.Read(ref _last) ?? throw new EngineException("The function has not run yet.");
        lock (plan.Turn)
        {
            ThrowIfDisposed();
            if (plan.OutputDType(output) != DTypes.Of<T>() || plan.OutputShape(output).Count != destination.Length)
            {
                throw new EngineException(
                    $"Output {output} is {plan.OutputDType(output).Name()} {plan.OutputShape(output)}, "
                    + $"not {destination.Length} elements of {DTypes.Of<T>().Name()}.");
            }

            plan.ReadOutput(output, MemoryMarshal.AsBytes(destination));
        }
    }

    /// <summary>
    /// Returns the same graph as a separate function, with plans of its own, on the same device: Theano's <c>copy</c>.
    /// </summary>
    /// <param name="swap">Shared variables to replace by others, in outputs and in updates.</param>
    /// <param name="withUpdates">Whether it updates shared variables.</param>
    /// <exception cref="EngineException">
    /// A variable has another type than the one that it replaces, or the function does not use that.
    /// </exception>
    public Function Copy(IReadOnlyDictionary<SharedVariable, SharedVariable>? swap = null, bool withUpdates = true)
    {
        swap ??= new Dictionary<SharedVariable, SharedVariable>();
        HashSet<Variable> used =
            [.. FunctionGraph.Leaves(_graph.Roots), .. _graph.Updates.Select(update => update.Target)];
        foreach ((SharedVariable variable, SharedVariable other) in swap)
        {
            if (!used.Contains(variable))
            {
                throw new EngineException(
                    $"'{variable}' ({variable.Type}) cannot be replaced: the function does not use it.");
            }

            if (variable.Type != other.Type)
            {
                throw new EngineException(
                    $"'{other}' ({other.Type}) cannot take the place of '{variable}' ({variable.Type}).");
            }
        }

        FunctionGraph graph = (withUpdates ? _graph : _graph with { Updates = [] })
            .Replace(swap.ToDictionary(pair => (Variable)pair.Key, pair => (Variable)pair.Value));
        return new Function(
            graph with
            {
                Updates = [.. graph.Updates.Select(update =>
                    update with { Target = swap.GetValueOrDefault(update.Target, update.Target) })],
            },
            Device,
            Options);
    }

    /// <summary>Returns the arguments, completed with the inputs' default values.</summary>
    private ReadOnlySpan<Tensor> Complete(ReadOnlySpan<Tensor> arguments)
    {
        if (arguments.Length >= Inputs.Count || Inputs[arguments.Length].Default is null)
        {
            return arguments;
        }

        List<Tensor> all = [.. arguments];
        while (all.Count < Inputs.Count && Inputs[all.Count].Default is { } value)
        {
            all.Add(value);
        }

        return all.ToArray();
    }

    /// <summary>
    /// Returns the plan for these arguments, with the arguments written to it and the gates of all its values entered.
    /// </summary>
    private Plan Begin(ReadOnlySpan<Tensor> arguments)
    {
        arguments = Complete(arguments);
        Check(arguments);
        Device.ThrowIfDisposed();
        EnterGates();
        Plan? plan = null;
        try
        {
            foreach (SharedVariable variable in _variables)
            {
                variable.ThrowIfDisposed();
            }

            plan = Take(arguments);
            plan.Write(arguments);
            Volatile.Write(ref _last, plan);
            return plan;
        }
        catch
        {
            plan?.Turn.Exit();
            ExitGates();
            throw;
        }
    }

    private void End(Plan plan)
    {
        plan.Turn.Exit();
        ExitGates();
    }

    /// <summary>Whether another thread waits for values that this function uses.</summary>
    private bool IsWanted => Array.Exists(_gates, static gate => gate.Gate.IsWanted);

    private void EnterGates(bool toChange = true)
    {
        int entered = 0;
        try
        {
            for (; entered < _gates.Length; entered++)
            {
                _gates[entered].Gate.Enter(toChange && _gates[entered].IsChanged);
            }
        }
        catch
        {
            ExitGates(entered);
            throw;
        }
    }

    private void ExitGates() => ExitGates(_gates.Length);

    private void ExitGates(int entered)
    {
        while (entered > 0)
        {
            _gates[--entered].Gate.Exit();
        }
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
                throw new EngineException(
                    $"The input '{input}' is {input.Type} and cannot take a {arguments[i].TypeText}.");
            }
        }
    }

    private static void Check(Plan plan, ReadOnlySpan<Tensor> outputs)
    {
        if (outputs.Length != plan.OutputCount)
        {
            throw new EngineException($"The function has {plan.OutputCount} outputs, not {outputs.Length}.");
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].DType != plan.OutputDType(i) || outputs[i].Shape != plan.OutputShape(i))
            {
                throw new EngineException(
                    $"Output {i} is {plan.OutputDType(i).Name()} {plan.OutputShape(i)} and does not go into a "
                    + $"{outputs[i].TypeText}.");
            }
        }
    }
}
