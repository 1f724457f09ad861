using System.Diagnostics.CodeAnalysis;
using Engine.Graph;

namespace Engine.Layers;

/// <summary>
/// Describes a layer: its sizes, its nonlinearity and the initializers of its parameters. It has no parameters itself,
/// so any number of networks may use the same layer, each with its own parameters.
/// </summary>
public abstract class Layer
{
    private string? _name;
    private double? _l1, _l2, _rateFactor;
    private bool _isTrainable = true;

    /// <summary>
    /// Gets or sets the name in tables, error messages and the names of parameters (<c>hidden.W</c>). If null, the
    /// network names it by type and position: <c>dense3</c>.
    /// </summary>
    public string? Name { get => _name; init => _name = value; }

    /// <summary>
    /// Gets or sets the line that describes the layer, for messages. The default is the line of code that created it;
    /// layers from a file have another origin.
    /// </summary>
    public Origin Origin { get; init; } = Origin.Caller();

    /// <summary>
    /// Gets or sets the factor of Σ |w| over this layer's weights in the training loss; null for the network's L1.
    /// </summary>
    public double? L1 { get => _l1; init => _l1 = value; }

    /// <summary>
    /// Gets or sets the factor of Σ w² over this layer's weights in the training loss; null for the network's L2.
    /// </summary>
    public double? L2 { get => _l2; init => _l2 = value; }

    /// <summary>
    /// Gets or sets whether training changes the layer's parameters, including BatchNorm's running averages.
    /// <see cref="Network.Freeze"/> can change this later for a network.
    /// </summary>
    public bool IsTrainable { get => _isTrainable; init => _isTrainable = value; }

    /// <summary>
    /// Gets or sets the factor of the learning rate for the layer's parameters; null for the factor of the enclosing
    /// layer, or 1.
    /// </summary>
    public double? RateFactor { get => _rateFactor; init => _rateFactor = value; }

    /// <summary>
    /// Applies the layer to outputs of others. If you apply it twice, both nodes share one set of parameters: <c>var a
    /// = twin.On(left); var b = twin.On(right);</c>.
    /// </summary>
    /// <exception cref="EngineException">The layer is an <see cref="Input"/>, which takes no inputs.</exception>
    public Node On(params ReadOnlySpan<Node> inputs)
    {
        Require(
            this is not Input || inputs.IsEmpty, "An Input layer is where a network begins: it is not put on others.");
        foreach (Node input in inputs)
        {
            ArgumentNullException.ThrowIfNull(input, nameof(inputs));
        }

        return this is Input begin ? begin : new Node(this, inputs.ToArray());
    }

    /// <summary>Builds the layer's part of the graph.</summary>
    /// <param name="input">
    /// The input, (batch, …), of the network's floating-point type; or int32, if the layers before passed such samples
    /// on unchanged.
    /// </param>
    /// <param name="scope">
    /// Provides parameters, random numbers and errors, and tells whether the graph is for training.
    /// </param>
    /// <returns>The output, (batch, …); all other dimensions are known.</returns>
    /// <exception cref="EngineException">The layer cannot be applied to such an input.</exception>
    public abstract Variable Build(Variable input, LayerScope scope);

    /// <summary>
    /// Builds the graph of a layer that may have several inputs. Layers with one input need not override it; a layer
    /// with several derives from <see cref="MergeLayer"/>.
    /// </summary>
    /// <inheritdoc cref="Build(Variable, LayerScope)"/>
    public virtual Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        return inputs.Count == 1 ? Build(inputs[0], scope) : throw scope.Error(
            $"{Kind} has one input, and {inputs.Count} are given: join them before, by Concat or Add say.");
    }

    /// <summary>Gets the kind of the layer for default names and messages.</summary>
    internal string Kind => GetType().Name;

    /// <summary>
    /// Returns the line of the user's code that created the layer, with the layer's name in a network.
    /// </summary>
    internal Origin OriginAs(string? name) => Origin with { Layer = name };

    /// <summary>Sets the name, as a file says.</summary>
    internal void Called(string? name) => _name = name;

    /// <summary>Sets the layer's settings for its parameters, as a file describes them.</summary>
    internal void Describe(double? l1, double? l2, bool isTrainable, double? rateFactor) =>
        (_l1, _l2, _isTrainable, _rateFactor) = (l1, l2, isTrainable, rateFactor);

    /// <summary>Returns the layer's settings for its parameters, and its origin.</summary>
    internal LayerTags Tags(Origin origin) => new(this, L1, L2, IsTrainable, RateFactor, origin);

    /// <summary>Throws if a size is invalid.</summary>
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

/// <summary>Represents a layer with several inputs.</summary>
public abstract class MergeLayer : Layer
{
    /// <inheritdoc/>
    public sealed override Variable Build(Variable input, LayerScope scope) => Build([input], scope);

    /// <inheritdoc/>
    public abstract override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope);
}

/// <summary>Represents a layer's settings for its parameters.</summary>
/// <param name="Layer">The innermost layer that asks for them, if known.</param>
/// <param name="L1">The factor of Σ |w|; null for the network's.</param>
/// <param name="L2">The factor of Σ w²; null for the network's.</param>
/// <param name="IsTrainable">Whether training changes them.</param>
/// <param name="RateFactor">The factor of the learning rate; null for 1.</param>
/// <param name="Origin">The line that created the layer.</param>
internal sealed record LayerTags(
    Layer Layer, double? L1, double? L2, bool IsTrainable, double? RateFactor, Origin Origin)
{
    /// <summary>Returns the tags of an inner layer that was created at this origin.</summary>
    public LayerTags Of(Layer? inner, Origin origin) => new(
        inner ?? Layer, inner?.L1 ?? L1, inner?.L2 ?? L2, IsTrainable && inner?.IsTrainable != false,
        inner?.RateFactor ?? RateFactor, origin);
}
