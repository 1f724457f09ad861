using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Runs two recurrent layers in opposite directions and concatenates their outputs: <c>new Bidirectional(new Lstm(64),
/// new Lstm(64) { Backwards = true })</c>. A mask applies to both.
/// </summary>
public sealed class Bidirectional : MergeLayer
{
    /// <summary>Creates a layer from two layers, the second of which goes backwards.</summary>
    /// <exception cref="EngineException">
    /// The directions are wrong, or only one of the layers returns only the last step.
    /// </exception>
    public Bidirectional(RecurrentLayer forwards, RecurrentLayer backwards)
    {
        ArgumentNullException.ThrowIfNull(forwards);
        ArgumentNullException.ThrowIfNull(backwards);
        Require(!forwards.Backwards && backwards.Backwards,
            "Bidirectional takes a layer that goes forwards and one that goes backwards.");
        Require(forwards.OnlyLast == backwards.OnlyLast,
            "Bidirectional takes two layers that both give all steps, or only the last.");
        (Forwards, Backwards) = (forwards, backwards);
    }

    /// <summary>Gets the layer that goes forwards.</summary>
    public RecurrentLayer Forwards { get; }

    /// <summary>Gets the layer that goes backwards.</summary>
    public RecurrentLayer Backwards { get; }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return Symbolic.Concat(
            -1,
            Forwards.Build(inputs, scope.Child("forwards", Forwards)),
            Backwards.Build(inputs, scope.Child("backwards", Backwards)));
    }
}

/// <summary>
/// Stacks recurrent or bidirectional layers: <c>new Stacked(new Lstm(64), new Lstm(64) { OnlyLast = true })</c>. A mask
/// applies to all. Their parameters have names such as <c>layer0.W</c>.
/// </summary>
public sealed class Stacked : MergeLayer
{
    /// <summary>Creates a stack of these layers. All except the last must return all steps.</summary>
    /// <exception cref="EngineException">
    /// There are no layers, one is not recurrent, or one before the last returns only its last step.
    /// </exception>
    public Stacked(params ReadOnlySpan<MergeLayer> layers)
    {
        Layers = layers.ToArray();
        Require(Layers.Count > 0, "Stacked needs at least one layer.");
        Require(
            Layers.All(layer => layer is RecurrentLayer { TakesStart: false } or Bidirectional),
            "Stacked takes recurrent layers, and Bidirectional ones, none of which is given its start by inputs.");
        Require(
            !Layers.SkipLast(1)
                .Any(layer => layer is RecurrentLayer { OnlyLast: true } or Bidirectional { Forwards.OnlyLast: true }),
            "Only the last layer of Stacked may give only its last step: the others go on with all steps.");
    }

    /// <summary>Gets the layers in their order.</summary>
    public IReadOnlyList<MergeLayer> Layers { get; }

    /// <summary>Gets or sets the dropout probability of values between the layers in training.</summary>
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        Variable x = inputs[0];
        for (int i = 0; i < Layers.Count; i++)
        {
            LayerScope inner = scope.Child($"layer{i}", Layers[i]);
            if (i > 0 && Dropout > 0 && scope.IsTraining)
            {
                x = Symbolic.Dropout(x, Dropout, inner.Random);
            }

            x = Layers[i].Build([x, .. inputs.Skip(1)], inner);
        }

        return x;
    }
}
