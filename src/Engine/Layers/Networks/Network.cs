using System.Globalization;
using System.Runtime.CompilerServices;
using Engine.Distributed;
using Engine.Graph;
using Engine.IO;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Connects layers and holds their parameters: a graph with named inputs and outputs, for training and for prediction.
/// It contains no data and does no training. <see cref="GetOutput(Variable, string?, bool)"/> applies it to any
/// variable, so several networks may be parts of one graph. <see cref="Training.Trainer"/> and
/// <see cref="Training.NeuralNet"/> train it.
/// </summary>
/// <remarks>It is built on first use. Layers that do not fit cause an error then.</remarks>
public sealed class Network : IDisposable
{
    private readonly Func<IReadOnlyList<Node>> _outputs;
    private readonly Dictionary<string, int> _byName = [];
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, RandomStream> _streams = [];
    private readonly HashSet<string> _frozen = [];
    private readonly Lock _lock = new();
    private Gate? _gate;
    private volatile Structure? _structure;

    /// <summary>Creates a chain of these layers; the first is an <see cref="Layers.Input"/>.</summary>
    [OverloadResolutionPriority(1)]
    public Network(params ReadOnlySpan<Layer> layers)
    {
        (string? Name, Layer Layer)[] chain = [.. layers.ToArray().Select(layer => ((string?)null, NotNull(layer)))];
        _outputs = () => [PlacedLayer.Chain(chain)];
    }

    /// <summary>Creates a chain of these named layers.</summary>
    public Network(params ReadOnlySpan<(string Name, Layer Layer)> layers)
    {
        (string? Name, Layer Layer)[] chain =
            [.. layers.ToArray().Select(pair => ((string?)pair.Name, NotNull(pair.Layer)))];
        _outputs = () => [PlacedLayer.Chain(chain)];
    }

    /// <summary>
    /// Creates a network of any shape from its outputs and all layers that they depend on. The first output predicts.
    /// </summary>
    public Network(params ReadOnlySpan<Node> outputs)
    {
        Node[] nodes = [.. outputs.ToArray().Select(NotNull)];
        _outputs = () => nodes;
    }

    internal Network(IReadOnlyList<(string? Name, Layer Layer)> layers, DType floatX, ulong seed)
    {
        (FloatX, Seed) = (floatX, seed);
        _outputs = () => [PlacedLayer.Chain(layers)];
    }

    /// <summary>Gets or sets the floating-point type of parameters and outputs.</summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>Gets or sets the seed of initial values and of the layers' random numbers.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Gets or sets another network that shares parameters of the same names with this one, such as the encoder of an
    /// autoencoder. It must live as long.
    /// </summary>
    public Network? SharesWith { get; init; }

    /// <summary>Gets the inputs in the order in which its layers need them. Each has the name of its layer.</summary>
    public IReadOnlyList<Graph.Input> Inputs => Built.Inputs;

    /// <summary>Gets the layers; each comes after its inputs.</summary>
    public IReadOnlyList<NetworkLayer> Layers => Built.Layers;

    /// <summary>Gets the output layers in the order in which they were given.</summary>
    public IReadOnlyList<NetworkLayer> Outputs => [.. Built.Outputs.Select(index => Built.Layers[index])];

    /// <summary>
    /// Gets all parameters with their tags, in the order in which the layers ask for them. For the learned ones, use
    /// <c>network.Parameters.Where(p => p.IsTrainable)</c>.
    /// </summary>
    public IReadOnlyList<Parameter> Parameters
    {
        get
        {
            _ = Built;
            return [.. _parameters.Select(parameter => parameter with { IsFrozen = _frozen.Contains(parameter.Name) })];
        }
    }

    /// <summary>Gets the parameters that training changes.</summary>
    public IReadOnlyList<SharedVariable> Trainable =>
        [.. Parameters.Where(parameter => parameter.IsTrainable).Select(parameter => parameter.Variable)];

