using Engine.Graph;
using Engine.IO;

namespace Engine.Onnx;

/// <summary>Represents the error that the graph can be built only after more is known about some inputs.</summary>
internal sealed class NotKnownException(string message, IReadOnlyList<(Input Input, bool IsValue)> inputs)
    : EngineException(message)
{
    /// <summary>Gets the inputs, and whether their values must be known, or only their shapes.</summary>
    public IReadOnlyList<(Input Input, bool IsValue)> Inputs { get; } = inputs;
}

/// <summary>Converts an ONNX graph to this library's graph, node by node.</summary>
internal sealed class OnnxImporter
{
    /// <summary>The largest depth of nested graphs and function calls.</summary>
    private const int Deepest = 24;

    /// <summary>The maximum number of nodes. Nodes of unrolled loops and of functions count each time.</summary>
    private const int MaxNodes = 250_000;

    private readonly OnnxImporter? _outer;
    private readonly Dictionary<string, OnnxValue?> _values = [];
    private readonly IReadOnlyDictionary<string, OnnxSetting>? _settings;
    private readonly int _depth;
    private readonly Budget _budget;

    public OnnxImporter(OnnxFile file, string path, Func<OnnxTensor, Variable> parameter)
    {
        (File, Path, Parameter, OpSets, _budget) = (file, path, parameter, file.OpSets, new Budget());
    }

    private OnnxImporter(OnnxImporter outer, bool seesOuter)
    {
        (File, Path, Parameter, OpSets, _depth) =
            (outer.File, outer.Path, outer.Parameter, outer.OpSets, outer._depth + 1);
        _budget = outer._budget;
        _outer = seesOuter ? outer : null;
        _settings = outer._settings;
        if (_depth > Deepest)
        {
            throw new ModelFileException($"{Path}: graphs and functions stand in one another deeper than {Deepest}.");
        }
    }

    private OnnxImporter(
        OnnxImporter caller, OnnxFunctionFile function, IReadOnlyDictionary<string, OnnxSetting> settings)
        : this(caller, seesOuter: false) =>
        (_settings, OpSets) = (settings, function.OpSets.Count > 0 ? function.OpSets : caller.OpSets);

    public OnnxFile File { get; }

    public string Path { get; }

    public Func<OnnxTensor, Variable> Parameter { get; }

    public IReadOnlyDictionary<string, long> OpSets { get; }

    /// <summary>Returns the outputs of a graph with given inputs.</summary>
    public OnnxValue[] Graph(
        OnnxGraphFile graph, IReadOnlyDictionary<string, OnnxValue> inputs, IReadOnlyList<string>? outputs = null)
    {
        if (graph.HasSparse)
        {
            throw new ModelFileException($"{Path}: the graph '{graph.Name}' has sparse tensors: there are none here.");
        }

        foreach (OnnxTensor tensor in graph.Initializers)
        {
            _values[tensor.Name] = OnnxValue.Of(tensor, Parameter);
        }

        foreach ((string name, OnnxValue value) in inputs)
        {
            _values[name] = value;
        }

        outputs ??= [.. graph.Outputs.Select(output => output.Name)];
        Nodes(graph.Nodes, outputs);
        return [.. outputs.Select(name => Value(name) ?? throw new ModelFileException(
            $"{Path}: no node gives the output '{name}' of the graph '{graph.Name}'."))];
    }

    /// <summary>Returns the outputs of a graph within a node, which can use the names around it.</summary>
    public OnnxValue[] Inner(OnnxGraphFile graph, params IReadOnlyList<OnnxValue> inputs)
    {
        if (inputs.Count != graph.Inputs.Count)
        {
            throw new EngineException(
                $"the graph '{graph.Name}' has {graph.Inputs.Count} inputs, and {inputs.Count} are given");
        }

        return new OnnxImporter(this, seesOuter: true).Graph(
            graph, graph.Inputs.Zip(inputs).DistinctBy(pair => pair.First.Name)
                .ToDictionary(pair => pair.First.Name, pair => pair.Second));
    }

