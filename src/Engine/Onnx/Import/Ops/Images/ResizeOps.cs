using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Imports resizing by interpolation: https://onnx.ai/onnx/operators/onnx__Resize.html. Along each axis, every new
/// element is a weighted sum of a few old ones. Their indices and weights are constants of the graph.
/// </summary>
internal static class ResizeOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Resize", 10, Takes.Numbers, Resize),
        new("Upsample", 7, Takes.Numbers, node =>
        {
            Variable x = node.X(0);
            double[] scales = node.OpSet < 9
                ? [.. node.Floats("scales").Select(scale => (double)scale)]
                : node.Numbers(1);
            var form = new Form(node.Text("mode", "nearest"), "asymmetric", "floor") { HasScales = true };
            int[] dimensions = OnnxNode.Dimensions(x), all = [.. Enumerable.Range(0, x.Rank)];
            int[] to =
                [.. dimensions.Select((dimension, axis) =>
                    OnnxNode.Few((long)Math.Floor(dimension * scales[axis]), "elements of a dimension"))];
            return node.Same(Resized(x, all, dimensions, to, scales, form, null));
        }),
    ];

    private sealed record Form(string Mode, string Coordinates, string Nearest)
    {
        public double Cubic { get; init; } = -0.75;

        public bool ExcludesOutside { get; init; }

        public bool IsSmoothed { get; init; }

        public double Outside { get; init; }

        /// <summary>Gets whether the file has scales, which are float32: 3 / 0.6f is 5 in float32 only.</summary>
        public bool HasScales { get; init; }

        /// <summary>
        /// Gets whether aligned corners are of the new dimension, as PyTorch computes them, not of a fraction.
        /// </summary>
        public bool IsWhole { get; init; }
    }

    private static OnnxValue[] Resize(OnnxNode node)
    {
        Variable x = node.X(0);
        bool isFirst = node.OpSet < 11;
        var form = isFirst
            ? new Form(node.Text("mode", "nearest"), "asymmetric", "floor")
            : new Form(
                node.Text("mode", "nearest"), node.Text("coordinate_transformation_mode", "half_pixel"),
                node.Text("nearest_mode", "round_prefer_floor"))
            {
                Cubic = node.Float("cubic_coeff_a", -0.75),
                ExcludesOutside = node.Flag("exclude_outside"),
                IsSmoothed = node.Flag("antialias"),
                Outside = node.Float("extrapolation_value", 0),
            };
        if (!node.Type.IsFloat() && form.Mode != "nearest")
        {
            throw new EngineException($"it is {form.Mode} and of {node.Type.Name()}");
        }

        int[] axes = node.LongsOf("axes") is { } given
            ? OnnxNode.Axes(given, x.Rank)
            : [.. Enumerable.Range(0, x.Rank)];
        string policy = node.Text("keep_aspect_ratio_policy", "stretch");
        int scalesAt = isFirst ? 1 : 2;
        double[]? scales = node.Has(scalesAt) && !IsEmpty(node.V(scalesAt).Shape) ? node.Numbers(scalesAt) : null;
        int[]? dimensions = !isFirst && node.Has(3) && !IsEmpty(node.V(3).Shape) ? node.IntsOf(3) : null;
        double[]? region = !isFirst && node.Has(1) && form.Coordinates == "tf_crop_and_resize" ? node.Numbers(1) : null;
        if ((scales ?? [.. (dimensions ?? []).Select(dimension => (double)dimension)]).Length != axes.Length
            || scales is null == dimensions is null)
        {
            throw new EngineException($"it says scales or dimensions, one of them, for each of {axes.Length} axes");
        }

        // An axis of scale 1 stays the same, and its dimension may be unknown.
        if (scales is not null && !x.Shape.IsKnown && form.Coordinates != "tf_crop_and_resize")
        {
            int[] changed = [.. Enumerable.Range(0, axes.Length).Where(i => scales[i] != 1)];
            (axes, scales) = ([.. changed.Select(i => axes[i])], [.. changed.Select(i => scales[i])]);
        }

        int[] from =
            [.. axes.Select(axis => x.Shape[axis] != Shape.Unknown ? x.Shape[axis] : OnnxNode.Dimensions(x, axis)[0])];
        if (dimensions is not null)
        {
            scales = [.. dimensions.Select((dimension, i) => (double)dimension / from[i])];
            if (policy != "stretch")
            {
                double one = policy switch
                {
                    "not_larger" => scales.Min(),
                    "not_smaller" => scales.Max(),
                    _ => throw new EngineException($"there is no policy '{policy}'"),
                };
                scales = [.. scales.Select(_ => one)];
                dimensions = [.. from.Select(dimension => (int)Math.Floor((one * dimension) + 0.5))];
            }
        }

        form = form with { HasScales = dimensions is null, IsWhole = node.Importer.File.Producer == "pytorch" };
        int[] to = dimensions ?? [.. from.Select((dimension, i) => (int)Math.Floor(dimension * scales![i]))];
        _ = OnnxNode.Few(from.Concat(to).Append(0).Max(), "elements of a dimension");
        return node.Same(Resized(x, axes, from, to, scales!, form, region));
    }

    /// <summary>Returns whether an input is empty, which means that it is omitted.</summary>
    private static bool IsEmpty(Shape shape) => shape.Rank == 1 && shape[0] == 0;

    private static Variable Resized(
        Variable x, int[] axes, int[] from, int[] to, double[] scales, Form form, double[]? region)
    {
        Variable? isOutside = null;
        for (int i = 0; i < axes.Length; i++)
        {
            (double Start, double End) part = region is null ? (0, 1) : (region[i], region[i + axes.Length]);
            (double At, bool IsOutside)[] coordinates =
                [.. Enumerable.Range(0, to[i]).Select(
                    pixel => Coordinate(pixel, from[i], to[i], scales[i], form, part))];
            if (coordinates.Any(each => each.IsOutside))
            {
                Variable here = DimShuffle(
                    Constant(Tensor.From([.. coordinates.Select(each => each.IsOutside ? 1 : 0)])),
                    [.. Enumerable.Range(0, x.Rank).Select(axis => axis == axes[i] ? 0 : NewAxis)]);
                isOutside = isOutside is null ? here : Maximum(isOutside, here);
            }

            if (from[i] != to[i] || coordinates.Where((each, pixel) => each.At != pixel).Any())
            {
                x = AlongAxis(x, axes[i], from[i], [.. coordinates.Select(each => each.At)], scales[i], form);
            }
        }

        return isOutside is null ? x : Where(isOutside, Constant(form.Outside, x.DType), x);
    }

    /// <summary>Returns the coordinate of a resized pixel in the original image.</summary>
    private static (double At, bool IsOutside) Coordinate(
        int pixel, int from, int to, double scale, Form form, (double Start, double End) part)
    {
        double whole = form is { IsWhole: true, Coordinates: "align_corners" } ? to : scale * from;
        double Divided(double by, double at) => form.HasScales ? (float)at / (float)by : at / by;
        switch (form.Coordinates)
        {
            case "align_corners":
                return (to == 1 || whole == 1 ? 0 : Divided(whole - 1, pixel * (from - 1)), false);
            case "asymmetric":
                return (Divided(scale, pixel), false);
            case "half_pixel":
                return (Divided(scale, pixel + 0.5) - 0.5, false);
            case "pytorch_half_pixel":
                return (to == 1 ? 0 : Divided(scale, pixel + 0.5) - 0.5, false);
            case "half_pixel_symmetric":
                return ((from / 2.0 * (1 - (to / whole))) + Divided(scale, pixel + 0.5) - 0.5, false);
            case "tf_half_pixel_for_nn":
                return (Divided(scale, pixel + 0.5), false);
            case "tf_crop_and_resize":
                double at = (to == 1
                    ? (part.End - part.Start) * (from - 1) / 2
                    : pixel * (part.End - part.Start) * (from - 1) / (to - 1)) + (part.Start * (from - 1));
                return (at, at < 0 || at > from - 1);
            default:
                throw new EngineException($"there is no coordinate_transformation_mode '{form.Coordinates}'");
        }
    }

    private static Variable AlongAxis(Variable x, int axis, int dimension, double[] positions, double scale, Form form)
    {
        double[][] weights = [.. positions.Select(at => Weights(at, scale, form))];
        int count = weights.Length == 0 ? 0 : weights[0].Length;
        int[] starts = [.. positions.Select(at => (int)Math.Ceiling(at) - (count / 2))];
        for (int i = 0; form.ExcludesOutside && form.Mode != "nearest" && i < positions.Length; i++)
        {
            double[] inside = [.. weights[i].Select(
                (weight, tap) => starts[i] + tap < 0 || starts[i] + tap >= dimension ? 0 : weight)];
            double sum = inside.Sum();
            weights[i] = [.. inside.Select(weight => weight / sum)];
        }

        if (form.Mode == "nearest")
        {
            int[] nearest =
                [.. positions.Select(
                    (_, i) => Math.Clamp(starts[i] + (weights[i][0] == 1 ? 0 : 1), 0, dimension - 1))];
            return Along(x, axis, nearest);
        }

        Variable? total = null;
        for (int tap = 0; tap < count; tap++)
        {
            double[] share = [.. weights.Select(all => all[tap])];
            if (share.All(weight => weight == 0))
            {
                continue;
            }

            int[] taken = [.. starts.Select(start => Math.Clamp(start + tap, 0, dimension - 1))];
            Variable part = Along(x, axis, taken) * DimShuffle(
                Constant(Tensor.From(share).Cast(x.DType)),
                [.. Enumerable.Range(0, x.Rank).Select(at => at == axis ? 0 : NewAxis)]);
            total = total is null ? part : total + part;
        }

        return total ?? Along(x, axis, Array.Empty<int>());
    }

    /// <summary>
    /// Returns the weights of the neighbors, from the lowest on. An integer position is the lower middle neighbor.
    /// </summary>
    private static double[] Weights(double at, double scale, Form form)
    {
        double ratio = at == Math.Floor(at) ? 1 : at - Math.Floor(at);
        switch (form.Mode)
        {
            case "nearest":
                bool takesLower = ratio != 1 && form.Nearest switch
                {
                    "round_prefer_floor" => ratio <= 0.5,
                    "round_prefer_ceil" => ratio < 0.5,
                    "floor" => true,
                    "ceil" => false,
                    _ => throw new EngineException($"there is no nearest_mode '{form.Nearest}'"),
                };
                return takesLower ? [1, 0] : [0, 1];
            case "linear" or "cubic" when form.IsSmoothed && scale < 1:
                int reach = form.Mode == "linear" ? 1 : 2;
                int start = (int)Math.Floor(-reach / scale) + 1, end = 2 - start;
                double[] taps = [.. Enumerable.Range(
                    start, Math.Max(0, (form.Mode == "linear" ? start + 2 - (2 * start) : end) - start))
                    .Select(i => (i - ratio) * scale)
                    .Select(distance =>
                        form.Mode == "linear" ? Math.Max(0, 1 - Math.Abs(distance)) : Cubic(distance, form.Cubic))];
                double sum = taps.Sum();
                return [.. taps.Select(tap => tap / sum)];
            case "linear":
                return [1 - ratio, ratio];
            case "cubic":
                return [.. new[] { -1, 0, 1, 2 }.Select(i => Cubic(i - ratio, form.Cubic))];
            default:
                throw new EngineException($"there is no mode '{form.Mode}'");
        }
    }

    /// <summary>Computes Keys' kernel: https://doi.org/10.1109/TASSP.1981.1163711.</summary>
    private static double Cubic(double distance, double a)
    {
        double x = Math.Abs(distance);
        return x <= 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
            : x < 2 ? (a * x * x * x) - (5 * a * x * x) + (8 * a * x) - (4 * a)
            : 0;
    }
}