    /// <summary>Gets the number of values that training changes.</summary>
    public long LearnableCount => Trainable.Sum(variable => variable.Shape.Count);

    /// <summary>Gets the first input.</summary>
    internal Graph.Input Input => Inputs[0];

    /// <summary>Gets the first output in prediction mode: without dropout, with running means.</summary>
    internal Variable Output => Outputs[0].Output;

    /// <summary>Gets the layers' random streams by the layer's name.</summary>
    internal IReadOnlyDictionary<string, RandomStream> Streams => _streams;

    /// <summary>
    /// Gets the number of calls of Freeze and Unfreeze. Functions that were compiled before the last one are outdated.
    /// </summary>
    internal int Version { get; private set; }

    /// <summary>Gets the gate for threads that read or change parameters.</summary>
    internal Gate Gate => _gate!;

    private Structure Built
    {
        get
        {
            if (_structure is null)
            {
                lock (_lock)
                {
                    _structure ??= PutTogether();
                }
            }

            return _structure;
        }
    }

    /// <summary>
    /// Returns the output of a layer for a variable, as part of any graph:
    /// <c>discriminator.GetOutput(generator.GetOutput(z))</c>.
    /// </summary>
    /// <param name="input">The input. The network must have a single one.</param>
    /// <param name="layer">The layer's name; null for the network's first output.</param>
    /// <param name="isTraining">Whether layers behave as in training, for example drop values.</param>
    /// <exception cref="EngineException">There is no such layer, or the variable does not fit.</exception>
    public Variable GetOutput(Variable input, string? layer = null, bool isTraining = false)
    {
        NetworkOutputs outputs = GetOutputs([input], isTraining);
        return layer is null ? outputs.Output : outputs[layer];
    }

    /// <summary>
    /// Returns the outputs of all layers for some variables, and the updates of a training step besides the update
    /// rule's.
    /// </summary>
    /// <param name="inputs">A variable for each of <see cref="Inputs"/>.</param>
    /// <param name="isTraining">Whether layers behave as in training, for example drop values.</param>
    /// <exception cref="EngineException">The number of variables is wrong, or one does not fit.</exception>
    public NetworkOutputs GetOutputs(IReadOnlyList<Variable> inputs, bool isTraining = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count != Inputs.Count)
        {
            throw new EngineException(
                $"The network has {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(input => $"'{input}'"))}), "
                + $"and {inputs.Count} are given.");
        }

        foreach ((Graph.Input own, Variable given) in Inputs.Zip(inputs))
        {
            ArgumentNullException.ThrowIfNull(given, nameof(inputs));
            if (given.DType != own.DType || given.Rank != own.Rank || !own.Shape.Admits(given.Shape))
            {
                throw new EngineException($"The network's input '{own}' is {own.Type} and cannot be a {given.Type}.");
            }
        }

