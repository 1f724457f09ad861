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
            int[] size = node.IntsOf(1), dimensions = size[2..];
            bool isAligned = node.Flag("align_corners");
            int rank = dimensions.Length;
            _ = OnnxNode.Few(dimensions.Aggregate(1L, (product, dimension) => checked(product * dimension)), "places");
            if (rank is not (2 or 3) || (isAligned && dimensions.Contains(1)))
            {
                throw new EngineException($"it is of images of the dimensions ({string.Join(", ", dimensions)})");
            }

            // The last dimension is x, the first coordinate of a position.
            Variable whole = BroadcastTo(Constant(1, theta.DType), [.. dimensions.Select(dimension => (Dimension)dimension)]);
            Variable[] coordinates = [.. Enumerable.Range(0, rank).Reverse().Select(axis => whole * DimShuffle(
                Constant(Tensor.From([.. Enumerable.Range(0, dimensions[axis]).Select(place => isAligned
                    ? -1 + (2.0 * place / (dimensions[axis] - 1))
                    : -1 + (((2.0 * place) + 1) / dimensions[axis]))]).Cast(theta.DType)),
                [.. Enumerable.Range(0, rank).Select(at => at == axis ? 0 : NewAxis)]))];
            Variable places = Reshape(Stack(rank, [.. coordinates, whole]), -1, rank + 1);
            Variable grid = MatMul(places, DimShuffle(theta, 0, 2, 1));
            return node.Same(Reshape(grid, [DimensionOf(theta, 0), .. dimensions.Select(dimension => (Dimension)dimension), rank]));
        }),
    ];
}
