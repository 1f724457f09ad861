using System.Diagnostics.CodeAnalysis;
using Engine.Distributed;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Provides a network's services to a layer while its graph is built. A layer that contains layers builds each of them
/// with its own scope, <see cref="Child"/>, so that each has its own parameters.
/// </summary>
public sealed class LayerScope
{
    private readonly Network _network;
    private readonly BuildPass _pass;
    private readonly string _owner;
    private readonly bool _isShared;
    private readonly LayerTags _tags;

    // The layer in whose loop over steps this one is built; null for none.
    private readonly string? _loop;

    internal LayerScope(Network network, string name, Layer layer, Origin origin, BuildPass pass, bool isShared)
        : this(network, name, name, layer.Tags(origin), pass, isShared)
    {
    }

    private LayerScope(
        Network network, string owner, string name, LayerTags tags, BuildPass pass, bool isShared, string? loop = null)
    {
        _loop = loop;
        _network = network;
        _owner = owner;
        _tags = tags;
        _pass = pass;
        _isShared = isShared;
        Name = name;
    }

    /// <summary>
    /// Gets the layer's name in this network. An inner layer's name begins with the name of the enclosing layer.
    /// </summary>
    public string Name { get; }

    /// <summary>
    /// Gets whether the graph is for training. Only then do layers drop values or normalize by the batch.
    /// </summary>
    public bool IsTraining => _pass.IsTraining;

    /// <summary>
    /// Gets the ranks whose samples layers that normalize by the batch take together (<see
    /// cref="Training.DataParallel.IsBatchNormSynchronized"/>); null if they use only the samples of this rank.
    /// </summary>
    public Communicator? BatchRanks => _pass.BatchRanks;

    /// <summary>Gets the dtype of parameters and outputs.</summary>
    public DType FloatX => _network.FloatX;

    /// <summary>Gets the layer's stream of random numbers in this network. It advances with each batch.</summary>
    public RandomStream Random => _network.Stream(Name);

    private Origin Origin => _tags.Origin;

    /// <summary>
    /// Returns the scope of an inner layer: <c>_first.Build(x, scope.Child("first"))</c>. Its parameters have names
    /// such as <c>block.first.W</c>, and it has its own random numbers. Children may have children.
    /// </summary>
    /// <param name="name">The inner layer's name within this one.</param>
    /// <param name="layer">
    /// The inner layer. Its L1 and L2 then have priority over this layer's, and errors show the line that created it.
    /// Dense, Conv2D and BatchNorm do this themselves.
    /// </param>
    /// <param name="isShared">
    /// Whether several inner layers share their parameters. Each must then be built with a shared child of this name.
    /// </param>
    /// <exception cref="EngineException">The name is empty.</exception>
    public LayerScope Child(string name, Layer? layer = null, bool isShared = false)
    {
        Require(!string.IsNullOrWhiteSpace(name), "An inner layer needs a name: scope.Child(\"first\").");
        return Inner($"{Name}.{name}", layer, _isShared || isShared);
    }

    /// <summary>Returns the scope in which the layer's own L1 and L2 apply.</summary>
    internal LayerScope Of(Layer layer) => Inner(Name, layer, _isShared);

    /// <summary>Returns the scope of what is built in a loop over the steps of a sequence.</summary>
    internal LayerScope InLoop() => new(_network, _owner, Name, _tags, _pass, _isShared, Name);

    /// <summary>
    /// Returns a parameter of the layer. It is created when the network is first built; later calls return the same
    /// one, because a layer is built once for training and once for prediction. Within one Build, ask for each
    /// parameter once; to use it twice, keep the variable.
    /// </summary>
    /// <param name="name">Its name within the layer: <c>W</c>.</param>
    /// <param name="shape">Its shape, with all dimensions known.</param>
    /// <param name="value">The initializer of its value.</param>
    /// <param name="isTrainable">Whether the update rule changes it; false for a running mean.</param>
    /// <param name="isRegularized">Whether L1 and L2 apply to it if it is trainable; false for biases.</param>
    /// <exception cref="EngineException">
    /// This Build, or another inner layer, asked for a parameter of this name before; or the shape is invalid.
    /// </exception>
    public SharedVariable Parameter(
        string name, Shape shape, Initializer value, bool isTrainable = true, bool isRegularized = true)
    {
        ArgumentNullException.ThrowIfNull(value);
        string full = $"{Name}.{name}";
        Require(_pass.MayAsk(full, _isShared),
            $"The parameter '{full}' is asked for twice in one Build, so that two layers would share it by accident. "
            + "Build each inner layer with a scope of its own, inner.Build(x, scope.Child(\"first\")). "
            + "To share on purpose, keep the variable, or build each with scope.Child(\"first\", isShared: true).");
        try
        {
            return _network.Parameter(full, shape, value, _owner, new ParameterTags(isTrainable, isRegularized, _tags));
        }
        catch (EngineException error) when (!error.Message.Contains(Origin.ToString(), StringComparison.Ordinal))
        {
            throw Error(error.Message);
        }
    }

