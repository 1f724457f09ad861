using Engine.Graph;

namespace Engine.Layers;

/// <summary>Represents a layer of a network: a node with its output.</summary>
/// <param name="Name">
/// Its name. If a layer is used several times, the names have a number from the second on: <c>twin:2</c>.
/// </param>
/// <param name="Layer">Its description.</param>
/// <param name="Inputs">The names of its input layers.</param>
/// <param name="Output">Its output in prediction mode. The first dimension, the batch, is unknown.</param>
public sealed record NetworkLayer(string Name, Layer Layer, IReadOnlyList<string> Inputs, Variable Output)
{
    /// <summary>Gets the line of code that created it.</summary>
    internal Origin Origin { get; init; } = new(null, 0);
}

/// <summary>Represents a node of a network with its name.</summary>
/// <param name="Name">Its own name.</param>
/// <param name="Owner">The name of its layer, which the names of its parameters begin with.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Inputs">The indices of its inputs.</param>
/// <param name="IsShared">Whether other nodes have the same layer.</param>
internal sealed record PlacedLayer(string Name, string Owner, Layer Layer, int[] Inputs, bool IsShared)
{
    /// <summary>
    /// Returns all nodes that some outputs depend on, each after its inputs, and the indices of the outputs. A
    /// network is built in this order.
    /// </summary>
    /// <exception cref="EngineException">Two nodes have the same name, or a node has no inputs.</exception>
    public static (PlacedLayer[] Nodes, int[] Outputs) All(IReadOnlyList<Node> outputs)
    {
        if (outputs.Count == 0 || outputs.Distinct().Count() < outputs.Count)
        {
            throw new EngineException(
                "A network needs an output, a node such as new Dense(10).On(x), and each only once.");
        }

        IReadOnlyList<Node> order = Order(outputs);
        Dictionary<(Layer, string?), int> uses = order.CountBy(node => (node.Layer, node.Name)).ToDictionary();
        var owners = new Dictionary<(Layer, string?), (string Name, int Count)>();
        var taken = new HashSet<string>();
        var indices = new Dictionary<Node, int>();
        var placed = new List<PlacedLayer>();
        foreach (Node node in order)
        {
            (Layer layer, (Layer, string?) key) = (node.Layer, (node.Layer, node.Name));
            (string owner, int count) = owners.GetValueOrDefault(key, (NameOf(node.Name, layer, placed.Count), 0));
            owners[key] = (owner, count + 1);
            if (count == 0 && !taken.Add(owner))
            {
                throw new EngineException(
                    $"Two layers are named '{owner}': give one another name.{layer.OriginAs(owner)}");
            }

            if (node.Inputs.Count == 0 && layer is not Input)
            {
                throw new EngineException(
                    $"{layer.Kind} is put on nothing: a network begins with Input layers, "
                    + $"and each other layer is put on one or more, new {layer.Kind}(…).On(x).{layer.OriginAs(owner)}");
            }

            indices.Add(node, placed.Count);
            placed.Add(new PlacedLayer(
                count == 0 ? owner : $"{owner}:{count + 1}", owner, layer,
                [.. node.Inputs.Select(input => indices[input])],
                uses[key] > 1));
        }

        return ([.. placed], [.. outputs.Select(output => indices[output])]);
    }

    /// <summary>Returns the nodes of a chain.</summary>
    /// <exception cref="EngineException">
    /// It does not begin with an Input layer, or has another one; or two layers have the same name.
    /// </exception>
    public static Node Chain(IReadOnlyList<(string? Name, Layer Layer)> layers)
    {
        if (layers.Count == 0 || layers[0].Layer is not Input)
        {
            string first = layers.Count == 0 ? "it has no layers" : $"its first layer is {layers[0].Layer.Kind}";
            string origin = layers.Count == 0 ? "" : $"{layers[0].Layer.OriginAs(layers[0].Name)}";
            throw new EngineException(
                $"A network begins with an Input layer, which says how large a sample is, but {first}.{origin}");
        }

        Node? last = null;
        var taken = new HashSet<string>();
        for (int i = 0; i < layers.Count; i++)
        {
            Layer layer = layers[i].Layer;
            string name = NameOf(layers[i].Name, layer, i);
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

            last = new Node(layer, last is null ? [] : [last], name);
        }

        return last!;
    }

    /// <summary>Returns the name of a layer, given its index in a network.</summary>
    public static string NameOf(string? name, Layer layer, int index) =>
        name ?? layer.Name ?? $"{layer.Kind.ToLowerInvariant()}{index}";

    /// <summary>
    /// Returns the nodes, each after its inputs, without recursion. The order depends on the nodes only.
    /// </summary>
    private static List<Node> Order(IEnumerable<Node> outputs)
    {
        var order = new List<Node>();
        var seen = new HashSet<Node>();
        var stack = new Stack<(Node Node, int Next)>();
        foreach (Node output in outputs)
        {
            Push(output);
            while (stack.TryPop(out (Node Node, int Next) top))
            {
                if (top.Next == top.Node.Inputs.Count)
                {
                    order.Add(top.Node);
                    continue;
                }

                stack.Push((top.Node, top.Next + 1));
                Push(top.Node.Inputs[top.Next]);
            }
        }

        return order;

        void Push(Node node)
        {
            if (seen.Add(node))
            {
                stack.Push((node, 0));
            }
        }
    }
}
