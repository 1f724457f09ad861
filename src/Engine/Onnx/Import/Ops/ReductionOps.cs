using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports reductions along axes.</summary>
internal static class ReductionOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        Reduction("ReduceSum", 13, (x, axes, keep) => Sum(x, axes, keep), 0, staysWhole: true),
        Reduction("ReduceProd", 18, (x, axes, keep) => Prod(x, axes, keep), 1, staysWhole: true),
        Reduction("ReduceMax", 18, (x, axes, keep) => Max(x, axes, keep), double.NegativeInfinity, staysWhole: true),
        Reduction("ReduceMin", 18, (x, axes, keep) => Min(x, axes, keep), double.PositiveInfinity, staysWhole: true),
        Reduction("ReduceMean", 18, (x, axes, keep) => Mean(x, axes, keep), double.NaN),
        Reduction("ReduceL1", 18, (x, axes, keep) => Sum(Abs(x), axes, keep), 0, staysWhole: true),
        Reduction("ReduceL2", 18, (x, axes, keep) => Sqrt(Sum(Square(x), axes, keep)), 0),
        Reduction("ReduceSumSquare", 18, (x, axes, keep) => Sum(x * x, axes, keep), 0, staysWhole: true),
        Reduction("ReduceLogSum", 18, (x, axes, keep) => Log(Sum(x, axes, keep)), double.NegativeInfinity),
        Reduction("ReduceLogSumExp", 18, (x, axes, keep) => LogSumExp(x, axes, keep), double.NegativeInfinity),
        IndexOf("ArgMax", (x, axis) => ArgMax(x, axis)), IndexOf("ArgMin", (x, axis) => ArgMin(x, axis)),
        Accumulated("CumSum", 11, (x, axis) => CumSum(x, axis), 0), Accumulated(
            "CumProd", 26, (x, axis) => CumProd(x, axis), 1),
        new("TopK", 6, Takes.Numbers, TopK),
    ];

    /// <summary>
    /// Returns a reduction. A reduction of integers is computed in integers, or in float64 and rounded toward zero.
    /// </summary>
    private static OnnxOp Reduction(
        string name, int axesAreInput, Func<Variable, Shape, bool, Variable> op, double ofNone,
        bool staysWhole = false) =>
        new(name, 6, Takes.Numbers, node =>
        {
            Variable x = node.X(0);
            x = node.Type.IsFloat() ? x : !staysWhole ? Cast(x, DType.Float64)
                : node.Type is OnnxType.UInt8 or OnnxType.Bool ? Cast(x, DType.Int32) : x;
            int[]? axes = node.AxesOf("axes", 1, axesAreInput, x.Rank);
            bool keeps = node.Flag("keepdims", true), isNothing = node.Flag("noop_with_empty_axes");
            if (axes is null or { Length: 0 })
            {
                if (isNothing)
                {
                    // Each element is reduced separately.
                    return node.Same(Elementwise(name, x));
                }

                axes = [.. Enumerable.Range(0, x.Rank)];
            }

            if (axes.Length == 0)
            {
                return node.Same(Elementwise(name, x));
            }

            Shape over = [.. axes];
            if (axes.Any(axis => x.Shape[axis] == 0))
            {
                return node.Same(OfNone(node, x, axes, keeps, ofNone));
            }

            return node.Same(op(x, over, keeps));
        });

    /// <summary>Returns the reduction of a single element.</summary>
    private static Variable Elementwise(string name, Variable x) => name switch
    {
        "ReduceL1" or "ReduceL2" => Abs(x),
        "ReduceSumSquare" => x * x,
        "ReduceLogSum" => Log(x),
        _ => x,
    };

    private static Variable OfNone(OnnxNode node, Variable x, int[] axes, bool keeps, double value)
    {
        if (!double.IsFinite(value) && !node.Type.IsFloat())
        {
            (long min, long max) = node.Type == OnnxType.Int64 ? (int.MinValue, int.MaxValue) : node.Type.Range();
            if (node.Type == OnnxType.Int64 || double.IsNaN(value))
            {
                throw new EngineException("it is a reduction of nothing");
            }

            value = value < 0 ? min : max;
        }

        Ops.Dimension[] dimensions = [.. Enumerable.Range(0, x.Rank).Where(axis => keeps || !axes.Contains(axis))
            .Select(axis => axes.Contains(axis) ? (Ops.Dimension)1 : DimensionOf(x, axis))];
        return BroadcastTo(Constant(value, x.DType), dimensions);
    }

    private static OnnxOp IndexOf(string name, Func<Variable, int, Variable> op) => new(name, 6, Takes.Numbers, node =>
    {
        Variable x = node.X(0);
        x = node.Type is OnnxType.UInt8 or OnnxType.Bool ? Cast(x, DType.Int32) : x;
        int axis = OnnxNode.Axis(node.Number("axis", 0), x.Rank);
        Variable index = op(x, axis);
        if (node.Flag("select_last_index"))
        {
            index = (DimensionOf(x, axis) - 1) - op(Flip(x, [axis]), axis);
        }

        return OnnxNode.Give(OnnxType.Int64, node.Flag("keepdims", true) ? ExpandDims(index, axis) : index);
    });

    private static OnnxOp Accumulated(string name, int since, Func<Variable, int, Variable> op, double first) =>
        new(name, since, Takes.Numbers, node =>
        {
            Variable x = node.X(0);
            int axis = OnnxNode.Axis(node.Long(1), x.Rank);
            bool isExclusive = node.Flag("exclusive"), isReverse = node.Flag("reverse");
            x = isReverse ? Flip(x, [axis]) : x;
            if (isExclusive)
            {
                Variable begin = BroadcastLike(Constant(first, x.DType), Along(x, axis, ..1));
                x = Concat(axis, [begin, Along(x, axis, ..^1)]);
            }

            Variable sums = op(x, axis);
            return node.Same(isReverse ? Flip(sums, [axis]) : sums);
        });

    private static OnnxValue[] TopK(OnnxNode node)
    {
        Variable x = node.X(0);
        int count = node.OpSet < 10 ? node.Int("k", 1) : checked((int)node.Long(1));
        int axis = OnnxNode.Axis(node.Number("axis", -1), x.Rank);
        node.Ignore("sorted");
        bool isLargest = node.OpSet < 11 || node.Flag("largest", true);
        (Variable values, Variable indices) = Ops.Symbolic.TopK(x, count, axis, !isLargest);
        return [OnnxNode.Of(node.Type, values), OnnxNode.Of(OnnxType.Int64, indices)];
    }
}
