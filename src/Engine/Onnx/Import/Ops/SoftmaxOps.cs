using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports softmax functions and losses.</summary>
internal static class SoftmaxOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        Rowwise("Softmax", (x, axis) => Softmax(x, axis)), Rowwise("LogSoftmax", (x, axis) => LogSoftmax(x, axis)),
        Rowwise("Hardmax", (x, axis) =>
        {
            Variable best = ExpandDims(ArgMax(x, axis), axis);
            Variable indices = DimShuffle(
                ARange(DimensionOf(x, axis)), [.. Enumerable.Range(0, x.Rank).Select(at => at == axis ? 0 : NewAxis)]);
            return Cast(Equal(best, indices), x.DType);
        }),
        new("NegativeLogLikelihoodLoss", 12, Takes.Numbers, node => [OnnxNode.Of(node.Type, Loss(node, node.X(0)))]),
        new("SoftmaxCrossEntropyLoss", 12, Takes.Numbers, node =>
        {
            Variable logs = LogSoftmax(node.X(0), 1);
            return [OnnxNode.Of(node.Type, Loss(node, logs)), OnnxNode.Of(node.Type, logs)];
        }),
    ];

    /// <summary>Returns the op before version 13, in which all axes from one on are a single axis.</summary>
    private static OnnxOp Rowwise(string name, Func<Variable, int, Variable> op) => new(name, 6, Takes.Floats, node =>
    {
        Variable x = node.X(0);
        if (node.OpSet >= 13)
        {
            return node.Same(op(x, OnnxNode.Axis(node.Number("axis", -1), x.Rank)));
        }

        int axis = OnnxNode.Axis(node.Number("axis", 1), x.Rank);
        return node.Same(axis == x.Rank - 1 ? op(x, axis) : ReshapeLike(op(ShapingOps.Matrix(x, axis), 1), x));
    });

    /// <summary>Returns −w[y]·log p[y] for labels that are not ignored. p's classes are its axis 1.</summary>
    private static Variable Loss(OnnxNode node, Variable logs)
    {
        Variable labels = IndexingOps.Indices(node, 1);
        Variable? weights = node.Has(2) ? node.X(2) : null;
        string reduction = node.Text("reduction", "mean");
        Variable? isIgnored = node.HasSetting("ignore_index") ? Equal(labels, node.Int("ignore_index", 0)) : null;
        Variable safe = isIgnored is null ? labels : Where(isIgnored, 0, labels);
        Variable chosen = Squeeze(TakeAlongAxis(logs, ExpandDims(safe, 1), 1), [1]);
        Variable weight = weights is null ? OnesLike(chosen) : Gather(weights, safe);
        weight = isIgnored is null ? weight : Where(isIgnored, 0, weight);
        Variable losses = -(chosen * weight);
        losses = isIgnored is null ? losses : Where(isIgnored, 0, losses);
        return reduction switch
        {
            "none" => losses,
            "sum" => Sum(losses),
            "mean" when weights is null && isIgnored is null => Mean(losses),
            "mean" => Sum(losses) / Sum(weight),
            _ => throw new EngineException($"there is no reduction '{reduction}'"),
        };
    }
}
