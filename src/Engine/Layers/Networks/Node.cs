namespace Engine.Layers;

/// <summary>
/// Represents a layer applied to the outputs of others. Networks of any shape consist of nodes: <c>var sum = new
/// Add().On(a, b);</c>. Like a layer, a node is a description and may be part of any number of networks.
/// </summary>
public sealed class Node
{
    internal Node(Layer layer, Node[] inputs, string? name = null)
    {
        Layer = layer;
        Inputs = inputs;
        Name = name ?? layer.Name;
    }

    /// <summary>Gets the layer.</summary>
    public Layer Layer { get; }

    /// <summary>Gets its inputs.</summary>
    public IReadOnlyList<Node> Inputs { get; }

    /// <summary>Gets its name; null for a name by type and index in the network.</summary>
    public string? Name { get; }

    /// <summary>
    /// Returns a chain of these layers on this node: <c>image.Then(new Conv2D(16, 3), new MaxPool2D(2))</c>.
    /// </summary>
    /// <exception cref="EngineException">One of them is an <see cref="Input"/>.</exception>
    public Node Then(params ReadOnlySpan<Layer> layers)
    {
        Node last = this;
        foreach (Layer layer in layers)
        {
            ArgumentNullException.ThrowIfNull(layer, nameof(layers));
            last = layer.On(last);
        }

        return last;
    }

    /// <summary>
    /// Returns the same node with a name. If a layer is in several nodes, those of the same name share their
    /// parameters.
    /// </summary>
    public Node Named(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new Node(Layer, [.. Inputs], name);
    }

    /// <summary>Returns the name and the type: <c>conv1 (Conv2D)</c>.</summary>
    public override string ToString() => Name is null ? Layer.Kind : $"{Name} ({Layer.Kind})";
}