    /// <summary>Returns the value of a name, here or in outer graphs; null if there is none.</summary>
    public OnnxValue? Value(string name)
    {
        for (OnnxImporter? at = this; at is not null; at = at._outer)
        {
            if (at._values.TryGetValue(name, out OnnxValue? value))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Returns whether a name is an optional input of a function that the call leaves out.</summary>
    private bool IsLeftOut(string name)
    {
        OnnxImporter? at = this;
        while (at is not null && !at._values.ContainsKey(name))
        {
            at = at._outer;
        }

        return at is not null && at._values[name] is null;
    }

    /// <summary>Throws if nodes use unsupported ops, before anything is built.</summary>
    /// <exception cref="ModelFileException">An op is not supported.</exception>
    public static void Check(OnnxFile file, string path, OnnxGraphFile graph) =>
        Check(file, path, graph.Nodes, file.OpSets, 0);

    private static void Check(
        OnnxFile file, string path, IReadOnlyList<OnnxNodeFile> nodes, IReadOnlyDictionary<string, long> opSets,
        int depth)
    {
        foreach (OnnxNodeFile node in nodes)
        {
            if (!file.Functions.ContainsKey((node.Domain, node.Op)) && OnnxTable.Find(node, opSets) is null)
            {
                throw NoOp(file, path, node, opSets);
            }

            foreach (OnnxSetting setting in node.Settings.Values)
            {
                if (setting.Graph is { } inner && depth < Deepest)
                {
                    Check(file, path, inner.Nodes, opSets, depth + 1);
                }
            }
        }
    }

    /// <summary>Returns the error of an unsupported op.</summary>
    public static ModelFileException NoOp(
        OnnxFile file, string path, OnnxNodeFile node, IReadOnlyDictionary<string, long> opSets)
    {
        string domain = node.Domain.Length == 0 ? "" : $"{node.Domain}:";
        string why = OnnxTable.WhyNot(node, opSets);
        return new ModelFileException(
            $"{path}: {domain}{node.Op} of opset {OpSetOf(node, opSets)} is not there, which the node '{node.Called}' "
            + $"is{Made(file)}: {why}");
    }

    private static string OpSetOf(OnnxNodeFile node, IReadOnlyDictionary<string, long> opSets) =>
        opSets.TryGetValue(node.Domain, out long set) ? $"{set}" : "?";

    private static string Made(OnnxFile file) => file.Producer.Length == 0
        ? ""
        : $" (made by {file.Producer}{(file.ProducerVersion.Length > 0 ? " " : "")}{file.ProducerVersion})";

    private void Nodes(IReadOnlyList<OnnxNodeFile> nodes, IReadOnlyList<string> outputs)
    {
        foreach (OnnxNodeFile node in Needed(nodes, outputs))
        {
            OnnxValue?[] results = Results(node);
            for (int i = 0; i < node.Outputs.Count; i++)
            {
                string name = node.Outputs[i];
                if (name.Length == 0)
                {
                    continue;
                }

                if (i >= results.Length || results[i] is not { } result)
                {
                    throw Refusal(node, $"its output {i}, '{name}', is not there");
                }

                if (!_values.TryAdd(name, result))
                {
                    throw new ModelFileException(
                        $"{Path}: two nodes give '{name}', the latter being '{node.Called}' ({node.Op}).");
                }
            }
        }
    }

    /// <summary>Returns the nodes that the outputs depend on, in the file's order.</summary>
    private static List<OnnxNodeFile> Needed(IReadOnlyList<OnnxNodeFile> nodes, IReadOnlyList<string> outputs)
    {
        HashSet<string> needed = [.. outputs];
        var kept = new List<OnnxNodeFile>();
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            if (nodes[i].Outputs.Any(needed.Contains))
            {
                kept.Add(nodes[i]);
                Uses(nodes[i], needed, 0);
            }
        }

        kept.Reverse();
        return kept;
    }

    /// <summary>Returns all names that results depend on.</summary>
    public static HashSet<string> Names(OnnxGraphFile graph, IReadOnlyList<string> outputs) =>
        [.. outputs, .. Needed(graph.Nodes, outputs).SelectMany(Used)];

    private static HashSet<string> Used(OnnxNodeFile node)
    {
        HashSet<string> used = [];
        Uses(node, used, 0);
        return used;
    }

    private static void Uses(OnnxNodeFile node, HashSet<string> needed, int depth)
    {
        needed.UnionWith(node.Inputs);
        if (node.Settings.GetValueOrDefault("y") is { Text: { } gradientOf } && node.Op == "Gradient")
        {
            needed.Add(gradientOf);
        }

        foreach (OnnxGraphFile inner in node.Settings.Values.Select(setting => setting.Graph).OfType<OnnxGraphFile>())
        {
            needed.UnionWith(inner.Outputs.Select(output => output.Name));
            foreach (OnnxNodeFile within in depth < Deepest ? inner.Nodes : [])
            {
                Uses(within, needed, depth + 1);
            }
        }
    }

    private OnnxValue?[] Results(OnnxNodeFile node)
    {
        var inputs = new OnnxValue?[node.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            string name = node.Inputs[i];
            inputs[i] = name.Length == 0 || IsLeftOut(name) ? null : Value(name) ?? throw new ModelFileException(
                $"{Path}: the node '{node.Called}' ({node.Op}) uses '{name}', "
                + "which no input and no node before it gives.");
        }

        if (--_budget.Nodes < 0)
        {
            throw new ModelFileException(
                $"{Path}: with its loops and functions written out it has more than {MaxNodes} nodes.");
        }

        IReadOnlyDictionary<string, OnnxSetting> settings = Settings(node);
        try
        {
            using Origin.Scope origin = Origin.Use(new Origin(null, 0) { Layer = node.Layer });
            if (File.Functions.TryGetValue((node.Domain, node.Op), out OnnxFunctionFile? function))
            {
                return Call(function, inputs, settings);
            }

            OnnxOp op = OnnxTable.Find(node, OpSets) ?? throw NoOp(File, Path, node, OpSets);
            var given = new OnnxNode(this, node, op, inputs, settings);
            OnnxValue?[] results = op.Import(given);
            given.RequireAllRead();
            return ShapeNumbers.With(given, results);
        }
        catch (EngineException error) when (error is not (ModelFileException or NotKnownException))
        {
            throw Refusal(node, Bare(error.Message), error);
        }
        catch (Exception error) when (error is OverflowException or ArgumentException or IndexOutOfRangeException
            or InvalidOperationException or DivideByZeroException)
        {
            // This is for consequences of invalid sizes that are not checked elsewhere.
            throw Refusal(node, $"its sizes or settings do not fit together ({error.Message.TrimEnd('.')})", error);
        }
    }

    private ModelFileException Refusal(OnnxNodeFile node, string why, Exception? cause = null) => new(
        $"{Path}: the node '{node.Called}' ({node.Op}, opset {OpSetOf(node, OpSets)}{Made(File)}) cannot be "
        + $"imported: {why}.", cause);

    /// <summary>Returns a message without its full stop.</summary>
    private static string Bare(string message) => message.TrimEnd('.');

    /// <summary>Returns a node's attributes. Nodes of a function take some from the call.</summary>
    private IReadOnlyDictionary<string, OnnxSetting> Settings(OnnxNodeFile node)
    {
        if (!node.Settings.Values.Any(setting => setting.From.Length > 0))
        {
            return node.Settings;
        }

        var settings = new Dictionary<string, OnnxSetting>();
        foreach (OnnxSetting setting in node.Settings.Values)
        {
            if (setting.From.Length == 0)
            {
                settings.Add(setting.Name, setting);
            }
            else if (_settings?.GetValueOrDefault(setting.From) is { } given)
            {
                settings.Add(setting.Name, given with { Name = setting.Name });
            }
        }

        return settings;
    }

    private OnnxValue?[] Call(
        OnnxFunctionFile function, OnnxValue?[] inputs, IReadOnlyDictionary<string, OnnxSetting> settings)
    {
        var given = settings.ToDictionary();
        foreach (OnnxSetting setting in function.Defaults)
        {
            given.TryAdd(setting.Name, setting);
        }

        var body = new OnnxImporter(this, function, given);
        for (int i = 0; i < function.Inputs.Count; i++)
        {
            body._values[function.Inputs[i]] = i < inputs.Length ? inputs[i] : null;
        }

        body.Nodes(function.Nodes, function.Outputs);
        return [.. function.Outputs.Select(body.Value)];
    }

    /// <summary>Counts the nodes that are still allowed.</summary>
    private sealed class Budget
    {
        public int Nodes { get; set; } = MaxNodes;
    }
}
