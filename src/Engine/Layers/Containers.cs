using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Combines a chain of layers into one layer, for a part of a network that is repeated or used several times. Names
/// of inner layers are their own names, or type and position: <c>block.conv2d0.W</c>.
/// </summary>
public sealed class Sequence : MergeLayer
{
    /// <summary>Creates a chain of these layers; the first may have several inputs.</summary>
    /// <exception cref="EngineException">
    /// There are no layers, one is an <see cref="Input"/>, or two have the same name.
    /// </exception>
    public Sequence(params ReadOnlySpan<Layer> layers)
    {
        Layers = layers.ToArray();
        Names = [.. Layers.Select((layer, i) => PlacedLayer.NameOf(null, layer, i))];
        Require(Layers.Count > 0, "A Sequence needs at least one layer.");
        Require(
            !Layers.Any(layer => layer is Input), "A Sequence begins with what it is put on: it has no Input layer.");
        Require(Names.Distinct().Count() == Names.Count, "A Sequence has two layers of one name: give one another.");
    }

    /// <summary>Gets the layers in their order.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>Gets the names of the layers within it.</summary>
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
/// Adds its input to the output of layers: f(x + layers(x)) (He, Zhang, Ren, Sun: Deep residual learning. CVPR 2016).
/// If the layers change the shape, <see cref="Shortcut"/> must change it, too.
/// </summary>
public sealed class Residual : Layer
{
    /// <summary>Creates a residual block around a chain of these layers.</summary>
    /// <exception cref="EngineException">There are no layers, or they cannot form a <see cref="Sequence"/>.</exception>
    public Residual(params ReadOnlySpan<Layer> layers) => Body = new Sequence(layers);

    /// <summary>Gets the layers whose output is added to the input.</summary>
    public Sequence Body { get; }

    /// <summary>Gets or sets the layer on the shortcut, such as a 1x1 convolution; null for none.</summary>
    public Layer? Shortcut { get; init; }

    /// <summary>Gets or sets the function that is applied to the sum.</summary>
    public Func<Variable, Variable> Nonlinearity { get; init; } = Symbolic.Linear;

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        Variable body = Body.Build([input], scope);
        Variable around = Shortcut is null ? input : Shortcut.Build([input], scope.Child("shortcut", Shortcut));
        scope.Require(body.Shape == around.Shape,
            $"Residual adds {around.Shape} to {body.Shape}: give it a Shortcut that makes the one of the other, "
            + "such as new Conv2D(filters, 1, Linear) { Stride = … }.");
        return Nonlinearity(around + body);
    }
}
