using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Exports each op as one or a few ONNX nodes (https://onnx.ai/onnx/operators).</summary>
internal static class OnnxOps
{
    private static readonly Dictionary<Type, string> s_elementwise = new()
    {
        [typeof(Unary<Negate>)] = "Neg",
        [typeof(Unary<Exp>)] = "Exp",
        [typeof(Unary<Log>)] = "Log",
        [typeof(Unary<Sin>)] = "Sin",
        [typeof(Unary<Cos>)] = "Cos",
        [typeof(Unary<Tanh>)] = "Tanh",
        [typeof(Unary<Sigmoid>)] = "Sigmoid",
        [typeof(Unary<Softplus>)] = "Softplus",
        [typeof(Unary<Softsign>)] = "Softsign",
        [typeof(Unary<Abs>)] = "Abs",
        [typeof(Unary<Sign>)] = "Sign",
        [typeof(Unary<Sqrt>)] = "Sqrt",
        [typeof(Unary<Floor>)] = "Floor",
        [typeof(Unary<Ceiling>)] = "Ceil",
        [typeof(Unary<Round>)] = "Round",
        [typeof(Unary<Rectify>)] = "Relu",
        [typeof(Unary<ArcSin>)] = "Asin",
        [typeof(Unary<ArcCos>)] = "Acos",
        [typeof(Unary<ArcTan>)] = "Atan",
        [typeof(Unary<Sinh>)] = "Sinh",
        [typeof(Unary<Cosh>)] = "Cosh",
        [typeof(Unary<ArcSinh>)] = "Asinh",
        [typeof(Unary<ArcCosh>)] = "Acosh",
        [typeof(Unary<ArcTanh>)] = "Atanh",
        [typeof(Unary<Erf>)] = "Erf",
        [typeof(Binary<Add>)] = "Add",
        [typeof(Binary<Subtract>)] = "Sub",
        [typeof(Binary<Multiply>)] = "Mul",
        [typeof(Binary<Divide>)] = "Div",
        [typeof(Binary<Power>)] = "Pow",
        [typeof(Binary<Maximum>)] = "Max",
        [typeof(Binary<Minimum>)] = "Min",
    };

    private static readonly Dictionary<Type, string> s_comparisons = new()
    {
        [typeof(Compare<Equal>)] = "Equal",
        [typeof(Compare<NotEqual>)] = "Equal",
        [typeof(Compare<Less>)] = "Less",
        [typeof(Compare<LessOrEqual>)] = "LessOrEqual",
        [typeof(Compare<Greater>)] = "Greater",
        [typeof(Compare<GreaterOrEqual>)] = "GreaterOrEqual",
    };

    /// <summary>Adds an op's nodes and returns the name of its first output.</summary>
    /// <exception cref="EngineException">ONNX has no equivalent.</exception>
    public static string Add(OnnxGraph graph, Apply node)
    {
        string X(int input) => graph.Name(node.Inputs[input]);

        switch (node.Op)
        {
            case Elementwise op when s_elementwise.TryGetValue(op.GetType(), out string? name):
                return graph.Add(name, node.Inputs.Select(graph.Name));
            case Compare<Equal> when node.Inputs is [{ DType: DType.Bool }, Constant { Number: 0 }]:
                return graph.Add("Not", [X(0)]);
            case Elementwise op when s_comparisons.TryGetValue(op.GetType(), out string? name):
                string truth = graph.Add(name, [X(0), X(1)]);
                return op is Compare<NotEqual> ? graph.Add("Not", [truth]) : truth;
            case Unary<Square>:
                return graph.Add("Mul", [X(0), X(0)]);
            case Unary<Exp2>:
                return graph.Add("Pow", [Number(graph, node.Inputs[0].DType, 2), X(0)]);
            case Unary<Log2> or Unary<Log10>:
                double logBase = Math.Log(node.Op is Unary<Log2> ? 2 : 10);
                return graph.Add("Div", [graph.Add("Log", [X(0)]), Number(graph, node.Inputs[0].DType, logBase)]);
            case Binary<CrossEntropyTerm>:
                string isNone = graph.Add("Equal", [X(0), Number(graph, node.Inputs[0].DType, 0)]);
                return graph.Add(
                    "Where", [isNone, Number(graph, node.Inputs[0].DType, 0), graph.Add("Mul", [X(0), X(1)])]);
            case Unary<Expm1>:
                return graph.Add("Sub", [graph.Add("Exp", [X(0)]), One(graph, node)]);
            case Unary<Log1p>:
                return graph.Add("Log", [graph.Add("Add", [X(0), One(graph, node)])]);
            case Unary<Erfc>:
                return graph.Add("Sub", [One(graph, node), graph.Add("Erf", [X(0)])]);
            case Compare<And> or Compare<Or> or Compare<Xor>:
                return graph.Add(
                    node.Op is Compare<And> ? "And" : node.Op is Compare<Or> ? "Or" : "Xor",
                    [Truth(graph, X(0)), Truth(graph, X(1))]);
            case Unary<Trunc>:
                string sign = graph.Add("Sign", [X(0)]);
                return graph.Add("Mul", [sign, graph.Add("Floor", [graph.Add("Abs", [X(0)])])]);
            case Binary<IntDiv> or Binary<Mod> when !node.Inputs[0].DType.IsFloat():
                return WholeQuotient(graph, node);
            case Binary<IntDiv>:
                return graph.Add("Floor", [graph.Add("Div", [X(0), X(1)])]);
            case Binary<Mod>:
                // ONNX's remainder of floating-point numbers is exact, and has the dividend's sign.
                string rest = graph.Add("Mod", [X(0), X(1)], ("fmod", 1));
                string none = Number(graph, node.Inputs[0].DType, 0);
                string isOther = graph.Add("Xor", [graph.Add("Less", [rest, none]), graph.Add("Less", [X(1), none])]);
                string isWhole = graph.Add("Equal", [rest, none]);
                return graph.Add("Where", [
                    graph.Add("And", [isOther, graph.Add("Not", [isWhole])]), graph.Add("Add", [rest, X(1)]), rest]);
            case Where:
                return graph.Add("Where", [Truth(graph, X(0)), X(1), X(2)]);
            case Cast { To: DType.UInt8 } when node.Inputs[0].DType.IsFloat():
                // ONNX does not define the conversion of numbers out of range, and ONNX Runtime does not clip 16-bit
                // numbers.
                DType wide = node.Inputs[0].DType.Computes();
                string clipped = wide == node.Inputs[0].DType ? X(0) : As(graph, X(0), wide);
                string inRange =
                    graph.Add("Clip", [clipped, Number(graph, wide, 0), Number(graph, wide, byte.MaxValue)]);
                return As(graph, inRange, DType.UInt8);
            case NarrowIndices:
                return As(graph, X(0), DType.Int32);
            case Cast op:
                return As(graph, X(0), op.To);
            case Dot op:
                return graph.Add(
                    "Gemm", [Factor(graph, node, 0), Factor(graph, node, 1)],
                    ("transA", op.TransposeA ? 1 : 0), ("transB", op.TransposeB ? 1 : 0));
            case BatchedDot op:
                return graph.Add(
                    "MatMul", [Transposed(graph, X(0), op.TransposeA), Transposed(graph, X(1), op.TransposeB)]);
            case Sort op:
                return OnnxShapes.Sort(graph, node, op);
            case Conv2D op:
                return OnnxImages.Convolution(graph, node, op);
            case Conv2DInputGradient op:
                return OnnxImages.InputGradient(graph, node, op.Of);
            case Channelwise op:
                return OnnxImages.Channelwise(graph, node, op);
            case ChannelwiseInputGradient op:
                return OnnxImages.InputGradient(graph, node, op.Of);
            case Unfold op:
                return OnnxImages.Unfold(graph, node, op);
            case Fold op:
                return OnnxImages.Fold(graph, node, op);
            case MaxPool2D op:
                return OnnxImages.MaxPool(graph, node, op.Window);
            case AveragePool2D op:
                return OnnxImages.AveragePool(graph, node, op);
            case Attend op:
                return OnnxShapes.Attention(graph, node, op.IsCausal);
            case Softmax:
                return graph.Add("Softmax", [X(0)], ("axis", -1));
            case LogSoftmax:
                return graph.Add("LogSoftmax", [X(0)], ("axis", -1));
            // In ONNX, an empty list of axes means all axes.
            case IReduce { Axes.Rank: 0 }:
                return X(0);
            case Reduce<Sum> { Elements: null } op:
                return graph.Add("ReduceSum", [X(0), graph.Vector("axes", Longs(op.Axes))], ("keepdims", 1));
            case Reduce<Max> { Elements: null } op:
                return graph.Add("ReduceMax", [X(0)], ("axes", Longs(op.Axes)), ("keepdims", 1));
            case Reduce<Min> { Elements: null } op:
                return graph.Add("ReduceMin", [X(0)], ("axes", Longs(op.Axes)), ("keepdims", 1));
            case Reduce<Prod> { Elements: null } op:
                return graph.Add("ReduceProd", [X(0)], ("axes", Longs(op.Axes)), ("keepdims", 1));
            case Accumulate<Sum> op:
                return graph.Add(
                    "CumSum", [X(0), graph.Scalar("axis", op.Axis)],
                    ("exclusive", op.IsExclusive ? 1 : 0), ("reverse", op.IsReverse ? 1 : 0));
            case Accumulate<Prod> op:
                return OnnxLoops.Products(graph, node, op);
            case ArgMax op:
                string numbers = node.Inputs[0].DType == DType.Bool ? As(graph, X(0), DType.UInt8) : X(0);
                return As(graph, graph.Add("ArgMax", [numbers], ("axis", op.Axis), ("keepdims", 0)), DType.Int32);
            case Count op:
                return op.Of(node.Inputs[0].Shape) is { } known
                    ? Number(graph, op.DType, known)
                    : Count(graph, X(0), op);
            case DimShuffle op:
                return DimShuffle(graph, X(0), node.Inputs[0].Rank, op.Axes);
            case Reshape or ReshapeLike or Flatten:
                return OnnxShapes.Reshape(graph, node);
            case BroadcastTo or BroadcastLike:
                return OnnxShapes.BroadcastTo(graph, node);
            case Iota:
                return OnnxShapes.Iota(graph, node);
            case DisconnectedGrad or ZeroGrad or GradClip or GradScale or Print or Require:
                return X(0);
            case Concat op:
                return graph.Add("Concat", node.Inputs.Select(graph.Name), ("axis", op.Axis));
            case Subtensor op:
                return OnnxShapes.Subtensor(graph, X(0), op.Parts, [.. node.Inputs.Skip(1)]);
            case SubtensorUpdate op:
                return OnnxShapes.Update(graph, node, op);
            case TakeRows:
                return OnnxShapes.TakeRows(graph, node);
            case CrossEntropy:
                string labels = graph.Add("Unsqueeze", [X(1), graph.Vector("axes", 1)]);
                string chosen = graph.Add("GatherElements", [X(0), labels], ("axis", 1));
                return graph.Add("Neg", [graph.Add("Log", [graph.Add("Squeeze", [chosen, graph.Vector("axes", 1)])])]);
            default:
                if (OnnxGradients.Add(graph, node) is { } gradient)
                {
                    return gradient;
                }

                string why = OnnxLeftOut.Find(node.Op.GetType()) ?? "ONNX has no such op";
                throw new EngineException($"{node.Op.Name} cannot be exported: {why}.{node.Origin}");
        }
    }

    /// <summary>Converts axes or dimensions to ONNX's type.</summary>
    public static long[] Longs(Shape shape) => [.. shape.Select(dimension => (long)dimension)];

    private static string Transposed(OnnxGraph graph, string stack, bool isTransposed) =>
        isTransposed ? graph.Add("Transpose", [stack], ("perm", [0, 2, 1])) : stack;

    private static string As(OnnxGraph graph, string x, DType dtype) =>
        graph.Add("Cast", [x], ("to", OnnxGraph.Type(dtype)));

    private static string Truth(OnnxGraph graph, string x) => As(graph, x, DType.Bool);

    /// <summary>
    /// Returns a factor of a product in the dtype of the product, whose numbers of 16 bits are added up in float32.
    /// </summary>
    private static string Factor(OnnxGraph graph, Apply node, int input) =>
        node.Inputs[input].DType == node.Outputs[0].DType
            ? graph.Name(node.Inputs[input])
            : As(graph, graph.Name(node.Inputs[input]), node.Outputs[0].DType);

    private static string One(OnnxGraph graph, Apply node) => Number(graph, node.Inputs[0].DType, 1);

    private static string Number(OnnxGraph graph, DType dtype, double value) =>
        graph.Tensor("number", Tensor.Scalar(value).Cast(dtype));

    /// <summary>
    /// Exports the quotient, rounded down, or the remainder of integers. ONNX's remainder has the divisor's sign, but
    /// its quotient is rounded toward 0: one too great where there is a remainder and the signs differ. ONNX does not
    /// define what the divisor 0 gives; here that is 0.
    /// </summary>
    private static string WholeQuotient(OnnxGraph graph, Apply node)
    {
        string a = graph.Name(node.Inputs[0]), b = graph.Name(node.Inputs[1]),
            zero = Number(graph, node.Inputs[0].DType, 0);
        bool mayBeZero = node.Inputs[1] is not Constant divisor || NdArray.From(divisor.Value).Data.Contains(0);
        string isZero = mayBeZero ? graph.Add("Equal", [b, zero]) : "";
        b = mayBeZero ? graph.Add("Where", [isZero, One(graph, node), b]) : b;
        string result = graph.Add("Mod", [a, b]);
        if (node.Op is Binary<IntDiv>)
        {
            string isWhole = graph.Add("Equal", [result, zero]),
                differ = graph.Add("Xor", [graph.Add("Less", [a, zero]), graph.Add("Less", [b, zero])]);
            string less = As(graph, graph.Add("And", [differ, graph.Add("Not", [isWhole])]), node.Inputs[0].DType);
            result = graph.Add("Sub", [graph.Add("Div", [a, b]), less]);
        }

        return mayBeZero ? graph.Add("Where", [isZero, zero, result]) : result;
    }

    private static string Count(OnnxGraph graph, string x, Count op)
    {
        string dimensions = graph.Add(
            "Gather", [graph.Add("Shape", [x]), graph.Vector("axes", Longs(op.Axes))], ("axis", 0));
        string count = graph.Add("ReduceProd", [dimensions], ("keepdims", 0));
        return As(graph, count, op.DType);
    }

    private static string DimShuffle(OnnxGraph graph, string x, int rank, Shape axes)
    {
        long[] dropped = [.. Longs([.. Enumerable.Range(0, rank)]).Where(axis => !axes.Contains((int)axis))];
        if (dropped.Length > 0)
        {
            x = graph.Add("Squeeze", [x, graph.Vector("axes", dropped)]);
        }

        int[] kept = [.. axes.Where(axis => axis >= 0)];
        long[] order = [.. kept.Select(axis => (long)kept.Count(other => other < axis))];
        if (!order.SequenceEqual(order.Order()))
        {
            x = graph.Add("Transpose", [x], ("perm", order));
        }

        long[] added = [.. Longs([.. Enumerable.Range(0, axes.Rank)]).Where(axis => axes[(int)axis] < 0)];
        return added.Length > 0 ? graph.Add("Unsqueeze", [x, graph.Vector("axes", added)]) : x;
    }
}
