using System.Globalization;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>A parameter of a network.</summary>
/// <param name="Variable">Where its value is kept, named as in <c>hidden.W</c>.</param>
/// <param name="IsTrainable">Whether the update rule changes it.</param>
/// <param name="Owner">The name of the network's layer that it belongs to, itself or by an inner layer.</param>
/// <param name="Regularization">How its size is penalised; null for a parameter that is not.</param>
internal sealed record Parameter(
    SharedVariable Variable, bool IsTrainable, string Owner, Regularization? Regularization);

/// <summary>What a layer says of the size of its weights.</summary>
/// <param name="L1">What Σ |w| is multiplied with; null for the network's number.</param>
/// <param name="L2">What Σ w² is multiplied with; null for the network's number.</param>
/// <param name="Origin">Where the layer was made.</param>
internal sealed record Regularization(double? L1, double? L2, Origin Origin);

/// <summary>A layer as part of a network.</summary>
/// <param name="Name">Its name in the network.</param>
/// <param name="Layer">Its description.</param>
/// <param name="Output">What it computes; the first side, of the batch, is unknown.</param>
/// <param name="Origin">Where it was made.</param>
internal sealed record NetworkLayer(string Name, Layer Layer, Variable Output, Origin Origin);

/// <summary>Layers put one on another, with parameters of their own.</summary>
internal sealed class Network
{
    private readonly Dictionary<string, Parameter> _byName = [];
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, RandomStream> _streams = [];
    private readonly ulong _seed;
    private readonly (string Name, Layer Layer)[] _named;

    public Network(IReadOnlyList<(string? Name, Layer Layer)> layers, DType floatX, ulong seed)
    {
        FloatX = floatX;
        _seed = seed;
        _named = Named(layers);
        Input = Symbolic.Variable(
            _named[0].Name, InputLayer.DType ?? floatX, [Shape.Unknown, .. InputLayer.Sides]);
        (Output, Layers) = Build(new BuildPass(IsTraining: false));
        if (!Output.DType.IsFloat())
        {
            throw new EngineException(
                $"The last layer, '{Layers[^1].Name}', gives {Output.Type}: a network ends with floating-point numbers, as of "
                + $"a Dense layer.{Layers[^1].Origin}");
        }
    }

    public DType FloatX { get; }

    public IReadOnlyList<NetworkLayer> Layers { get; }

    /// <summary>All parameters, in the order in which the layers ask for them.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    public IReadOnlyList<SharedVariable> Trainable =>
        [.. _parameters.Where(parameter => parameter.IsTrainable).Select(parameter => parameter.Variable)];

    /// <summary>How many numbers training changes.</summary>
    public long LearnableCount => Trainable.Sum(variable => variable.Shape.Count);

    /// <summary>What the network is applied to.</summary>
    public Graph.Input Input { get; }

    /// <summary>The output in use: nothing dropped, running means.</summary>
    public Variable Output { get; }

    private Input InputLayer => (Input)_named[0].Layer;

    /// <summary>
    /// The layers in training, with what they then compute, and what a training step updates beside the parameters.
    /// </summary>
    public (IReadOnlyList<NetworkLayer> Layers, IReadOnlyList<Update> Updates) BuildTraining()
    {
        var pass = new BuildPass(IsTraining: true);
        return (Build(pass).Layers, pass.Updates);
    }

    /// <summary>A parameter by its full name, made where there is none yet.</summary>
    public SharedVariable Parameter(
        string name, Shape shape, Initialiser value, bool isTrainable, string owner, Regularization? regularization)
    {
        if (_byName.TryGetValue(name, out Parameter? parameter))
        {
            return parameter.Variable.Shape == shape
                ? parameter.Variable
                : throw new EngineException(
                    $"The parameter '{name}' is {parameter.Variable.Type} and was asked for again as {shape}.");
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

        parameter = new Parameter(
            Initial.Shared(new InitialValue(value, shape), name, _seed, FloatX), isTrainable, owner, regularization);
        _byName.Add(name, parameter);
        _parameters.Add(parameter);
        return parameter.Variable;
    }

    /// <summary>Where the layers' random numbers stand, by the layer's name.</summary>
    public IReadOnlyDictionary<string, RandomStream> Streams => _streams;

    public RandomStream Stream(string layer)
    {
        if (!_streams.TryGetValue(layer, out RandomStream? stream))
        {
            stream = new RandomStream(Seeded.Key(_seed, layer));
            _streams.Add(layer, stream);
        }

        return stream;
    }

    private (Variable Output, IReadOnlyList<NetworkLayer> Layers) Build(BuildPass pass)
    {
        var built = new List<NetworkLayer>();
        Variable output = Input;
        foreach ((string name, Layer layer) in _named)
        {
            Origin origin = layer.OriginAs(name);
            using (Origin.Use(origin))
            {
                var scope = new LayerScope(this, name, layer, origin, pass);
                Shape shape = output.Shape;
                output = layer.Build(output, scope);

                // A function of integers may give float32 in a network of float64.
                output = output.DType.IsFloat() ? scope.Floating(output) : output;
                if (output.Rank == 0 || output.Shape.Skip(1).Any(side => side <= 0))
                {
                    throw scope.Error($"{layer.Kind} makes {output.Shape} of {shape}: nothing is left of a sample.");
                }
            }

            built.Add(new NetworkLayer(name, layer, output, origin));
        }

        return (output, built);
    }

    /// <summary>What the layer at a place of a network is called.</summary>
    public static string NameOf((string? Name, Layer Layer) layer, int place) =>
        layer.Name ?? layer.Layer.Name ?? $"{layer.Layer.Kind.ToLowerInvariant()}{place}";

    private static (string Name, Layer Layer)[] Named(IReadOnlyList<(string? Name, Layer Layer)> layers)
    {
        if (layers.Count == 0 || layers[0].Layer is not Engine.Layers.Input)
        {
            string first = layers.Count == 0 ? "it has no layers" : $"its first layer is {layers[0].Layer.Kind}";
            string origin = layers.Count == 0 ? "" : $"{layers[0].Layer.OriginAs(layers[0].Name)}";
            throw new EngineException(
                $"A network begins with an Input layer, which says how large a sample is, but {first}.{origin}");
        }

        var named = new (string Name, Layer Layer)[layers.Count];
        var taken = new HashSet<string>();
        for (int i = 0; i < named.Length; i++)
        {
            Layer layer = layers[i].Layer;
            string name = NameOf(layers[i], i);
            if (!taken.Add(name))
            {
                throw new EngineException(
                    $"Two layers are named '{name}': give one another name.{layer.OriginAs(name)}");
            }

            if (i > 0 && layer is Input)
            {
                throw new EngineException(
                    $"A network has one Input layer, its first; layer {i} is another.{layer.OriginAs(name)}");
            }

            named[i] = (name, layer);
        }

        return named;
    }
}
