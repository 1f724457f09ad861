using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Imports sampling at positions in images: https://onnx.ai/onnx/operators/onnx__AffineGrid.html and GridSample.
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
            _ = OnnxNode.Few(dimensions.Aggregate(1L, (product, dimension) => checked(product * dimension)), "pixels");
            if (rank is not (2 or 3) || (isAligned && dimensions.Contains(1)))
            {
                throw new EngineException($"it is of images of the dimensions ({string.Join(", ", dimensions)})");
            }

            // The last dimension is x, the first coordinate of a position.
            Variable whole =
                BroadcastTo(Constant(1, theta.DType), [.. dimensions.Select(dimension => (Dimension)dimension)]);
            Variable[] coordinates = [.. Enumerable.Range(0, rank).Reverse().Select(axis => whole * DimShuffle(
                Constant(Tensor.From([.. Enumerable.Range(0, dimensions[axis]).Select(pixel => isAligned
                    ? -1 + (2.0 * pixel / (dimensions[axis] - 1))
                    : -1 + (((2.0 * pixel) + 1) / dimensions[axis]))]).Cast(theta.DType)),
                [.. Enumerable.Range(0, rank).Select(at => at == axis ? 0 : NewAxis)]))];
            Variable points = Reshape(Stack(rank, [.. coordinates, whole]), -1, rank + 1);
            Variable grid = MatMul(points, DimShuffle(theta, 0, 2, 1));
            return node.Same(
                Reshape(grid, [DimensionOf(theta, 0), .. dimensions.Select(dimension => (Dimension)dimension), rank]));
        }),
        new("GridSample", 16, Takes.Floats, Sampled),
    ];

    private static OnnxValue[] Sampled(OnnxNode node)
    {
        Variable x = node.X(0), grid = Cast(node.X(1), x.DType);
        string mode = node.Text("mode", "linear"), padding = node.Text("padding_mode", "zeros");
        bool isAligned = node.Flag("align_corners");
        int[] dimensions = OnnxNode.Dimensions(x, 2);
        int rank = dimensions.Length, taps = mode switch
        {
            "nearest" => 1,
            "linear" or "bilinear" => 2,
            "cubic" or "bicubic" => 4,
            _ => throw new EngineException($"there is no mode '{mode}'"),
        };
        if (!node.Type.IsFloat() || rank is not (2 or 3) || grid.Rank != x.Rank
            || padding is not ("zeros" or "border" or "reflection"))
        {
            throw new EngineException($"it samples {x.Type} at {grid.Type} with the padding '{padding}'");
        }

        if (taps == 4 && padding != "zeros")
        {
            // PyTorch moves the neighbors into the image, ONNX Runtime the positions.
            throw new EngineException($"its mode {mode} goes with the padding '{padding}'");
        }

        (Variable Index, Variable Weight)[][] along = [.. dimensions.Select((dimension, axis) =>
            Neighbors(At(grid[Ellipsis, rank - 1 - axis], dimension, isAligned), dimension, taps, padding, isAligned))];
        Variable channelsLast = DimShuffle(x, [0, .. Enumerable.Range(2, rank), 1]);
        AxisIndex sample = DimShuffle(ARange(DimensionOf(x, 0)), [0, .. Enumerable.Repeat(NewAxis, rank)]);
        Variable all = NdArray.Indices([.. Enumerable.Repeat(taps, rank)]).Select(tap =>
        {
            (Variable Index, Variable Weight)[] one = [.. along.Select((neighbors, axis) => neighbors[tap[axis]])];
            Variable weight = one.Select(neighbor => neighbor.Weight).Aggregate(Multiply);
            return channelsLast[[sample, .. one.Select(neighbor => (AxisIndex)neighbor.Index)]]
                * ExpandDims(weight, -1);
        }).Aggregate(Add);
        return node.Same(DimShuffle(all, [0, rank + 1, .. Enumerable.Range(1, rank)]));
    }

    /// <summary>Returns positions from −1 to 1 in pixels.</summary>
    private static Variable At(Variable position, int dimension, bool isAligned) => isAligned
        ? (position + 1) * ((dimension - 1) / 2.0)
        : (((position + 1) * dimension) - 1) / 2;

    /// <summary>Returns the pixels next to positions along an axis, with their weights.</summary>
    private static (Variable Index, Variable Weight)[] Neighbors(
        Variable at, int dimension, int taps, string padding, bool isAligned)
    {
        at = taps == 1 ? Round(at) : at;
        double first = isAligned ? 0 : -0.5, range = isAligned ? dimension - 1 : dimension;
        at = padding switch
        {
            "border" => Clip(at, 0, dimension - 1),
            "reflection" when range == 0 => ZerosLike(at),
            "reflection" => first + range - Abs(Mod(at - first, 2 * range) - range),
            _ => at,
        };
        Variable below = Floor(at), share = at - below;
        Variable[] weights = taps switch
        {
            1 => [OnesLike(at)],
            2 => [1 - share, share],
            _ => [Far(share + 1), Near(share), Near(1 - share), Far(2 - share)],
        };
        return [.. weights.Select((weight, tap) =>
        {
            Variable index = below + (tap - (taps == 4 ? 1 : 0)), inside = Clip(index, 0, dimension - 1);
            return (Cast(inside, DType.Int32), padding == "zeros" ? Where(Equal(index, inside), weight, 0) : weight);
        })];
    }

    /// <summary>Computes Keys' kernel with −0.75 up to a distance of 1, and <see cref="Far"/> of it beyond.</summary>
    private static Variable Near(Variable distance) => (((1.25 * distance) - 2.25) * distance * distance) + 1;

    private static Variable Far(Variable distance) =>
        (((((-0.75 * distance) + 3.75) * distance) - 6) * distance) + 3;
}
