using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops that create arrays from nothing, or from shapes.</summary>
internal static class CreationOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Constant", 6, Takes.Any, ConstantOf),
        new("ConstantOfShape", 9, Takes.Any, node =>
        {
            Whole[] dimensions = node.Wholes(0);
            OnnxTensor value = node.Tensor("value")
                ?? new OnnxTensor("", OnnxType.Float, [1]) { Values = Tensor.From(new float[1]) };
            Variable one = Reshape(Constant(value.ToTensor()), Shape.Scalar);
            if (value.ToLongs(1) is [var number] && dimensions.All(dimension => dimension.IsKnown)
                && Count(dimensions) <= OnnxValue.MaxLookedAt)
            {
                Whole[] all = [.. Enumerable.Repeat(new Whole(number), (int)Count(dimensions))];
                return [OnnxValue.Of(value.Type, all, [.. dimensions.Select(dimension => (int)dimension.Number)])];
            }

            return OnnxNode.Give(value.Type,
                dimensions.Length == 0 ? one : BroadcastTo(one, [.. dimensions.Select(ShapingOps.Dimension)]));
        }),
        new("Shape", 6, Takes.Any, node =>
        {
            Variable x = node.X(0);
            int start = Clamped(node.Number("start", 0), x.Rank), end = Clamped(node.Number("end", long.MaxValue), x.Rank);
            Whole[] dimensions =
                [.. Enumerable.Range(start, Math.Max(0, end - start)).Select(axis => Whole.DimensionOf(x, axis))];
            return [OnnxValue.Of(OnnxType.Int64, dimensions, [dimensions.Length])];
        }),
        new("Size", 6, Takes.Any, node =>
        {
            Variable x = node.X(0);
            Whole count = x.Shape.IsKnown
                ? x.Shape.Count
                : new Whole(0, new Ops.Count([.. Enumerable.Range(0, x.Rank)], DType.Int32).Call(x));
            return [OnnxValue.Of(OnnxType.Int64, [count], Shape.Scalar)];
        }),
        new("Range", 11, Takes.Numbers, Range),
        new("EyeLike", 9, Takes.Numbers, node =>
        {
            Variable x = node.X(0);
            var type = (OnnxType)node.Number("dtype", (long)node.Type);
            return OnnxNode.Give(type, Eye(DimensionOf(x, 0), DimensionOf(x, 1), node.Int("k", 0)));
        }),
        new("Trilu", 14, Takes.Any, node =>
        {
            Variable x = node.X(0);
            int k = node.Has(1) ? checked((int)Math.Clamp(node.Long(1), -1 << 30, 1 << 30)) : 0;
            return node.Same(node.Flag("upper", true) ? Triu(x, k) : Tril(x, k));
        }),
        new("OneHot", 9, Takes.Numbers, node =>
        {
            Variable indices = Ops.Symbolic.ClippedIndices(Floor64(node.X(0))), values = node.X(2);
            int depth = checked((int)(node.V(1).Type.IsFloat() ? (long)node.Numbers(1)[0] : node.Long(1)));
            int axis = OnnxNode.Axis(node.Number("axis", -1), indices.Rank + 1);
            indices = Where(Less(indices, 0), indices + depth, indices);
            Variable classes = DimShuffle(
                ARange(depth), [.. Enumerable.Range(0, indices.Rank + 1).Select(at => at == axis ? 0 : NewAxis)]);
            Variable hot = Equal(ExpandDims(indices, axis), classes);
            return OnnxNode.Give(node.V(2).Type, Where(hot, values[1], values[0]));
        }),
        new("HannWindow", 17, Takes.Numbers, node => Window(node, (0.5, 0.5, 0))),
        new("HammingWindow", 17, Takes.Numbers, node => Window(node, (25.0 / 46, 21.0 / 46, 0))),
        new("BlackmanWindow", 17, Takes.Numbers, node => Window(node, (0.42, 0.5, 0.08))),
    ];

    private static Variable Floor64(Variable x) => x.DType.IsFloat() ? Trunc(x) : x;

    private static long Count(Whole[] dimensions) =>
        dimensions.Aggregate(1L, (product, dimension) => checked(product * dimension.Number));

    private static int Clamped(long axis, int rank) => (int)Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);

    private static OnnxValue[] ConstantOf(OnnxNode node)
    {
        OnnxTensor tensor = node.Tensor("value")
            ?? Of("value_float", OnnxType.Float, setting => Tensor.Scalar(setting.Float ?? 0))
            ?? Of("value_floats", OnnxType.Float, setting => Tensor.From(setting.Floats.ToArray()))
            ?? Whole("value_int", Shape.Scalar, node.HasSetting("value_int") ? [node.Number("value_int", 0)] : null)
            ?? (node.LongsOf("value_ints") is { } numbers ? Whole("value_ints", [numbers.Length], numbers) : null)
            ?? throw new EngineException("it has no value of a kind that is there");
        return [OnnxValue.Of(tensor, given => Constant(given.ToTensor()))];

        OnnxTensor? Of(string name, OnnxType type, Func<OnnxSetting, Tensor> make)
        {
            if (!node.HasSetting(name))
            {
                return null;
            }

            Tensor values = make(node.File.Settings.GetValueOrDefault(name) is { From.Length: 0 } own ? own
                : new OnnxSetting(name) { Float = (float)node.Float(name, 0), Floats = node.Floats(name) });
            return new OnnxTensor(name, type, values.Shape) { Values = values };
        }

        static OnnxTensor? Whole(string name, Shape shape, long[]? values) =>
            values is null ? null : new OnnxTensor(name, OnnxType.Int64, shape) { Whole = values };
    }

    /// <summary>Returns start, start + delta, … up to limit. Their number must be known, or be a dimension.</summary>
    private static OnnxValue[] Range(OnnxNode node)
    {
        OnnxType type = node.Type;
        if (type.IsFloat())
        {
            double start = node.Numbers(0)[0], limit = node.Numbers(1)[0], delta = node.Numbers(2)[0];
            int count = checked((int)Math.Max(0, Math.Ceiling((limit - start) / delta)));
            Variable steps = Cast(ARange(count), node.X(0).DType);
            return node.Same((steps * node.X(2)) + node.X(0));
        }

        Whole first = node.Wholes(0)[0], last = node.Wholes(1)[0], step = node.Wholes(2)[0];
        if (first.IsKnown && last.IsKnown && step.IsKnown)
        {
            Int128 span = (Int128)last.Number - first.Number;
            Int128 count = step.Number == 0 ? throw new EngineException("its step is 0")
                : Int128.Max(0, (span + step.Number - Int128.Sign(step.Number)) / step.Number);
            if (count <= OnnxValue.MaxLookedAt)
            {
                Whole[] all =
                    [.. Enumerable.Range(0, (int)count).Select(i => new Whole(first.Number + (i * step.Number)))];
                return [OnnxValue.Of(type, all, [all.Length])];
            }

            return node.Same((Cast(ARange(checked((int)count)), type.Stored()!.Value) * node.X(2)) + node.X(0));
        }

        if (step is not { IsKnown: true, Number: 1 })
        {
            node.Longs(0);
            node.Longs(1);
            node.Longs(2);
        }

        return node.Same(ARange(last.ToVariable() - first.ToVariable()) + first.ToVariable());
    }

    /// <summary>Returns a − b·cos(2πn/N) + c·cos(4πn/N).</summary>
    private static OnnxValue[] Window(OnnxNode node, (double A, double B, double C) form)
    {
        int size = OnnxNode.Few(node.Long(0), "elements of a window");
        var type = (OnnxType)node.Number("output_datatype", (long)OnnxType.Float);
        double period = node.Flag("periodic", true) ? size : size - 1;
        double[] values = [.. Enumerable.Range(0, size).Select(n =>
            form.A - (form.B * Math.Cos(2 * Math.PI * n / period)) + (form.C * Math.Cos(4 * Math.PI * n / period)))];
        return OnnxNode.Give(type, Constant(Tensor.From(values)));
    }
}
