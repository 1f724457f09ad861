using System.Globalization;
using System.Runtime.CompilerServices;
using Engine.Distributed;
using Engine.Graph;
using Engine.IO;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Layers put together, with parameters of their own: a graph with named inputs and outputs that says what it computes
/// in training and in use. It knows no data and no training. <see cref="GetOutput(Variable, string?, bool)"/> puts it on
/// any variable, so that several networks may be parts of one graph; <see cref="Training.Trainer"/> and
/// <see cref="Training.NeuralNet"/> train it.
/// </summary>
/// <remarks>It is put together when it is first asked for something; what does not fit is told then.</remarks>
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

    /// <summary>
    /// Creates a chain: these layers, the first an <see cref="Layers.Input"/>, each on the one before.
    /// </summary>
    [OverloadResolutionPriority(1)]
    public Network(params ReadOnlySpan<Layer> layers)
    {
        (string? Name, Layer Layer)[] chain = [.. layers.ToArray().Select(layer => ((string?)null, NotNull(layer)))];
        _outputs = () => [PlacedLayer.Chain(chain)];
    }

    /// <summary>Creates a chain of these layers by name.</summary>
    public Network(params ReadOnlySpan<(string Name, Layer Layer)> layers)
    {
        (string? Name, Layer Layer)[] chain = [.. layers.ToArray().Select(pair => ((string?)pair.Name, NotNull(pair.Layer)))];
        _outputs = () => [PlacedLayer.Chain(chain)];
    }

    /// <summary>
    /// Creates a network of any shape: all that these outputs depend on. The first is the one that predicts.
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

    /// <summary>Gets or sets what first values and the layers' random numbers are functions of.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Gets or sets another network whose parameters this one uses where they are called alike, so that both learn
    /// them: the encoder of an autoencoder, say. It must live as long.
    /// </summary>
    public Network? SharesWith { get; init; }

    /// <summary>
    /// Gets what the network is applied to, in the order in which its layers need them; each is called as its layer.
    /// </summary>
    public IReadOnlyList<Graph.Input> Inputs => Built.Inputs;

    /// <summary>Gets the layers, each behind those it is applied to.</summary>
    public IReadOnlyList<NetworkLayer> Layers => Built.Layers;

    /// <summary>Gets those of them that are outputs, in the order in which they were given.</summary>
    public IReadOnlyList<NetworkLayer> Outputs => [.. Built.Outputs.Select(place => Built.Layers[place])];

    /// <summary>
    /// Gets all parameters with their tags, in the order in which the layers ask for them: of those to be learned,
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

    /// <summary>Gets how many numbers training changes.</summary>
    public long LearnableCount => Trainable.Sum(variable => variable.Shape.Count);

    /// <summary>The first input.</summary>
    internal Graph.Input Input => Inputs[0];

    /// <summary>The first output in use: nothing dropped, running means.</summary>
    internal Variable Output => Outputs[0].Output;

    /// <summary>Where the layers' random numbers stand, by the layer's name.</summary>
    internal IReadOnlyDictionary<string, RandomStream> Streams => _streams;

    /// <summary>How often it was told what to freeze: what was compiled before is of another network.</summary>
    internal int Version { get; private set; }

    /// <summary>What everybody enters who reads or changes parameters, one or all.</summary>
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
    /// Returns what a layer makes of a variable, as a part of any graph:
    /// <c>discriminator.GetOutput(generator.GetOutput(z))</c>.
    /// </summary>
    /// <param name="input">What the network, which has one input, is applied to.</param>
    /// <param name="layer">The layer's name; null for the network's first output.</param>
    /// <param name="isTraining">Whether layers do as in training: drop values, say.</param>
    /// <exception cref="EngineException">There is no such layer, or the variable does not fit.</exception>
    public Variable GetOutput(Variable input, string? layer = null, bool isTraining = false)
    {
        NetworkOutputs outputs = GetOutputs([input], isTraining);
        return layer is null ? outputs.Output : outputs[layer];
    }

    /// <summary>
    /// Returns what all layers make of variables, and what a training step would update beside the parameters.
    /// </summary>
    /// <param name="inputs">A variable for each of <see cref="Inputs"/>.</param>
    /// <param name="isTraining">Whether layers do as in training: drop values, say.</param>
    /// <exception cref="EngineException">There are more or fewer, or one does not fit.</exception>
    public NetworkOutputs GetOutputs(IReadOnlyList<Variable> inputs, bool isTraining = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count != Inputs.Count)
        {
            throw new EngineException(
                $"The network has {Inputs.Count} inputs ({string.Join(", ", Inputs.Select(input => $"'{input}'"))}), and "
                + $"{inputs.Count} are given.");
        }

        foreach ((Graph.Input own, Variable given) in Inputs.Zip(inputs))
        {
            ArgumentNullException.ThrowIfNull(given, nameof(inputs));
            if (given.DType != own.DType || given.Rank != own.Rank || !own.Shape.Admits(given.Shape))
            {
                throw new EngineException($"The network's input '{own}' is {own.Type} and cannot be a {given.Type}.");
            }
        }

        // On the network's own inputs, whose sides are known, and then on those: they need not tell all of theirs.
        NetworkOutputs outputs = Build(Inputs, isTraining);
        Dictionary<Variable, Variable> others = Inputs.Zip(inputs).Where(pair => pair.First != pair.Second)
            .ToDictionary(pair => (Variable)pair.First, pair => pair.Second);
        return others.Count == 0 ? outputs : outputs.On(others);
    }

    /// <summary>
    /// Has training leave parameters as they are, from the next call of Fit or the next <see cref="Training.Trainer"/> on.
    /// </summary>
    /// <param name="patterns">
    /// Names of parameters or of layers, in which <c>*</c> stands for any characters and <c>?</c> for one: <c>conv*</c>.
    /// </param>
    /// <exception cref="EngineException">A pattern is no parameter's and no layer's.</exception>
    public void Freeze(params IReadOnlyList<string> patterns) => SetFrozen(patterns, isFrozen: true);

    /// <summary>Has training change parameters again that <see cref="Freeze"/> named, by the same patterns or by names.</summary>
    /// <inheritdoc cref="Freeze"/>
    public void Unfreeze(params IReadOnlyList<string> patterns) => SetFrozen(patterns, isFrozen: false);

    /// <summary>Frees the memory of the parameters; the network cannot be used any more.</summary>
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

    /// <summary>
    /// Returns the layers, one a line: name, kind, what it is applied to, and the sides of its output.
    /// </summary>
    public override string ToString()
    {
        var table = new TextTable(["name", "kind", "inputs", "output"]);
        foreach (NetworkLayer layer in Layers)
        {
            table.Add([layer.Name, layer.Layer.Kind, string.Join(", ", layer.Inputs), layer.Output.Shape.ToString()]);
        }

        return table.ToString().TrimEnd();
    }

    /// <summary>A layer by its name.</summary>
    /// <exception cref="EngineException">There is none.</exception>
    internal NetworkLayer Layer(string name) => Layers.FirstOrDefault(layer => layer.Name == name)
        ?? throw NoLayer(name, Layers);

    internal static EngineException NoLayer(string name, IEnumerable<NetworkLayer> layers) => new(
        $"There is no layer '{name}' but {string.Join(", ", layers.Select(known => $"'{known.Name}'"))}.");

    /// <summary>A parameter by its full name, made where there is none yet.</summary>
    internal SharedVariable Parameter(string name, Shape shape, Initializer value, string owner, ParameterTags tags)
    {
        if (_byName.TryGetValue(name, out int place))
        {
            return Fitting(_parameters[place].Variable);
        }

        if (!shape.IsKnown)
        {
            throw new EngineException(
                $"The parameter '{name}' cannot have the shape {shape}: its sizes must be known.");
        }

        // In double, for the product of the sides of a stranger's network may be beyond any integer.
        double bytes = FloatX.Size();
        foreach (int side in shape.Sides)
        {
            bytes *= side;
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
                + (FloatX.IsHalf() ? " For activations of 16 bits leave it float32 and set the Precision of a NeuralNet." : ""));
        }

        (PlacedLayer[] places, int[] outputs) = PlacedLayer.All(_outputs());
        Graph.Input[] inputs = [.. places.Where(place => place.Layer is Input).Select(place => Symbolic.Variable(
            place.Name, ((Input)place.Layer).DType ?? FloatX, [Shape.Unknown, .. ((Input)place.Layer).Sides]))];
        _ = SharesWith?.Built;
        _gate ??= SharesWith?._gate ?? new Gate(inputs[0].Id);
        var structure = new Structure(places, inputs, outputs);
        structure = structure with { Layers = Build(structure, inputs, new BuildPass(IsTraining: false)) };
        foreach (NetworkLayer layer in structure.Outputs.Select(place => structure.Layers[place]))
        {
            if (!layer.Output.DType.IsFloat())
            {
                throw new EngineException(
                    $"The last layer, '{layer.Name}', gives {layer.Output.Type}: a network ends with floating-point numbers, as "
                    + $"of a Dense layer.{layer.Origin}");
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
        foreach (PlacedLayer place in structure.Places)
        {
            Layer layer = place.Layer;
            Origin origin = layer.OriginAs(place.Name);
            Variable output;
            using (Origin.Use(origin))
            {
                var scope = new LayerScope(this, place.Owner, layer, origin, pass, place.IsShared);
                Variable[] on = layer is Input ? [inputs[given++]] : [.. place.Inputs.Select(input => built[input].Output)];
                output = layer.Build(on, scope);

                // A function of integers may give float32 in a network of float64.
                output = output.DType.IsFloat() ? scope.Floating(output) : output;
                if (output.Rank == 0 || output.Shape.Skip(1).Any(side => side <= 0))
                {
                    throw scope.Error(
                        $"{layer.Kind} makes {output.Shape} of {string.Join(" and ", on.Select(input => input.Shape))}: nothing "
                        + "is left of a sample.");
                }
            }

            built.Add(new NetworkLayer(place.Name, layer, [.. place.Inputs.Select(input => built[input].Name)], output)
            {
                Origin = origin,
            });
        }

        return built;
    }

    private static T NotNull<T>(T value) where T : class => value ?? throw new ArgumentNullException(nameof(value));

    /// <summary>The network put together.</summary>
    private sealed record Structure(PlacedLayer[] Places, Graph.Input[] Inputs, int[] Outputs)
    {
        public List<NetworkLayer> Layers { get; init; } = [];
    }
}
