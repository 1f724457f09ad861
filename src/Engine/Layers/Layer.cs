using System.Diagnostics.CodeAnalysis;
using Engine.Graph;

namespace Engine.Layers;

/// <summary>
/// The description of a layer: its sizes, its nonlinearity, how its parameters begin. It holds no parameters, so one
/// layer may be part of any number of networks, each of which has its own.
/// </summary>
public abstract class Layer
{
    /// <summary>
    /// The name in tables, error messages and the names of parameters (<c>hidden.W</c>). Without one, the network calls
    /// it by its type and its place: <c>dense3</c>.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>
    /// Where the layer is described, as messages say it: the line of code that made it, unless told otherwise, as of a
    /// layer read from a file.
    /// </summary>
    public Origin Origin { get; init; } = Origin.Caller();

    /// <summary>
    /// What Σ |w| over this layer's weights is multiplied with in the training loss; null for the network's own L1.
    /// </summary>
    public double? L1 { get; init; }

    /// <summary>
    /// What Σ w² over this layer's weights is multiplied with in the training loss; null for the network's own L2.
    /// </summary>
    public double? L2 { get; init; }

    /// <summary>The nodes a layer adds to the graph.</summary>
    /// <param name="input">
    /// What it is applied to: (batch, …), of the network's floating-point type; or int32, where such samples have come
    /// through the layers before as they are.
    /// </param>
    /// <param name="scope">Gives parameters, randomness and errors, and says whether the network is being
    /// trained.</param>
    /// <returns>The output, (batch, …) with all other sides known.</returns>
    /// <exception cref="EngineException">The layer cannot be applied to such an input.</exception>
    public abstract Variable Build(Variable input, LayerScope scope);

    /// <summary>What kind of layer it is, as default names and messages say it.</summary>
    internal string Kind => GetType().Name;

    /// <summary>Where in the user's code the layer was made, and as which layer of a network.</summary>
    internal Origin OriginAs(string? name) => Origin with { Layer = name };

    /// <summary>Refuses a size that no layer can have.</summary>
    private protected void Require([DoesNotReturnIf(false)] bool condition, ref InvariantText message) =>
        Require(condition, message.Take());

    private protected void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            throw new EngineException($"{message}{OriginAs(Name)}");
        }
    }
}
