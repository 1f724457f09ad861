using Engine.Graph;

namespace Engine.Layers;

/// <summary>What the layers of a network make of variables: <see cref="Network.GetOutputs"/>.</summary>
public sealed class NetworkOutputs
{
    private readonly IReadOnlyList<int> _outputs;

    internal NetworkOutputs(IReadOnlyList<NetworkLayer> layers, IReadOnlyList<int> outputs, IReadOnlyList<Update> updates) =>
        (Layers, _outputs, Updates) = (layers, outputs, updates);

    /// <summary>All layers in their order.</summary>
    public IReadOnlyList<NetworkLayer> Layers { get; }

    /// <summary>The network's first output.</summary>
    public Variable Output => Outputs[0];

    /// <summary>The network's outputs, in their order.</summary>
    public IReadOnlyList<Variable> Outputs => [.. _outputs.Select(place => Layers[place].Output)];

    /// <summary>
    /// What a training step sets beside what the update rule does: BatchNorm's averages. It belongs to the updates of the
    /// function that trains.
    /// </summary>
    public IReadOnlyList<Update> Updates { get; }

    /// <summary>What a layer, by name, gives.</summary>
    /// <exception cref="EngineException">There is no such layer.</exception>
    public Variable this[string layer] => Layers.FirstOrDefault(known => known.Name == layer)?.Output
        ?? throw Network.NoLayer(layer, Layers);
}
