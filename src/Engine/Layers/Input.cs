using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Represents an input of a network: a batch of samples.</summary>
public sealed class Input : Layer
{
    private Node? _node;

    /// <summary>
    /// Creates an input with these dimensions, without the batch: <c>new Input(1, 32, 32)</c> for grayscale images.
    /// </summary>
    /// <exception cref="EngineException">A dimension is not positive.</exception>
    public Input(params ReadOnlySpan<int> dimensions)
    {
        Dimensions = Shape.Create(dimensions);
        Require(Dimensions.Rank > 0 && Dimensions.All(dimension => dimension > 0),
            $"Input needs the dimensions of a sample, each at least 1 and without the batch's, not {Dimensions}.");
    }

    /// <summary>Gets the dimensions of a sample.</summary>
    public Shape Dimensions { get; }

    /// <summary>
    /// Gets or sets the dtype of the samples; null for the network's floating-point type. int32 samples reach the
    /// layers unchanged, for example as indices for an Embedding. Samples of another dtype, such as uint8 pixels, are
    /// converted when the network reads them, so they take less memory on the device. They are not scaled.
    /// </summary>
    public DType? DType { get; init; }

    /// <summary>Returns the node of an input, to which layers can be applied; the same node each time.</summary>
    public static implicit operator Node(Input input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Interlocked.CompareExchange(ref input._node, new Node(input, []), null) ?? input._node;
    }

    /// <summary>Returns a chain of these layers on this input.</summary>
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
