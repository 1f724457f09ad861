using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>What a network offers to a layer that is being built into it.</summary>
public sealed class LayerScope
{
    private readonly Network _network;
    private readonly Layer _layer;
    private readonly Origin _origin;
    private readonly List<Update> _updates;

    internal LayerScope(
        Network network, string name, Layer layer, Origin origin, bool isTraining, List<Update> updates)
    {
        _network = network;
        _layer = layer;
        _origin = origin;
        _updates = updates;
        Name = name;
        IsTraining = isTraining;
    }

    /// <summary>The layer's name in this network.</summary>
    public string Name { get; }

    /// <summary>
    /// Whether the network is being trained: layers that drop or normalise by the batch do so only then.
    /// </summary>
    public bool IsTraining { get; }

    /// <summary>The dtype of parameters and outputs.</summary>
    public DType FloatX => _network.FloatX;

    /// <summary>The layer's source of random numbers in this network: it moves on with each batch.</summary>
    public RandomStream Random => _network.Stream(Name);

    /// <summary>
    /// A parameter of the layer, made at the first call and the same one at later calls, as a layer is built once
    /// for training and once for use.
    /// </summary>
    /// <param name="name">Its name within the layer: <c>W</c>.</param>
    /// <param name="shape">Its sides, all known.</param>
    /// <param name="value">How its first value is drawn.</param>
    /// <param name="isTrainable">Whether the update rule changes it (not so a running mean).</param>
    /// <param name="isRegularized">Whether L1 and L2 hold for it (not so biases), if it is trainable.</param>
    public SharedVariable Parameter(
        string name, Shape shape, Initialiser value, bool isTrainable = true, bool isRegularized = true)
    {
        ArgumentNullException.ThrowIfNull(value);
        try
        {
            return _network.Parameter(
                $"{Name}.{name}", shape, value, isTrainable, isTrainable && isRegularized ? _layer : null);
        }
        catch (EngineException error) when (!error.Message.Contains(_origin.ToString(), StringComparison.Ordinal))
        {
            throw Error(error.Message);
        }
    }

    /// <summary>
    /// Has a training step set a parameter, beside what the update rule does: how running means follow.
    /// </summary>
    public void Update(SharedVariable target, Variable value)
    {
        if (IsTraining)
        {
            _updates.Add(new Update(target, value));
        }
    }

    /// <summary>What a layer computes with that has no use for integers.</summary>
    internal Variable Floating(Variable input) => Symbolic.Cast(input, FloatX);

    /// <summary>Refuses what the layer cannot be built with.</summary>
    internal void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            throw Error(message);
        }
    }

    /// <summary>An error that says which layer it is about and where that was made.</summary>
    public EngineException Error(string message) => new($"{message}{_origin}");
}