    /// <summary>
    /// Returns a parameter with a value for each channel, axis 1, in a shape that broadcasts over an input.
    /// </summary>
    internal Variable PerChannel(string name, Variable input, Initializer value, bool isRegularized)
    {
        Require(input.Rank > 1, $"Samples have channels along axis 1, and {input.Shape} has none.");
        int channels = input.Shape[1];
        SharedVariable parameter = Parameter(name, [channels], value, isRegularized: isRegularized);
        return input.Rank == 2
            ? parameter
            : Symbolic.Reshape(parameter, [1, channels, .. Enumerable.Repeat(1, input.Rank - 2)]);
    }

    /// <summary>
    /// Returns whether a parameter does not change because the layer is frozen. <see cref="Update"/> then has no effect
    /// on it. A layer that keeps running averages in that parameter behaves as in prediction.
    /// </summary>
    public bool IsFrozen(SharedVariable parameter) => _network.IsFrozen(parameter);

    /// <summary>
    /// Makes a training step set a parameter, in addition to the update rule, as for running means. If a layer is in
    /// several nodes of the network, their updates apply one after the other.
    /// </summary>
    /// <exception cref="EngineException">
    /// A layer that does not share the parameter sets it in this step already, or the layer is built in the loop of a
    /// recurrent layer.
    /// </exception>
    public void Update(SharedVariable target, Variable value)
    {
        if (!IsTraining || IsFrozen(target))
        {
            return;
        }

        Require(_loop is null,
            $"A training step would set '{target}' from inside of '{_loop}', "
            + "which runs this layer in a loop over the steps of a sequence, "
            + "where a parameter has one value for all steps: in a cell take LayerNorm instead of BatchNorm, "
            + "or freeze the layer by IsTrainable = false.");
        int former = _pass.Updates.FindIndex(update => update.Target == target);
        Require(former < 0 || _isShared,
            $"A training step would set '{target}' twice: layers that set a parameter, as BatchNorm does its averages, "
            + "share it where each is built with scope.Child(\"first\", isShared: true).");
        if (former >= 0)
        {
            var before = new Dictionary<Variable, Variable> { [target] = _pass.Updates[former].Value };
            _pass.Updates[former] = new Update(target, Traversal.Replace([value], before)[0]);
            return;
        }

        _pass.Updates.Add(new Update(target, value));
    }

    /// <summary>Converts the input to floating point, for a layer that does not compute with integers.</summary>
    internal Variable Floating(Variable input) => Symbolic.Cast(input, FloatX);

    /// <summary>Throws if the layer cannot be built.</summary>
    internal void Require([DoesNotReturnIf(false)] bool condition, ref InvariantText message) =>
        Require(condition, message.Take());

    internal void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            throw Error(message);
        }
    }

    /// <summary>Calls a function and reports its errors as the layer's.</summary>
    internal T Checked<T>(Func<T> function)
    {
        try
        {
            return function();
        }
        catch (EngineException error)
        {
            throw Error(error.Message);
        }
    }

    /// <summary>Returns an error with the layer's name and the line that created it.</summary>
    public EngineException Error(string message) => new($"{message}{Origin}");

    private LayerScope Inner(string name, Layer? layer, bool isShared)
    {
        Origin origin = layer?.OriginAs(name) ?? Origin with { Layer = name };
        return new LayerScope(_network, _owner, name, _tags.Of(layer, origin), _pass, isShared, _loop);
    }
}

/// <summary>Represents one build of all of a network's layers, for prediction or for training.</summary>
internal sealed record BuildPass(bool IsTraining)
{
    /// <summary>
    /// Gets or sets the ranks whose parts of a batch are normalized together; null for each part alone.
    /// </summary>
    public Communicator? BatchRanks { get; init; }

    private readonly Dictionary<string, bool> _asked = [];

    /// <summary>Gets the updates of a training step besides the update rule's.</summary>
    public List<Update> Updates { get; } = [];

    /// <summary>Returns whether a layer may ask for a parameter: the first time, or if all askers share it.</summary>
    public bool MayAsk(string name, bool isShared) => _asked.TryAdd(name, isShared) || (isShared && _asked[name]);
}
