using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Exports convolutions and pools.</summary>
internal static class OnnxImages
{
    public static string Convolution(OnnxGraph graph, Apply node, Conv2D op) => graph.Add(
        "Conv", [graph.Name(node.Inputs[0]), Filters(graph, node.Inputs[1], op.FlipFilters),
            .. node.Inputs.Skip(2).Select(graph.Name)],
        Pair("strides", op.Stride), Pads(op.Padding, op.Padding));

    /// <summary>Returns the gradient of a convolution by its images.</summary>
    public static string InputGradient(OnnxGraph graph, Apply node, Conv2D op)
    {
        Shape size = [.. node.Inputs[0].Shape.Skip(2)];
        (Shape stride, Shape pad) = ([op.Stride.Height, op.Stride.Width], [op.Padding.Height, op.Padding.Width]);
        return Transposed(
            graph, node, graph.Name(node.Inputs[1]), Filters(graph, node.Inputs[0], op.FlipFilters),
            new Patches(size, stride, pad, pad, [1, 1]), 1);
    }

    /// <summary>Returns a channelwise convolution.</summary>
    public static string Channelwise(OnnxGraph graph, Apply node, Channelwise op) => graph.Add(
        "Conv", [graph.Name(node.Inputs[0]), Filters(graph, node.Inputs[1], op.FlipFilters)],
        Attributes(op.Patches, Channels(node, node.Inputs[0].Shape)));

    /// <summary>Returns the gradient of a channelwise convolution by its images.</summary>
    public static string InputGradient(OnnxGraph graph, Apply node, Channelwise op) => Transposed(
        graph, node, graph.Name(node.Inputs[1]), Filters(graph, node.Inputs[0], op.FlipFilters), op.Patches,
        Channels(node, node.Outputs[0].Shape));

    /// <summary>
    /// Returns the patches under the filters, (channels, taps, N, …). Each tap is computed by a filter with 1 at
    /// that tap.
    /// </summary>
    public static string Unfold(OnnxGraph graph, Apply node, Unfold op)
    {
        int channels = Channels(node, node.Inputs[0].Shape), taps = op.Patches.Size.Product(0, op.Patches.Rank);
        string seen = graph.Add(
            "Conv", [graph.Name(node.Inputs[0]), Taps(graph, channels, op.Patches, node.Inputs[0].DType)],
            Attributes(op.Patches, channels));
        string planes = graph.Add("Transpose", [seen], ("perm", [1, 0, .. Rest(op.Patches)]));
        return Joined(graph, planes, [channels, taps, .. node.Outputs[0].Shape.Skip(2)], 1);
    }

    /// <summary>Returns the sums of patches at their positions in the images.</summary>
    public static string Fold(OnnxGraph graph, Apply node, Fold op)
    {
        int channels = Channels(node, node.Outputs[0].Shape), taps = op.Patches.Size.Product(0, op.Patches.Rank);
        string columns = graph.Name(node.Inputs[0]);
        string planes = Joined(graph, columns, [channels * taps, .. node.Inputs[0].Shape.Skip(2)], 2);
        string images = graph.Add("Transpose", [planes], ("perm", [1, 0, .. Rest(op.Patches)]));
        return Transposed(
            graph, node, images, Taps(graph, channels, op.Patches, node.Inputs[0].DType), op.Patches, channels);
    }

    /// <summary>Gives an array a shape whose dimensions behind some known ones are its own from an axis on.</summary>
    private static string Joined(OnnxGraph graph, string x, Shape to, int from)
    {
        if (to.Count(dimension => dimension == Shape.Unknown) < 2 && !to.Contains(0))
        {
            return graph.Add("Reshape", [x, graph.Vector("shape", OnnxOps.Longs(to))]);
        }

        string own = graph.Add(
            "Slice", [graph.Add("Shape", [x]), graph.Vector("starts", from), graph.Vector("ends", long.MaxValue)]);
        string known = graph.Vector("dimensions", OnnxOps.Longs([.. to.Take(from == 1 ? 2 : 1)]));
        return graph.Add("Reshape", [x, graph.Add("Concat", [known, own], ("axis", 0))]);
    }

    private static long[] Rest(Patches patches) => [.. Enumerable.Range(2, patches.Rank).Select(axis => (long)axis)];

