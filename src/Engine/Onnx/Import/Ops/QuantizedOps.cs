using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops on quantized numbers. They are computed with dequantized floats.</summary>
internal static class QuantizedOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("QuantizeLinear", 10, Takes.Any, node =>
        {
            node.Ignore("saturate");
            Variable x = Cast(node.X(0), DType.Float32);
            OnnxType type = node.Has(2) ? node.V(2).Type : (OnnxType)node.Number("output_dtype", (long)OnnxType.UInt8);
            if (node.HasSetting("output_dtype") && node.Number("output_dtype", 0) is not 0 and var said
                && (OnnxType)said != type)
            {
                throw new EngineException("its output_dtype is not its zero point's");
            }

            if (node.Number("precision", 0) is not (0 or 1))
            {
                throw new EngineException("its precision is not float");
            }

            Variable scale = Spread(node, Cast(node.X(1), DType.Float32), x);
            Variable level = Round(x / scale);
            return OnnxNode.Give(
                type, Levels(type, node.Has(2) ? level + Spread(node, Cast(node.X(2), DType.Float32), x) : level));
        }),
        new("DequantizeLinear", 10, Takes.Any, node =>
        {
            Variable x = node.X(0);
            OnnxType type = node.HasSetting("output_dtype") && node.Number("output_dtype", 0) is not 0 and var said
                ? (OnnxType)said : node.V(1).Type;
            Variable level = Cast(x, DType.Float32), scale = Spread(node, Cast(node.X(1), DType.Float32), x);
            if (node.Has(2))
            {
                level = node.Type == OnnxType.Int32
                    ? Cast(x - Spread(node, node.X(2), x), DType.Float32)
                    : level - Spread(node, Cast(node.X(2), DType.Float32), x);
            }

            return OnnxNode.Give(type, level * scale);
        }),
        new("DynamicQuantizeLinear", 11, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            Variable min = Minimum(Min(x), 0), max = Maximum(Max(x), 0);
            Variable range = (max - min) / 255, scale = Where(Equal(range, 0), OnesLike(range), range);
            Variable zero = Clip(Round(-min / scale), 0, 255);
            Variable y = Levels(OnnxType.UInt8, Round(x / scale) + zero);
            return [
                OnnxNode.Of(OnnxType.UInt8, y), OnnxNode.Of(OnnxType.Float, scale), OnnxNode.Of(OnnxType.UInt8, zero)];
        }),
        Integer("MatMulInteger", (_, a, b) => MatMul(a, b)), Integer("ConvInteger", Convolved),
        Requantized("QLinearMatMul", (_, a, b) => MatMul(a, b)), Requantized("QLinearConv", Convolved),
    ];

    /// <summary>Returns an exact product of integers. float64 holds every sum of products of 8-bit numbers.</summary>
    private static OnnxOp Integer(string name, Func<OnnxNode, Variable, Variable, Variable> op) =>
        new(name, 10, Takes.Any, node =>
            OnnxNode.Give(OnnxType.Int32, op(node, Level(node, 0, 2), Level(node, 1, 3))));

    /// <summary>Returns a product of levels as levels: the exact product, rounded once.</summary>
    private static OnnxOp Requantized(string name, Func<OnnxNode, Variable, Variable, Variable> op) =>
        new(name, 10, Takes.Any, node =>
        {
            Variable product = op(node, Level(node, 0, 2), Level(node, 3, 5));
            Variable scale =
                Cast(Across(node, 1, product) * Across(node, 4, product) / Across(node, 6, product), DType.Float64);
            return OnnxNode.Give(node.V(7).Type,
                Levels(node.V(7).Type, Round(product * scale) + Cast(Across(node, 7, product), DType.Float64)));
        });

    /// <summary>
    /// Returns levels minus their zero point, in float64: one for all, or one for each row of a product's first factor,
    /// column of its second, or filter.
    /// </summary>
    private static Variable Level(OnnxNode node, int input, int zero)
    {
        Variable x = Cast(node.X(input), DType.Float64);
        if (!node.Has(zero))
        {
            return x;
        }

        Variable point = Cast(node.X(zero), DType.Float64);
        bool isFactor = node.File.Op.Contains("MatMul", StringComparison.Ordinal);
        return (point.Rank, isFactor, input) switch
        {
            (0, _, _) => x - point,
            (1, _, _) when point.Shape[0] == 1 => x - Reshape(point, Shape.Scalar),
            (1, true, 0) => x - ExpandDims(point, 1),
            (1, true, _) => x - point,
            (1, false, > 0) => x - DimShuffle(point, [0, .. Enumerable.Repeat(NewAxis, x.Rank - 1)]),
            _ => throw new EngineException($"its zero point is {point.Type}, for levels of {x.Type}"),
        };
    }

    /// <summary>
    /// Broadcasts an input to a product: one number for all, or one for each column of the second factor, row of
    /// another, or filter.
    /// </summary>
    private static Variable Across(OnnxNode node, int input, Variable product)
    {
        Variable numbers = node.X(input);
        return (numbers.Rank, node.File.Op, input) switch
        {
            (0, _, _) => numbers,
            (1, _, _) when numbers.Shape[0] == 1 => Reshape(numbers, Shape.Scalar),
            (1, "QLinearMatMul", 4) => numbers,
            (1, "QLinearMatMul", _) => ExpandDims(numbers, 1),
            (1, "QLinearConv", 4) => NormalizationOps.PerChannel(numbers, product),
            _ => throw new EngineException($"its scale or zero point is {numbers.Type}"),
        };
    }

    private static Variable Convolved(OnnxNode node, Variable x, Variable w)
    {
        Windows windows = Windows.Of(node, x, [.. w.Shape.Skip(2)]);
        node.Ignore("kernel_shape");
        var options = new ConvOptions
        {
            Stride = windows.Stride,
            Dilation = windows.Dilation,
            Padding = windows.Before,
            PaddingBehind = windows.Behind,
            Groups = node.Int("group", 1),
            FlipFilters = false,
        };
        return Convolve(x, w, options, node.Has(8) ? Cast(node.X(8), DType.Float64) : null);
    }

    /// <summary>Returns integers clamped to a type's range.</summary>
    private static Variable Levels(OnnxType type, Variable whole)
    {
        if (type is not (OnnxType.UInt8 or OnnxType.Int8 or OnnxType.UInt16 or OnnxType.Int16))
        {
            throw new EngineException($"it quantizes to {type.Name()}");
        }

        (long min, long max) = type.Range();
        return Cast(Clip(whole, min, max), DType.Int32);
    }

    /// <summary>
    /// Broadcasts to x's shape: one number for all, one for each index of an axis, or one for each block along it.
    /// </summary>
    private static Variable Spread(OnnxNode node, Variable numbers, Variable x)
    {
        int axis = node.Int("axis", 1), block = node.Int("block_size", 0);
        if (block > 0)
        {
            int at = OnnxNode.Axis(axis, x.Rank);
            Variable repeated = Repeat(numbers, block, at);
            int dimension = OnnxNode.Dimensions(x, at)[0];
            return repeated.Shape[at] == dimension ? repeated : Along(repeated, at, ..dimension);
        }

        return numbers.Rank switch
        {
            0 => numbers,
            1 when numbers.Shape[0] == 1 => Reshape(numbers, Shape.Scalar),
            1 => DimShuffle(numbers,
                [.. Enumerable.Range(0, x.Rank).Select(at => at == OnnxNode.Axis(axis, x.Rank) ? 0 : NewAxis)]),
            _ => throw new EngineException(
                $"its scales ({numbers.Type}) are neither one nor one for each index of an axis"),
        };
    }
}
