using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports convolutions. ONNX does not flip filters.</summary>
internal static class ConvolutionOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Conv", 6, Takes.Floats, node =>
        {
            Variable x = node.X(0), w = node.X(1);
            Windows windows = Windows.Of(node, x, Size(node, w));
            var options = new ConvOptions
            {
                Stride = windows.Stride, Dilation = windows.Dilation, Padding = windows.Before, PaddingBehind =
                    windows.Behind,
                Groups = node.Int("group", 1), FlipFilters = false,
            };
            return node.Same(Convolve(x, w, options, node.Has(2) ? node.X(2) : null));
        }),
        new("ConvTranspose", 6, Takes.Floats, Transposed),
        new("Col2Im", 18, Takes.Floats, FromColumns),
    ];

    /// <summary>
    /// Imports sums of windows into images: a transposed convolution whose filters each have a single 1.
    /// </summary>
    private static OnnxValue[] FromColumns(OnnxNode node)
    {
        Variable x = node.X(0);
        int[] image = node.IntsOf(1), size = node.IntsOf(2);
        int rank = image.Length, taps = OnnxNode.Few(
            size.Aggregate(1L, (product, dimension) => checked(product * dimension)), "taps of a window");
        int[] Each(string name, int count, int otherwise) =>
            node.Ints(name) is { Length: > 0 } given ? given : [.. Enumerable.Repeat(otherwise, count)];
        int[] dilation = Each("dilations", rank, 1), stride = Each("strides", rank, 1),
            pads = Each("pads", 2 * rank, 0);
        int rows = OnnxNode.Dimensions(x, 1)[0];
        if (size.Length != rank || dilation.Length != rank || stride.Length != rank || pads.Length != 2 * rank
            || rank is < 1 or > 3
            || taps == 0 || rows % taps != 0 || stride.Concat(dilation).Any(step => step < 1))
        {
            throw new EngineException($"its windows ({string.Join(", ", size)}), steps and pads do not fit {x.Type}");
        }

        Dimension[] counts = [.. Enumerable.Range(0, rank).Select(axis => (Dimension)(
            ((image[axis] + pads[axis] + pads[axis + rank] - ((size[axis] - 1) * dilation[axis]) - 1) / stride[axis])
                + 1))];
        int channels = rows / taps;
        Variable filters = Tile(
            Cast(Reshape(Eye(taps), [taps, 1, .. size.Select(dimension => (Dimension)dimension)]), x.DType),
            [channels, .. Enumerable.Repeat(1, rank + 1)]);
        var options = new ConvOptions
        {
            Stride = stride,
            Dilation = dilation,
            Padding = pads[..rank],
            PaddingBehind = pads[rank..],
            Groups = channels,
            FlipFilters = false,
        };
        return node.Same(ConvTranspose(Reshape(x, [DimensionOf(x, 0), rows, .. counts]), filters, options, image));
    }

    private static int[] Size(OnnxNode node, Variable w)
    {
        int[] size = [.. w.Shape.Skip(2)];
        return node.Ints("kernel_shape") is not { Length: > 0 } said || said.SequenceEqual(size)
            ? size
            : throw new EngineException(
                $"its kernel_shape is ({string.Join(", ", said)}), and its filters are {w.Type}");
    }

    private static OnnxValue[] Transposed(OnnxNode node)
    {
        Variable x = node.X(0), w = node.X(1);
        int rank = x.Rank - 2;
        int[] size = Size(node, w);
        string auto = node.Text("auto_pad", "NOTSET");
        int[]? output = node.Ints("output_shape") is { Length: > 0 } given ? given[^rank..] : null;
        int[] extra = node.Ints("output_padding") is { Length: > 0 } more ? more : new int[rank];
        int[] stride = node.Ints("strides") is { Length: > 0 } steps ? steps : [.. Enumerable.Repeat(1, rank)];
        int[] dilation = node.Ints("dilations") is { Length: > 0 } gaps ? gaps : [.. Enumerable.Repeat(1, rank)];
        int[] pads = node.Ints("pads") is { Length: > 0 } around ? [.. around] : new int[2 * rank];
        if (new[] { extra, stride, dilation, size }.Any(list => list.Length != rank) || pads.Length != 2 * rank)
        {
            throw new EngineException($"its windows, steps and pads do not fit {x.Type}");
        }

        if (output is null && auto is "NOTSET" or "" && extra.All(dimension => dimension == 0))
        {
            return node.Same(ConvTranspose(x, w, Options(node, stride, dilation, pads[..rank], pads[rank..]), null,
                node.Has(2) ? node.X(2) : null));
        }

        int[] dimensions = OnnxNode.Dimensions(x, 2);
        var to = new int[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            int whole = (stride[axis] * (dimensions[axis] - 1)) + extra[axis] + ((size[axis] - 1) * dilation[axis]) + 1;
            if (output is null && auto is "NOTSET" or "" or "VALID")
            {
                (pads[axis], pads[axis + rank]) = auto == "VALID" ? (0, 0) : (pads[axis], pads[axis + rank]);
                to[axis] = whole - pads[axis] - pads[axis + rank];
                continue;
            }

            to[axis] = output is null ? dimensions[axis] * stride[axis] : output[axis];
            if (output is null && whole < to[axis])
            {
                // ONNX's text requires zeros at the end here, but ONNX Runtime adds none.
                throw new EngineException($"its auto_pad {auto} goes with filters smaller than its steps");
            }

            int cut = Math.Max(0, whole - to[axis]);
            (pads[axis], pads[axis + rank]) = auto == "SAME_UPPER"
                ? (cut / 2, cut - (cut / 2))
                : (cut - (cut / 2), cut / 2);
        }

        return node.Same(ConvTranspose(
            x, w, Options(node, stride, dilation, pads[..rank], pads[rank..]), to, node.Has(2) ? node.X(2) : null));
    }

    private static ConvOptions Options(OnnxNode node, int[] stride, int[] dilation, int[] before, int[] behind) => new()
    {
        Stride = stride,
        Dilation = dilation,
        Padding = before,
        PaddingBehind = behind,
        Groups = node.Int("group", 1),
        FlipFilters = false,
    };
}
