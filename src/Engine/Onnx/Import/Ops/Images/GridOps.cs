using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Imports computed sampling positions in images: https://onnx.ai/onnx/operators/onnx__AffineGrid.html.
/// </summary>
internal static class GridOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("AffineGrid", 20, Takes.Numbers, node =>
        {
            Variable theta = node.X(0);
            int[] size = node.IntsOf(1), sides = size[2..];
            bool isAligned = node.Flag("align_corners");
            int rank = sides.Length;
            _ = OnnxNode.Few(sides.Aggregate(1L, (product, side) => checked(product * side)), "places");
            if (rank is not (2 or 3) || (isAligned && sides.Contains(1)))
            {
                throw new EngineException($"it is of images of the sides ({string.Join(", ", sides)})");
            }

            // The last side is x, the first coordinate of a position.
            Variable whole = BroadcastTo(Constant(1, theta.DType), [.. sides.Select(side => (Side)side)]);
            Variable[] coordinates = [.. Enumerable.Range(0, rank).Reverse().Select(axis => whole * DimShuffle(
                Constant(Tensor.From([.. Enumerable.Range(0, sides[axis]).Select(place => isAligned
                    ? -1 + (2.0 * place / (sides[axis] - 1))
                    : -1 + (((2.0 * place) + 1) / sides[axis]))]).Cast(theta.DType)),
                [.. Enumerable.Range(0, rank).Select(at => at == axis ? 0 : NewAxis)]))];
            Variable places = Reshape(Stack(rank, [.. coordinates, whole]), -1, rank + 1);
            Variable grid = MatMul(places, DimShuffle(theta, 0, 2, 1));
            return node.Same(Reshape(grid, [SideOf(theta, 0), .. sides.Select(side => (Side)side), rank]));
        }),
    ];
}
