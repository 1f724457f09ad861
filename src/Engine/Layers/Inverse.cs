using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Inverts layers by their gradient. The three inputs are x, the output of the layers, and their input; the result is x
/// times the Jacobian of the layers. <c>new Inverse().On(x, pooled, image)</c> puts x where the greatest values were.
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
            $"Inverse takes x, what a layer made, of x's shape, and what it made it of, not {string.Join(" ", inputs.Select(input => input.Shape))}.");
        scope.Require(
            Traversal.Order([inputs[1]]).Any(node => node.Inputs.Contains(inputs[2])),
            $"Inverse goes back from its second input to its third, of which that is not made: new Inverse().On(x, y, layer's input).");
        return Symbolic.Lop(inputs[1], inputs[2], inputs[0]);
    }
}