    /// <summary>Returns a filter with a single 1 for each channel and each tap of a filter.</summary>
    private static string Taps(OnnxGraph graph, int channels, Patches patches, DType dtype)
    {
        int taps = patches.Size.Product(0, patches.Rank);
        double[] ones = new double[checked(channels * taps * taps)];
        for (int i = 0; i < channels * taps; i++)
        {
            ones[(i * taps) + (i % taps)] = 1;
        }

        return graph.Tensor("places", Tensor.From(ones).Reshape([channels * taps, 1, .. patches.Size]).Cast(dtype));
    }

    private static int Channels(Apply node, Shape images) =>
        images[1] != Shape.Unknown ? images[1] : throw new EngineException(
            $"{node.Op.Name} of {images} cannot be exported: the number of channels must be known.{node.Origin}");

    /// <summary>
    /// Returns ONNX's transposed convolution. Pixels beyond the windows are stated as output padding.
    /// </summary>
    private static string Transposed(
        OnnxGraph graph, Apply node, string results, string filters, Patches patches, int groups)
    {
        Shape images = node.Outputs[0].Shape;
        if (images.Skip(2).Contains(Shape.Unknown) || patches.Size.Contains(Shape.Unknown))
        {
            throw new EngineException(
                $"{node.Op.Name} of {images} cannot be exported: the dimensions of images and filters must be "
                + $"known.{node.Origin}");
        }

        Shape over = patches.Over(images);
        long[] left = [.. Enumerable.Range(0, patches.Rank)
            .Select(axis => (long)(images[axis + 2] + patches.Before[axis] + patches.Behind[axis]
            - ((over[axis] - 1) * patches.Stride[axis]) - ((patches.Size[axis] - 1) * patches.Dilation[axis]) - 1))];
        return graph.Add(
            "ConvTranspose", [results, filters], [.. Attributes(patches, groups), ("output_padding", left)]);
    }

    private static OnnxAttribute[] Attributes(Patches patches, int groups) =>
    [
        ("strides", OnnxOps.Longs(patches.Stride)), ("dilations", OnnxOps.Longs(patches.Dilation)),
        ("pads", [.. OnnxOps.Longs(patches.Before), .. OnnxOps.Longs(patches.Behind)]), ("group", groups),
    ];

    /// <summary>Returns the filters, flipped if the op flips them, because ONNX computes a correlation.</summary>
    private static string Filters(OnnxGraph graph, Variable filters, bool areFlipped) =>
        !areFlipped ? graph.Name(filters) : filters switch
        {
            SharedVariable shared => graph.Tensor($"{shared.Name}.flipped", Flipped(shared.GetValue())),
            Constant constant => graph.Tensor("filters.flipped", Flipped(constant.Value)),
            _ => Reversed(graph, graph.Name(filters), filters.Rank),
        };

    /// <summary>
    /// Returns the largest element of each window and, under its own name if a node reads it, its index in its plane.
    /// ONNX counts indices in all planes together.
    /// </summary>
    public static string MaxPool(OnnxGraph graph, Apply node, Window window)
    {
        Shape images = node.Inputs[0].Shape;
        OnnxAttribute[] attributes = Pool("MaxPool", images, window);
        if (!graph.IsRead(node.Outputs[1]))
        {
            return graph.Add("MaxPool", [graph.Name(node.Inputs[0])], attributes);
        }

        (string values, string indices) = graph.AddPair("MaxPool", [graph.Name(node.Inputs[0])], attributes);
        string inPlane = graph.Add("Mod", [indices, graph.Scalar("plane", images[2] * images[3])]);
        graph.Give(node.Outputs[1], graph.Add("Cast", [inPlane], ("to", OnnxGraph.Type(DType.Int32))));
        return values;
    }

    /// <summary>
    /// Returns the attributes of a pool. The padding after the images completes the last window; ONNX does not count it
    /// as pixels.
    /// </summary>
    private static OnnxAttribute[] Pool(string kind, Shape images, Window window)
    {
        if (images[2] == Shape.Unknown || images[3] == Shape.Unknown)
        {
            throw new EngineException($"{kind} of {images} cannot be exported: height and width must be known.");
        }

        return [Pair("kernel_shape", window.Size), Pair("strides", window.Stride),
            Pads(window.Padding, Behind(images, window))];
    }

    private static (int Height, int Width) Behind(Shape images, Window window)
    {
        var pool = window.Of([1, 1, images[2], images[3]]);
        return (
            Behind(pool.OH, images[2], window.Size.Height, window.Stride.Height, window.Padding.Height),
            Behind(pool.OW, images[3], window.Size.Width, window.Stride.Width, window.Padding.Width));
    }

