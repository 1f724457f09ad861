using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Convolutions and pools in ONNX.</summary>
internal static class OnnxImages
{
    /// <summary>ONNX correlates: filters that are flipped here are flipped for it.</summary>
    public static string Convolution(OnnxGraph graph, Apply node, Conv2D op)
    {
        Variable filters = node.Inputs[1];
        string w = !op.FlipFilters ? graph.Name(filters) : filters switch
        {
            SharedVariable shared => graph.Tensor($"{shared.Name}.flipped", Flipped(shared.GetValue())),
            Constant constant => graph.Tensor("filters.flipped", Flipped(constant.Value)),
            _ => Reversed(graph, graph.Name(filters)),
        };
        return graph.Add(
            "Conv", [graph.Name(node.Inputs[0]), w, .. node.Inputs.Skip(2).Select(graph.Name)],
            Pair("strides", op.Stride), Pads(op.Padding, op.Padding));
    }

    /// <summary>
    /// The windows, with so much padding behind the images that the last of them is whole; ONNX counts it as no pixel.
    /// </summary>
    public static string Pool(OnnxGraph graph, string kind, string x, Shape images, Window window)
    {
        if (images[2] == Shape.Unknown || images[3] == Shape.Unknown)
        {
            throw new EngineException($"{kind} of {images} cannot be exported: height and width must be known.");
        }

        var pool = window.Of([1, 1, images[2], images[3]]);
        (int, int) behind = (
            Behind(pool.OH, images[2], window.Size.Height, window.Stride.Height, window.Padding.Height),
            Behind(pool.OW, images[3], window.Size.Width, window.Stride.Width, window.Padding.Width));
        return graph.Add(
            kind, [x],
            Pair("kernel_shape", window.Size), Pair("strides", window.Stride), Pads(window.Padding, behind));
    }

    /// <summary>The mean of pixels; where padding counts, it becomes pixels first.</summary>
    public static string AveragePool(OnnxGraph graph, Apply node, AveragePool2D op)
    {
        string x = graph.Name(node.Inputs[0]);
        Shape images = node.Inputs[0].Shape;
        Window window = op.Window;
        if (op.CountPadding)
        {
            (int height, int width) = window.Padding;
            x = graph.Add("Pad", [x, graph.Vector("pads", 0, 0, height, width, 0, 0, height, width)]);
            images = images.With(2, Padded(images[2], height)).With(3, Padded(images[3], width));
            window = window with { Padding = (0, 0) };
        }

        return Pool(graph, "AveragePool", x, images, window);
    }

    private static int Padded(int side, int padding) => side == Shape.Unknown ? side : side + (2 * padding);

    private static int Behind(int windows, int side, int size, int stride, int before) =>
        Math.Max(0, ((windows - 1) * stride) + size - side - before);

    private static OnnxAttribute Pair(string name, (int Height, int Width) pair) =>
        (name, new long[] { pair.Height, pair.Width });

    private static OnnxAttribute Pads((int Height, int Width) before, (int Height, int Width) behind) =>
        ("pads", new long[] { before.Height, before.Width, behind.Height, behind.Width });

    private static string Reversed(OnnxGraph graph, string filters) => graph.Add("Slice",
    [
        filters, graph.Vector("starts", -1, -1), graph.Vector("ends", long.MinValue, long.MinValue),
        graph.Vector("axes", 2, 3), graph.Vector("steps", -1, -1),
    ]);

    /// <summary>Each plane's elements in reverse: its rows and its columns are.</summary>
    private static Tensor Flipped(Tensor filters)
    {
        var flipped = new Tensor(filters.DType, filters.Shape);
        int size = filters.DType.Size(), plane = filters.Shape[2] * filters.Shape[3];
        for (int i = 0; i < filters.Shape.Count; i++)
        {
            int at = (i / plane * plane) + (plane - 1 - (i % plane));
            filters.Bytes.Slice(i * size, size).CopyTo(flipped.Bytes[(at * size)..]);
        }

        return flipped;
    }
}
