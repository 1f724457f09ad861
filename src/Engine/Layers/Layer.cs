using System.Diagnostics.CodeAnalysis;
using Engine.Graph;

namespace Engine.Layers;

/// <summary>
/// Represents the description of a layer: its sizes, its nonlinearity, how its parameters begin. It holds no
/// parameters, so one layer may be part of any number of networks, each of which has its own.
/// </summary>
public abstract class Layer
{
    /// <summary>
    /// Gets or sets the name in tables, error messages and the names of parameters (<c>hidden.W</c>). Without one, the
    /// network calls it by its type and its place: <c>dense3</c>.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>
    /// Gets or sets where the layer is described, as messages say it: the line of code that made it, unless told
    /// otherwise, as of a layer read from a file.
    /// </summary>
    public Origin Origin { get; init; } = Origin.Caller();

    /// <summary>
    /// Gets or sets what Σ |w| over this layer's weights is multiplied with in the training loss; null for the
    /// network's own L1.
    /// </summary>
    public double? L1 { get; init; }

    /// <summary>
    /// Gets or sets what Σ w² over this layer's weights is multiplied with in the training loss; null for the network's
    /// own L2.
    /// </summary>
    public double? L2 { get; init; }

    /// <summary>
    /// Gets or sets whether training changes the layer. Of one that it does not, the parameters stay as they are,
    /// BatchNorm's averages among them. <see cref="Network.Freeze"/> says so later, of a network.
    /// </summary>
    public bool IsTrainable { get; init; } = true;

    /// <summary>
    /// Gets or sets what the learning rate is multiplied with for the layer's parameters; null for the rate of what it
    /// is part of, or 1.
    /// </summary>
    public double? RateFactor { get; init; }

    /// <summary>
    /// Returns the layer applied to outputs of others. Applied twice, it is the same layer in two places, with one set
    /// of parameters: <c>var a = twin.On(left); var b = twin.On(right);</c>.
    /// </summary>
    /// <exception cref="EngineException">The layer is an <see cref="Input"/>, which is applied to nothing.</exception>
    public Node On(params ReadOnlySpan<Node> inputs)
    {
        Require(this is not Input || inputs.IsEmpty, "An Input layer is where a network begins: it is not put on others.");
        foreach (Node input in inputs)
        {
            ArgumentNullException.ThrowIfNull(input, nameof(inputs));
        }

        return this is Input begin ? begin : new Node(this, inputs.ToArray());
    }

    /// <summary>Returns the nodes a layer adds to the graph.</summary>
    /// <param name="input">
    /// What it is applied to: (batch, …), of the network's floating-point type; or int32, where such samples have come
    /// through the layers before as they are.
    /// </param>
    /// <param name="scope">Gives parameters, randomness and errors, and says whether the network is being
    /// trained.</param>
    /// <returns>The output, (batch, …) with all other sides known.</returns>
    /// <exception cref="EngineException">The layer cannot be applied to such an input.</exception>
    public abstract Variable Build(Variable input, LayerScope scope);

    /// <summary>
    /// Returns the nodes a layer adds to the graph that may have several inputs. Layers of one input need not know of
    /// it; a layer of several derives from <see cref="MergeLayer"/>.
    /// </summary>
    /// <inheritdoc cref="Build(Variable, LayerScope)"/>
    public virtual Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        return inputs.Count == 1 ? Build(inputs[0], scope) : throw scope.Error(
            $"{Kind} has one input, and {inputs.Count} are given: join them before, by Concat or Add say.");
    }

    /// <summary>What kind of layer it is, as default names and messages say it.</summary>
    internal string Kind => GetType().Name;

    /// <summary>Where in the user's code the layer was made, and as which layer of a network.</summary>
    internal Origin OriginAs(string? name) => Origin with { Layer = name };

    /// <summary>What the layer says of its parameters, and where it was made.</summary>
    internal LayerTags Tags(Origin origin) => new(this, L1, L2, IsTrainable, RateFactor, origin);

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

/// <summary>Represents a layer of several inputs.</summary>
public abstract class MergeLayer : Layer
{
    /// <inheritdoc/>
    public sealed override Variable Build(Variable input, LayerScope scope) => Build([input], scope);

    /// <inheritdoc/>
    public abstract override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope);
}

/// <summary>What a layer says of its parameters.</summary>
/// <param name="Layer">The innermost layer that asks for them, as far as it is told.</param>
/// <param name="L1">What Σ |w| is multiplied with; null for the network's number.</param>
/// <param name="L2">What Σ w² is multiplied with; null for the network's number.</param>
/// <param name="IsTrainable">Whether training changes them.</param>
/// <param name="RateFactor">What the learning rate is multiplied with; null for 1.</param>
/// <param name="Origin">Where the layer was made.</param>
internal sealed record LayerTags(
    Layer Layer, double? L1, double? L2, bool IsTrainable, double? RateFactor, Origin Origin)
{
    /// <summary>Returns what holds for a layer within one of these tags, made there.</summary>
    public LayerTags Of(Layer? inner, Origin origin) => new(
        inner ?? Layer, inner?.L1 ?? L1, inner?.L2 ?? L2, IsTrainable && inner?.IsTrainable != false,
        inner?.RateFactor ?? RateFactor, origin);
}
