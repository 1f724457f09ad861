using System.Diagnostics.CodeAnalysis;
using Engine.Distributed;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Describes what a network offers to a layer that is being built into it. A layer that is made of layers builds each
/// of them with a scope of its own, <see cref="Child"/>, so that each has its own parameters.
/// </summary>
public sealed class LayerScope
{
    private readonly Network _network;
    private readonly BuildPass _pass;
    private readonly string _owner;
    private readonly bool _isShared;
    private readonly LayerTags _tags;

    internal LayerScope(Network network, string name, Layer layer, Origin origin, BuildPass pass, bool isShared)
        : this(network, name, name, layer.Tags(origin), pass, isShared)
    {
    }

    private LayerScope(Network network, string owner, string name, LayerTags tags, BuildPass pass, bool isShared)
    {
        _network = network;
        _owner = owner;
        _tags = tags;
        _pass = pass;
        _isShared = isShared;
        Name = name;
    }

    /// <summary>
    /// Gets the layer's name in this network; an inner layer's begins with that of the layer it is part of.
    /// </summary>
    public string Name { get; }

    /// <summary>
    /// Gets whether the network is being trained: layers that drop or normalize by the batch do so only then.
    /// </summary>
    public bool IsTraining => _pass.IsTraining;

    /// <summary>
    /// Gets the ranks over which layers that normalize by the batch take its figures (<see
    /// cref="Training.DataParallel.IsBatchNormSynchronized"/>); null where they take those of what they are given.
    /// </summary>
    public Communicator? BatchRanks => _pass.BatchRanks;

    /// <summary>Gets the dtype of parameters and outputs.</summary>
    public DType FloatX => _network.FloatX;

    /// <summary>Gets the layer's source of random numbers in this network: it moves on with each batch.</summary>
    public RandomStream Random => _network.Stream(Name);

    private Origin Origin => _tags.Origin;

    /// <summary>
    /// Returns the scope of an inner layer: <c>_first.Build(x, scope.Child("first"))</c>. Its parameters are called
    /// <c>block.first.W</c>, and it has random numbers of its own. Children may have children.
    /// </summary>
    /// <param name="name">The inner layer's name within this one.</param>
    /// <param name="layer">
    /// The inner layer: its L1 and L2 then go before this one's, and errors tell the line where it was made. Dense, Conv2D
    /// and BatchNorm do so by themselves.
    /// </param>
    /// <param name="isShared">
    /// Whether several inner layers are to have the same parameters: each is built with a child of this name that says so.
    /// </param>
    /// <exception cref="EngineException">The name is empty.</exception>
    public LayerScope Child(string name, Layer? layer = null, bool isShared = false)
    {
        Require(!string.IsNullOrWhiteSpace(name), "An inner layer needs a name: scope.Child(\"first\").");
        return Inner($"{Name}.{name}", layer, _isShared || isShared);
    }

    /// <summary>The scope in which a layer's own L1 and L2 hold, whoever builds it.</summary>
    internal LayerScope Of(Layer layer) => Inner(Name, layer, _isShared);

    /// <summary>
    /// Returns a parameter of the layer, made when the network is first built and the same one later, as a layer is
    /// built once for training and once for use. Within one Build each is asked for once; to use one twice, keep the
    /// variable.
    /// </summary>
    /// <param name="name">Its name within the layer: <c>W</c>.</param>
    /// <param name="shape">Its sides, all known.</param>
    /// <param name="value">How its first value is drawn.</param>
    /// <param name="isTrainable">Whether the update rule changes it (not so a running mean).</param>
    /// <param name="isRegularized">Whether L1 and L2 hold for it (not so biases), if it is trainable.</param>
    /// <exception cref="EngineException">
    /// A parameter of this name was asked for before in this Build, as by another inner layer; or the shape cannot be.
    /// </exception>
    public SharedVariable Parameter(
        string name, Shape shape, Initializer value, bool isTrainable = true, bool isRegularized = true)
    {
        ArgumentNullException.ThrowIfNull(value);
        string full = $"{Name}.{name}";
        Require(_pass.MayAsk(full, _isShared),
            $"The parameter '{full}' is asked for twice in one Build, so that two layers would share it by accident. Build "
            + "each inner layer with a scope of its own, inner.Build(x, scope.Child(\"first\")). To share on purpose, keep "
            + "the variable, or build each with scope.Child(\"first\", isShared: true).");
        try
        {
            return _network.Parameter(full, shape, value, _owner, new ParameterTags(isTrainable, isRegularized, _tags));
        }
        catch (EngineException error) when (!error.Message.Contains(Origin.ToString(), StringComparison.Ordinal))
        {
            throw Error(error.Message);
        }
    }

    /// <summary>A parameter with a number for each channel, axis 1, under a shape that spreads it over an input.</summary>
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
    /// Returns whether a parameter stays as it is, the layer being frozen: what <see cref="Update"/> says of it does
    /// not happen. A layer that normalizes by the batch, and follows it by that parameter, does as in use.
    /// </summary>
    public bool IsFrozen(SharedVariable parameter) => _network.IsFrozen(parameter);

    /// <summary>
    /// Has a training step set a parameter, beside what the update rule does: how running means follow. Of a layer that is
    /// in several places of the network, each sets it further, one after the other.
    /// </summary>
    /// <exception cref="EngineException">It is set already in this step, by a layer that does not share it.</exception>
    public void Update(SharedVariable target, Variable value)
    {
        if (!IsTraining || IsFrozen(target))
        {
            return;
        }

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

    /// <summary>What a layer computes with that has no use for integers.</summary>
    internal Variable Floating(Variable input) => Symbolic.Cast(input, FloatX);

    /// <summary>Refuses what the layer cannot be built with.</summary>
    internal void Require([DoesNotReturnIf(false)] bool condition, ref InvariantText message) =>
        Require(condition, message.Take());

    internal void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            throw Error(message);
        }
    }

    /// <summary>What a function gives, whose errors are said to be the layer's.</summary>
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

    /// <summary>Returns an error that says which layer it is about and where that was made.</summary>
    public EngineException Error(string message) => new($"{message}{Origin}");

    private LayerScope Inner(string name, Layer? layer, bool isShared)
    {
        Origin origin = layer?.OriginAs(name) ?? Origin with { Layer = name };
        return new LayerScope(_network, _owner, name, _tags.Of(layer, origin), _pass, isShared);
    }
}

/// <summary>One building of all of a network's layers: for use, or for training.</summary>
internal sealed record BuildPass(bool IsTraining)
{
    /// <summary>Gets or sets the ranks whose parts of a batch are normalized as one; null where each part is by itself.</summary>
    public Communicator? BatchRanks { get; init; }

    private readonly Dictionary<string, bool> _asked = [];

    /// <summary>Gets what a training step updates beside the parameters.</summary>
    public List<Update> Updates { get; } = [];

    /// <summary>Returns whether a parameter may be asked for: once, or by layers that all say they share it.</summary>
    public bool MayAsk(string name, bool isShared) => _asked.TryAdd(name, isShared) || (isShared && _asked[name]);
}
