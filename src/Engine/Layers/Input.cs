using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Describes what a network is applied to: a batch of samples.</summary>
public sealed class Input : Layer
{
    private Node? _node;

    /// <summary>
    /// Creates an input of these sides, without the batch's: <c>new Input(1, 32, 32)</c> for grayscale images.
    /// </summary>
    /// <exception cref="EngineException">A side is not positive.</exception>
    public Input(params ReadOnlySpan<int> sides)
    {
        Sides = Shape.Create(sides);
        Require(Sides.Rank > 0 && Sides.All(side => side > 0),
            $"Input needs the sides of a sample, each at least 1 and without the batch's, not {Sides}.");
    }

    /// <summary>Gets the sides of a sample.</summary>
    public Shape Sides { get; }

    /// <summary>
    /// Gets or sets the dtype of the samples; null for the network's own floating-point type. int32 samples reach the
    /// layers as they are: as indices, say, for a layer that gathers rows of a table. Those of another dtype, uint8
    /// pixels say, are converted as the network reads them, so that they take less room on the device. They are not
    /// scaled.
    /// </summary>
    public DType? DType { get; init; }

    /// <summary>Returns an input as what layers are put on: the same node each time.</summary>
    public static implicit operator Node(Input input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Interlocked.CompareExchange(ref input._node, new Node(input, []), null) ?? input._node;
    }

    /// <summary>These layers on it, each on the one before.</summary>
    /// <exception cref="EngineException">One of them is an <see cref="Input"/>.</exception>
    public Node Then(params ReadOnlySpan<Layer> layers) => ((Node)this).Then(layers);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(input);
        return input.DType is Engine.DType.Int32 or Engine.DType.Int64 ? input : scope.Floating(input);
    }
}
