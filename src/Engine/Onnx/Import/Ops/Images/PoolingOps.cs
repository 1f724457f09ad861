using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports pooling.</summary>
internal static class PoolingOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("MaxPool", 6, Takes.Any, MaxPool),
        new("AveragePool", 6, Takes.Floats, AveragePool),
        new("LpPool", 6, Takes.Floats, LpPool),
        new("MaxUnpool", 9, Takes.Floats, MaxUnpool),
        Global("GlobalAveragePool", (node, x, axes) => Mean(x, axes, keepDims: true)),
        Global("GlobalMaxPool", (node, x, axes) => Max(x, axes, keepDims: true)),
        Global("GlobalLpPool",
            (node, x, axes) => Root(Sum(Raised(x, node.Float("p", 2)), axes, keepDims: true), node.Float("p", 2))),
    ];

    private static OnnxOp Global(string name, Func<OnnxNode, Variable, Shape, Variable> op) =>
        new(name, 6, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            return node.Same(op(node, x, [.. Enumerable.Range(2, x.Rank - 2)]));
        });

    private static Windows Of(OnnxNode node, Variable x) =>
        Windows.Of(node, x, node.Ints("kernel_shape") ?? throw new EngineException("its kernel_shape is missing"),
            isPool: true);

    private static OnnxValue?[] MaxPool(OnnxNode node)
    {
        Variable x = node.Type.IsFloat() ? node.X(0) : Cast(node.X(0), DType.Float32);
        if (!node.Type.IsFloat() && node.Type is not (OnnxType.Int8 or OnnxType.UInt8))
        {
            throw new EngineException($"it is of {node.Type.Name()}");
        }

        Windows windows = Of(node, x);
        bool roundsUp = node.Flag("ceil_mode");
        long order = node.Number("storage_order", 0);
        if (windows.IsPlain && !roundsUp && !node.Wants(1) && windows.Rank <= 3 && Covers(windows))
        {
            return [OnnxNode.Of(node.Type, Pool(x, windows.Size, PoolMode.Max, windows.Stride, windows.Before))];
        }

        int[] dimensions = OnnxNode.Dimensions(x, 2), counts = Counts(windows, dimensions, roundsUp);
        (int, int)[] widths = windows.Widths(dimensions, counts);
        Variable padded = Pad(x, widths, PadMode.Constant, double.NegativeInfinity);
        if (!node.Wants(1) && windows.Rank <= 3 && windows.Dilation.All(step => step == 1))
        {
            return [OnnxNode.Of(node.Type, Pool(padded, windows.Size, PoolMode.Max, windows.Stride))];
        }

        Variable? best = null, indices = null;
        Variable numbers = Pad(Numbered(x, dimensions, order != 0), widths);
        foreach ((Variable value, Variable number) in windows.Taps(padded, counts)
            .Zip(windows.Taps(numbers, counts)))
        {
            Variable isBetter = best is null ? value : Greater(value, best);
            indices = indices is null ? number : Where(isBetter, number, indices);
            best = best is null ? value : Maximum(best, value);
        }

        return [OnnxNode.Of(node.Type, best!), OnnxNode.Of(OnnxType.Int64, indices!)];
    }

    /// <summary>
    /// Returns the index of each element among all, counted along rows or, within each plane, along columns.
    /// </summary>
    private static Variable Numbered(Variable x, int[] dimensions, bool byColumns)
    {
        if (!byColumns)
        {
            Variable[] all = [.. Enumerable.Range(0, x.Rank).Select(axis => DimensionOf(x, axis))];
            return ReshapeLike(ARange(all.Aggregate(Multiply)), x);
        }

        // The order differs only within a plane.
        Variable planes = ARange(DimensionOf(x, 0) * DimensionOf(x, 1))
            * dimensions.Aggregate(1, (product, dimension) => product * dimension);
        Variable columns = Reshape(
            ARange(dimensions.Aggregate(1, (product, dimension) => product * dimension)), [.. dimensions.Reverse()]);
        Variable within = DimShuffle(columns, [.. Enumerable.Range(0, dimensions.Length).Reverse()]);
        Variable plane = DimShuffle(Reshape(planes, DimensionOf(x, 0), DimensionOf(x, 1)),
            [0, 1, .. Enumerable.Repeat(NewAxis, dimensions.Length)]);
        return plane + DimShuffle(within, [NewAxis, NewAxis, .. Enumerable.Range(0, dimensions.Length)]);
    }

    /// <summary>Puts maxima back at their indices. A larger output has zeros behind.</summary>
    private static OnnxValue[] MaxUnpool(OnnxNode node)
    {
        Variable x = node.X(0);
        Windows windows = Of(node, x);
        int[] dimensions = OnnxNode.Dimensions(x);
        int[] to = [.. dimensions[..2], .. Enumerable.Range(0, windows.Rank).Select(axis =>
            ((dimensions[axis + 2] - 1) * windows.Stride[axis]) - windows.Before[axis] - windows.Behind[axis]
                + windows.Size[axis])];
        int count = OnnxNode.Few(to.Aggregate(1L, (product, dimension) => checked(product * dimension)), "elements");
        Variable flat = BroadcastTo(Constant(0, x.DType), count);
        Variable y = Reshape(SetSubtensor(flat[Flatten(IndexingOps.Indices(node, 1), 1)], Flatten(x, 1)), [.. to]);
        int[] whole = node.Has(2) ? node.IntsOf(2) : to;
        return whole.Length == to.Length && whole.Zip(to).All(pair => pair.First >= pair.Second)
            ? node.Same(Pad(y, [.. whole.Zip(to).Select(pair => (0, pair.First - pair.Second))]))
            : throw new EngineException(
                $"its output_shape ({string.Join(", ", whole)}) is smaller than ({string.Join(", ", to)})");
    }

    private static OnnxValue[] AveragePool(OnnxNode node)
    {
        Variable x = node.X(0);
        Windows windows = Of(node, x);
        bool roundsUp = node.Flag("ceil_mode"), countsPads = node.Flag("count_include_pad");
        if (windows.IsPlain && !roundsUp && windows.Rank <= 3 && Covers(windows))
        {
            PoolMode mode = countsPads ? PoolMode.AverageWithPadding : PoolMode.Average;
            if (windows.Rank < 3 || countsPads || windows.Before.All(pad => pad == 0))
            {
                return node.Same(Pool(x, windows.Size, mode, windows.Stride, windows.Before));
            }
        }

        int[] dimensions = OnnxNode.Dimensions(x, 2), counts = Counts(windows, dimensions, roundsUp);
        Variable sums = Sums(x, windows, dimensions, counts);
        for (int axis = 0; axis < windows.Rank; axis++)
        {
            double[] pixels = [.. Enumerable.Range(0, counts[axis])
                .Select(window => (double)Pixels(windows, axis, dimensions[axis], window, countsPads))];
            sums /= DimShuffle(
                Cast(Constant(Tensor.From(pixels)), x.DType),
                [.. Enumerable.Range(0, x.Rank).Select(at => at == axis + 2 ? 0 : NewAxis)]);
        }

        return node.Same(sums);
    }

    private static OnnxValue[] LpPool(OnnxNode node)
    {
        Variable x = node.X(0);
        double p = node.HasSetting("p") && node.Number("p", 2) is var whole ? whole : 2;
        Windows windows = Of(node, x);
        int[] dimensions = OnnxNode.Dimensions(x, 2), counts = Counts(windows, dimensions, node.Flag("ceil_mode"));
        return node.Same(Root(Sums(Raised(x, p), windows, dimensions, counts), p));
    }

    private static Variable Raised(Variable x, double p) => p == 1 ? Abs(x) : p == 2 ? Square(x) : Power(Abs(x), p);

    private static Variable Root(Variable x, double p) => p == 1 ? x : p == 2 ? Sqrt(x) : Power(x, 1 / p);

    private static Variable Sums(Variable x, Windows windows, int[] dimensions, int[] counts)
    {
        Variable padded = Pad(x, windows.Widths(dimensions, counts));
        return windows.Rank <= 3 && windows.Dilation.All(step => step == 1)
            ? Pool(padded, windows.Size, PoolMode.Sum, windows.Stride)
            : windows.Taps(padded, counts).Aggregate(Add);
    }

    /// <summary>
    /// Returns how many pixels of a window count: pixels of the images and, on request, of the padding.
    /// </summary>
    private static int Pixels(Windows windows, int axis, int dimension, int window, bool countsPads)
    {
        int start = (window * windows.Stride[axis]) - windows.Before[axis];
        int min = countsPads ? -windows.Before[axis] : 0,
            max = countsPads ? dimension + windows.Behind[axis] : dimension;
        return Enumerable.Range(0, windows.Size[axis])
            .Select(tap => start + (tap * windows.Dilation[axis])).Count(at => at >= min && at < max);
    }

    private static int[] Counts(Windows windows, int[] dimensions, bool roundsUp)
    {
        int[] counts = [.. dimensions.Select((dimension, axis) => windows.Count(axis, dimension, roundsUp))];
        _ = OnnxNode.Few(counts.Max(), "windows along an axis");
        return counts.All(count => count > 0)
            ? counts
            : throw new EngineException($"its windows ({string.Join(", ", windows.Size)}) are larger than the images "
                + $"({string.Join(", ", dimensions)})");
    }

    /// <summary>Returns whether no window is entirely in the padding, which the ops here do not support.</summary>
    private static bool Covers(Windows windows) =>
        Enumerable.Range(0, windows.Rank).All(axis => windows.Before[axis] < windows.Size[axis]);
}
