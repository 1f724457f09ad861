using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>
/// Convolutions of any number of axes in ONNX. What is taken out of images, place by place of a filter, is a convolution
/// by filters that are 1 at one place and 0 else; adding it up again is the transposed one.
/// </summary>
internal static class OnnxPatches
{
    /// <summary>A convolution of as many groups as there are channels.</summary>
    public static string Channelwise(OnnxGraph graph, Apply node, Channelwise op)
    {
        Shape images = Known(node, node.Inputs[0].Shape, axes: 1);
        string filters = graph.Name(node.Inputs[1]);
        if (op.FlipFilters)
        {
            long[] ones = [.. Enumerable.Repeat(-1L, op.Patches.Rank)], axes = [.. Enumerable.Range(2, ones.Length).Select(axis => (long)axis)];
            filters = graph.Add("Slice",
            [
                filters, graph.Vector("starts", ones), graph.Vector("ends", [.. ones.Select(_ => long.MinValue)]),
                graph.Vector("axes", axes), graph.Vector("steps", ones),
            ]);
        }

        return graph.Add("Conv", [graph.Name(node.Inputs[0]), filters], [("group", images[1]), .. Steps(op.Patches)]);
    }

    public static string Unfold(OnnxGraph graph, Apply node, Patches patches)
    {
        Shape images = Known(node, node.Inputs[0].Shape, axes: node.Inputs[0].Rank - 1);
        long[] sides = Longs(images.Skip(2)), over = Longs(patches.Over(images)), size = Longs(patches.Size);
        string x = Reshape(graph, graph.Name(node.Inputs[0]), [-1, 1, .. sides]);
        x = graph.Add("Conv", [x, Places(graph, node, patches.Size)], Steps(patches));
        x = Reshape(graph, x, [-1, images[1], Count(size), .. over]);
        return graph.Add("Transpose", [x], ("perm", [1, 2, 0, .. Behind(over.Length)]));
    }

    public static string Fold(OnnxGraph graph, Apply node, Patches patches)
    {
        Shape images = Known(node, node.Inputs[1].Shape, axes: node.Inputs[1].Rank - 1);
        long[] sides = Longs(images.Skip(2)), over = Longs(patches.Over(images)), size = Longs(patches.Size);
        long[] rest = [.. Enumerable.Range(0, sides.Length).Select(axis => sides[axis] + patches.Before[axis] + patches.Behind[axis]
            - (((over[axis] - 1) * patches.Stride[axis]) + ((size[axis] - 1) * patches.Dilation[axis]) + 1))];
        string x = graph.Add("Transpose", [graph.Name(node.Inputs[0])], ("perm", [2, 0, 1, .. Behind(over.Length)]));
        x = Reshape(graph, x, [-1, Count(size), .. over]);
        x = graph.Add("ConvTranspose", [x, Places(graph, node, patches.Size)], [.. Steps(patches), ("output_padding", rest)]);
        return Reshape(graph, x, [-1, images[1], .. sides]);
    }

    /// <summary>A filter for each place of filters, (places, 1, …), that is 1 there.</summary>
    private static string Places(OnnxGraph graph, Apply node, Shape size)
    {
        int count = (int)size.Count;
        var filters = new double[count * count];
        for (int place = 0; place < count; place++)
        {
            filters[(place * count) + place] = 1;
        }

        return graph.Tensor("places", Tensor.From(filters, [count, 1, .. size]).Cast(node.Outputs[0].DType));
    }

    private static OnnxAttribute[] Steps(Patches patches) =>
    [
        ("strides", Longs(patches.Stride)), ("dilations", Longs(patches.Dilation)),
        ("pads", [.. Longs(patches.Before), .. Longs(patches.Behind)]),
    ];

    private static string Reshape(OnnxGraph graph, string x, long[] shape) =>
        graph.Add("Reshape", [x, graph.Vector("shape", shape)]);

    private static Shape Known(Apply node, Shape images, int axes) => images.Skip(1).Take(axes).Contains(Shape.Unknown)
        ? throw new EngineException(
            $"{node.Op.Name} of {images} cannot be exported: all sides but the number of images must be known.{node.Origin}")
        : images;

    private static long[] Behind(int axes) => [.. Enumerable.Range(3, axes).Select(axis => (long)axis)];

    private static long Count(long[] sides) => sides.Aggregate(1L, (count, side) => count * side);

    private static long[] Longs(IEnumerable<int> sides) => [.. sides.Select(side => (long)side)];
}
