namespace Engine.Layers;

/// <summary>
/// Represents a layer applied to the outputs of others: what networks of any shape are written in, <c>var sum = new
/// Add().On(a, b);</c>. It is a description, as a layer is, and may be part of any number of networks.
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

    /// <summary>Gets what it is applied to.</summary>
    public IReadOnlyList<Node> Inputs { get; }

    /// <summary>Gets what it is called; null for a name by its type and place in a network.</summary>
    public string? Name { get; }

    /// <summary>These layers on it, each on the one before: <c>image.Then(new Conv2D(16, 3), new MaxPool2D(2))</c>.</summary>
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
    /// Returns the same, called so: what stands on it is put on what this gives. Where a layer is in several places,
    /// those of one name share their parameters.
    /// </summary>
    public Node Named(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new Node(Layer, [.. Inputs], name);
    }

    /// <summary>Returns the name and the type: <c>conv1 (Conv2D)</c>.</summary>
    public override string ToString() => Name is null ? Layer.Kind : $"{Name} ({Layer.Kind})";
}