    /// <summary>Returns an average pool. If padding counts, it becomes pixels first.</summary>
    public static string AveragePool(OnnxGraph graph, Apply node, AveragePool2D op)
    {
        string x = graph.Name(node.Inputs[0]);
        Shape images = node.Inputs[0].Shape;
        Window window = op.Window;
        if (op.CountPadding)
        {
            // Behind the image only so many pixels as the windows reach: one more window would begin in others.
            (int height, int width) = window.Padding;
            Shape pooled = node.Outputs[0].Shape;
            int below =
                Math.Min(height, Behind(pooled[2], images[2], window.Size.Height, window.Stride.Height, height));
            int right = Math.Min(width, Behind(pooled[3], images[3], window.Size.Width, window.Stride.Width, width));
            x = graph.Add("Pad", [x, graph.Vector("pads", 0, 0, height, width, 0, 0, below, right)]);
            images = images.With(2, Padded(images[2], height + below)).With(3, Padded(images[3], width + right));
            window = window with { Padding = (0, 0) };
        }

        return graph.Add("AveragePool", [x], Pool("AveragePool", images, window));
    }

    /// <summary>
    /// Returns the gradient of an average pool: each window's share, at each of its pixels. Each plane is an image with
    /// one channel.
    /// </summary>
    public static string AveragePoolGradient(OnnxGraph graph, Apply node, AveragePool2D op)
    {
        Shape images = node.Outputs[0].Shape;
        DType dtype = node.Outputs[0].DType;
        (Window window, string shape) = (op.Window, graph.Add("Shape", [graph.Name(node.Inputs[1])]));
        Shape plane = images.With(0, 1).With(1, 1), pooled = window.Infer(new TensorType(dtype, plane)).Shape;
        double[] divisors = new double[pooled.Count];
        window.ForEach(plane, pooled, (at, inside, taps) => divisors[at] = op.Divisor(inside.Count, taps));
        string shares = graph.Add(
            "Div", [graph.Name(node.Inputs[0]),
                graph.Tensor("divisors", Tensor.From(divisors).Reshape([.. pooled]).Cast(dtype))]);
        string planes = graph.Add("Reshape", [shares, graph.Vector("planes", [-1, 1, pooled[2], pooled[3]])]);
        Shape size = [window.Size.Height, window.Size.Width];
        double[] ones = [.. Enumerable.Repeat(1.0, size.Product(0, 2))];
        string spread = Transposed(
            graph, node, planes, graph.Tensor("ones", Tensor.From(ones).Reshape(1, 1, size[0], size[1]).Cast(dtype)),
            new Patches(
                size, [window.Stride.Height, window.Stride.Width], [window.Padding.Height, window.Padding.Width],
                [Behind(images, window).Height, Behind(images, window).Width], [1, 1]), 1);
        return graph.Add("Reshape", [spread, shape]);
    }

    private static int Padded(int dimension, int padding) =>
        dimension == Shape.Unknown ? dimension : dimension + padding;

    private static int Behind(int windows, int dimension, int size, int stride, int before) =>
        Math.Max(0, ((windows - 1) * stride) + size - dimension - before);

    private static OnnxAttribute Pair(string name, (int Height, int Width) pair) =>
        (name, new long[] { pair.Height, pair.Width });

    private static OnnxAttribute Pads((int Height, int Width) before, (int Height, int Width) behind) =>
        ("pads", new long[] { before.Height, before.Width, behind.Height, behind.Width });

    private static string Reversed(OnnxGraph graph, string filters, int rank)
    {
        long[] axes = [.. Enumerable.Range(2, rank - 2).Select(axis => (long)axis)], all = [.. axes.Select(_ => -1L)];
        return graph.Add("Slice",
        [
            filters, graph.Vector("starts", all), graph.Vector("ends", [.. axes.Select(_ => long.MinValue)]),
            graph.Vector("axes", axes), graph.Vector("steps", all),
        ]);
    }

    /// <summary>Reverses each plane's elements, which reverses its rows and its columns.</summary>
    private static Tensor Flipped(Tensor filters)
    {
        var flipped = new Tensor(filters.DType, filters.Shape);
        int size = filters.DType.Size(), plane = filters.Shape.Product(2, filters.Shape.Rank);
        for (int i = 0; i < filters.Shape.Count; i++)
        {
            int at = (i / plane * plane) + (plane - 1 - (i % plane));
            filters.Bytes.Slice(i * size, size).CopyTo(flipped.Bytes[(at * size)..]);
        }

        return flipped;
    }
}