        // Build on the network's own inputs, whose dimensions are known, and then replace them: the variables'
        // dimensions may be unknown.
        NetworkOutputs outputs = Build(Inputs, isTraining);
        Dictionary<Variable, Variable> others = Inputs.Zip(inputs).Where(pair => pair.First != pair.Second)
            .ToDictionary(pair => (Variable)pair.First, pair => pair.Second);
        return others.Count == 0 ? outputs : outputs.On(others);
    }

    /// <summary>Freezes parameters from the next call of Fit or the next <see cref="Training.Trainer"/> on.</summary>
    /// <param name="patterns">
    /// Names of parameters or layers. <c>*</c> stands for any characters, <c>?</c> for one: <c>conv*</c>.
    /// </param>
    /// <exception cref="EngineException">A pattern matches no parameter and no layer.</exception>
    public void Freeze(params IReadOnlyList<string> patterns) => SetFrozen(patterns, isFrozen: true);

    /// <summary>
    /// Makes parameters trainable again that <see cref="Freeze"/> froze. The patterns may differ from those.
    /// </summary>
    /// <inheritdoc cref="Freeze"/>
    public void Unfreeze(params IReadOnlyList<string> patterns) => SetFrozen(patterns, isFrozen: false);

    /// <summary>Frees the memory of the parameters. The network cannot be used after this.</summary>
    public void Dispose()
    {
        foreach (Parameter parameter in _parameters.Where(own => SharesWith?._byName.ContainsKey(own.Name) != true))
        {
            parameter.Variable.Dispose();
        }

        foreach (RandomStream stream in _streams.Values)
        {
            stream.State.Dispose();
        }
    }

    /// <summary>Returns the layers, one per line: name, kind, inputs, and the shape of the output.</summary>
    public override string ToString()
    {
        var table = new TextTable(["name", "kind", "inputs", "output"]);
        foreach (NetworkLayer layer in Layers)
        {
            table.Add([layer.Name, layer.Layer.Kind, string.Join(", ", layer.Inputs), layer.Output.Shape.ToString()]);
        }

        return table.ToString().TrimEnd();
    }

    /// <summary>Returns a layer by its name.</summary>
    /// <exception cref="EngineException">There is no such layer.</exception>
    internal NetworkLayer Layer(string name) => Layers.FirstOrDefault(layer => layer.Name == name)
        ?? throw NoLayer(name, Layers);

    internal static EngineException NoLayer(string name, IEnumerable<NetworkLayer> layers) => new(
        $"There is no layer '{name}' but {string.Join(", ", layers.Select(known => $"'{known.Name}'"))}.");

    /// <summary>Returns a parameter by its full name, and creates it if it does not exist.</summary>
    internal SharedVariable Parameter(string name, Shape shape, Initializer value, string owner, ParameterTags tags)
    {
        if (_byName.TryGetValue(name, out int index))
        {
            return Fitting(_parameters[index].Variable);
        }

        if (!shape.IsKnown)
        {
            throw new EngineException(
                $"The parameter '{name}' cannot have the shape {shape}: its sizes must be known.");
        }

        // The type is double because the product of the dimensions of an untrusted network may overflow any integer.
        double bytes = FloatX.Size();
        foreach (int dimension in shape.Dimensions)
        {
            bytes *= dimension;
        }

        if (bytes > int.MaxValue)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"The parameter '{name}' {shape} would take {bytes / (1L << 30):F1} GiB: one takes 2 GiB at most."));
        }

        SharedVariable variable = SharesWith?.Parameters.FirstOrDefault(known => known.Name == name) is { } shared
            ? Fitting(shared.Variable)
            : Initial.Shared(new InitialValue(value, shape), name, Seed, FloatX);
        variable.Gate = Gate;
        _byName.Add(name, _parameters.Count);
        _parameters.Add(new Parameter(variable, owner, tags));
        if (!tags.Layer.IsTrainable)
        {
            _frozen.Add(name);
        }

        return variable;

        SharedVariable Fitting(SharedVariable known) => known.Shape == shape ? known : throw new EngineException(
            $"The parameter '{name}' is {known.Type} and was asked for again as {shape}.");
    }

    internal RandomStream Stream(string layer)
    {
        if (!_streams.TryGetValue(layer, out RandomStream? stream))
        {
            stream = new RandomStream(Seeded.Key(Seed, layer));
            stream.State.Gate = Gate;
            _streams.Add(layer, stream);
        }

        return stream;
    }

    internal bool IsFrozen(SharedVariable variable) => _frozen.Contains(variable.Name!);

    private static bool Means(string pattern, Parameter parameter) =>
        NamePattern.Matches([pattern], parameter.Name) || NamePattern.Matches([pattern], parameter.Owner);

    private void SetFrozen(IReadOnlyList<string> patterns, bool isFrozen)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        _ = Built;
        if (patterns.FirstOrDefault(pattern => !_parameters.Exists(known => Means(pattern, known))) is { } unknown)
        {
            throw new EngineException(
                $"No parameter and no layer with parameters is called '{unknown}'; there are "
                + $"{string.Join(", ", _parameters.Select(parameter => parameter.Name))}.");
        }

        IEnumerable<string> names = _parameters
            .Where(parameter => patterns.Any(pattern => Means(pattern, parameter)))
            .Select(parameter => parameter.Name);
        if (isFrozen)
        {
            _frozen.UnionWith(names);
        }
        else
        {
            _frozen.ExceptWith(names);
        }

        Version++;
    }

    private Structure PutTogether()
    {
        if (FloatX is not (DType.Float32 or DType.Float64))
        {
            throw new EngineException(
                $"FloatX is float32 or float64, not {FloatX.Name()}."
                + (FloatX.IsHalf()
                    ? " For activations of 16 bits leave it float32 and set the Precision of a NeuralNet."
                    : ""));
        }

        (PlacedLayer[] nodes, int[] outputs) = PlacedLayer.All(_outputs());
        Graph.Input[] inputs = [.. nodes.Where(node => node.Layer is Input).Select(node => Symbolic.Variable(
            node.Name, ((Input)node.Layer).DType ?? FloatX, [Shape.Unknown, .. ((Input)node.Layer).Dimensions]))];
        _ = SharesWith?.Built;
        _gate ??= SharesWith?._gate ?? new Gate(inputs[0].Id);
        var structure = new Structure(nodes, inputs, outputs);
        structure = structure with { Layers = Build(structure, inputs, new BuildPass(IsTraining: false)) };
        foreach (NetworkLayer layer in structure.Outputs.Select(index => structure.Layers[index]))
        {
            if (!layer.Output.DType.IsFloat())
            {
                throw new EngineException(
                    $"The last layer, '{layer.Name}', gives {layer.Output.Type}: "
                    + $"a network ends with floating-point numbers, as of a Dense layer.{layer.Origin}");
            }
        }

        return structure;
    }

    /// <summary>The layers on other inputs.</summary>
    internal NetworkOutputs Build(IReadOnlyList<Variable> inputs, bool isTraining, Communicator? batchRanks = null)
    {
        var pass = new BuildPass(isTraining) { BatchRanks = batchRanks };
        return new NetworkOutputs(Build(Built, inputs, pass), Built.Outputs, pass.Updates);
    }

    private List<NetworkLayer> Build(Structure structure, IReadOnlyList<Variable> inputs, BuildPass pass)
    {
        var built = new List<NetworkLayer>();
        int given = 0;
        foreach (PlacedLayer node in structure.Nodes)
        {
            Layer layer = node.Layer;
            Origin origin = layer.OriginAs(node.Name);
            Variable output;
            using (Origin.Use(origin))
            {
                var scope = new LayerScope(this, node.Owner, layer, origin, pass, node.IsShared);
                Variable[] on = layer is Input
                    ? [inputs[given++]]
                    : [.. node.Inputs.Select(input => built[input].Output)];
                output = layer.Build(on, scope);

                // A function of integers may give float32 in a float64 network.
                output = output.DType.IsFloat() ? scope.Floating(output) : output;
                if (output.Rank == 0 || output.Shape.Skip(1).Any(dimension => dimension <= 0))
                {
                    throw scope.Error(
                        $"{layer.Kind} makes {output.Shape} "
                        + $"of {string.Join(" and ", on.Select(input => input.Shape))}: nothing "
                        + "is left of a sample.");
                }
            }

            built.Add(new NetworkLayer(node.Name, layer, [.. node.Inputs.Select(input => built[input].Name)], output)
            {
                Origin = origin,
            });
        }

        return built;
    }

    private static T NotNull<T>(T value) where T : class => value ?? throw new ArgumentNullException(nameof(value));

    /// <summary>Represents the connected network.</summary>
    private sealed record Structure(PlacedLayer[] Nodes, Graph.Input[] Inputs, int[] Outputs)
    {
        public List<NetworkLayer> Layers { get; init; } = [];
    }
}
