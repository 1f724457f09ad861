using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Layers as one layer, each on the one before: a part of a network that is repeated, or used in several places. Within
/// it they are called by their names, or by type and place: <c>block.conv2d0.W</c>.
/// </summary>
public sealed class Sequence : MergeLayer
{
    /// <summary>These layers; the first may have several inputs.</summary>
    /// <exception cref="EngineException">There are none, one is an <see cref="Input"/>, or two are called alike.</exception>
    public Sequence(params ReadOnlySpan<Layer> layers)
    {
        Layers = layers.ToArray();
        Names = [.. Layers.Select((layer, i) => PlacedLayer.NameOf(null, layer, i))];
        Require(Layers.Count > 0, "A Sequence needs at least one layer.");
        Require(!Layers.Any(layer => layer is Input), "A Sequence begins with what it is put on: it has no Input layer.");
        Require(Names.Distinct().Count() == Names.Count, "A Sequence has two layers of one name: give one another.");
    }

    /// <summary>Gets the layers in their order.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>What they are called within it.</summary>
    internal IReadOnlyList<string> Names { get; }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        for (int i = 0; i < Layers.Count; i++)
        {
            LayerScope inner = scope.Child(Names[i], Layers[i]);
            using Origin.Scope origin = Origin.Use(Layers[i].OriginAs(inner.Name));
            inputs = [Layers[i].Build(inputs, inner)];
        }

        return inputs[0];
    }
}

/// <summary>
/// Describes what it is put on, added to what layers make of it: f(x + layers(x)) (He, Zhang, Ren, Sun: Deep residual
/// learning. CVPR 2016). Where they change the shape, <see cref="Shortcut"/> must do so too.
/// </summary>
public sealed class Residual : Layer
{
    /// <summary>Around these layers, each on the one before.</summary>
    /// <exception cref="EngineException">There are none, or they are no <see cref="Sequence"/>.</exception>
    public Residual(params ReadOnlySpan<Layer> layers) => Body = new Sequence(layers);

    /// <summary>Gets what is added to its own input.</summary>
    public Sequence Body { get; }

    /// <summary>
    /// Gets or sets what the input goes through on its way round, a 1x1 convolution say; null for nothing.
    /// </summary>
    public Layer? Shortcut { get; init; }

    /// <summary>Gets or sets what is applied to the sum.</summary>
    public Func<Variable, Variable> Nonlinearity { get; init; } = Symbolic.Linear;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        Variable body = Body.Build([input], scope);
        Variable around = Shortcut is null ? input : Shortcut.Build([input], scope.Child("shortcut", Shortcut));
        scope.Require(body.Shape == around.Shape,
            $"Residual adds {around.Shape} to {body.Shape}: give it a Shortcut that makes the one of the other, such as "
            + "new Conv2D(filters, 1, Linear) { Stride = … }.");
        return Nonlinearity(around + body);
    }
}
