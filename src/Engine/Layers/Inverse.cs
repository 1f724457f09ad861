using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Inverts layers by their gradient. The three inputs are x, the output of the layers, and their input; the result is x
/// times the Jacobian of the layers. <c>new Inverse().On(x, pooled, image)</c> puts x where the largest values were.
/// For a convolution or a Dense layer, it is the transposed layer with the same weights (Lasagne's InverseLayer).
/// </summary>
public sealed class Inverse : MergeLayer
{
    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(
            inputs.Count == 3 && inputs[0].Rank == inputs[1].Rank && inputs[0].Shape.Admits(inputs[1].Shape),
            $"Inverse takes three inputs: x, a layer's output of the same shape, and that layer's input, "
            + $"not {string.Join(" ", inputs.Select(input => input.Shape))}.");
        scope.Require(
            Traversal.Order([inputs[1]]).Any(node => node.Inputs.Contains(inputs[2])),
            "The second input of Inverse must be computed from its third: new Inverse().On(x, layer's output, "
            + "layer's input).");
        return Symbolic.Lop(inputs[1], inputs[2], inputs[0]);
    }
}
