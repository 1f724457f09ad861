using Engine.Graph;

namespace Engine.Layers;

/// <summary>Contains the outputs of a network's layers for some variables: <see cref="Network.GetOutputs"/>.</summary>
public sealed class NetworkOutputs
{
    private readonly IReadOnlyList<int> _outputs;

    internal NetworkOutputs(
        IReadOnlyList<NetworkLayer> layers, IReadOnlyList<int> outputs, IReadOnlyList<Update> updates) =>
        (Layers, _outputs, Updates) = (layers, outputs, updates);

    /// <summary>Gets all layers in their order.</summary>
    public IReadOnlyList<NetworkLayer> Layers { get; }

    /// <summary>Gets the network's first output.</summary>
    public Variable Output => Outputs[0];

    /// <summary>Gets the network's outputs, in their order.</summary>
    public IReadOnlyList<Variable> Outputs => [.. _outputs.Select(index => Layers[index].Output)];

    /// <summary>
    /// Gets the updates of a training step besides the update rule's, such as BatchNorm's averages. Add them to the
    /// updates of the training function.
    /// </summary>
    public IReadOnlyList<Update> Updates { get; }

    /// <summary>Returns the same outputs with some variables replaced by others.</summary>
    internal NetworkOutputs On(IReadOnlyDictionary<Variable, Variable> replacements)
    {
        IReadOnlyList<Variable> replaced = Traversal.Replace(
            [.. Layers.Select(layer => layer.Output), .. Updates.Select(update => update.Value)], replacements);
        return new NetworkOutputs(
            [.. Layers.Zip(replaced, (layer, output) => layer with { Output = output })], _outputs,
            [.. Updates.Zip(replaced.Skip(Layers.Count), (update, value) => update with { Value = value })]);
    }

    /// <summary>Gets the output of a layer by name.</summary>
    /// <exception cref="EngineException">There is no such layer.</exception>
    public Variable this[string layer] => Layers.FirstOrDefault(known => known.Name == layer)?.Output
        ?? throw Network.NoLayer(layer, Layers);
}
