using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports comparisons and logical ops.</summary>
internal static class ComparisonOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        Compared("Equal", Equal), Compared("Less", Less), Compared("Greater", Greater),
        Compared("LessOrEqual", LessOrEqual), Compared("GreaterOrEqual", GreaterOrEqual),
        Compared("And", And), Compared("Or", Or), Compared("Xor", Xor),
        new("Not", 1, Takes.Numbers, node => OnnxNode.Give(
            OnnxType.Bool, node.X(0) is Result { Owner: { Op: Compare<Equal> } equal }
                ? NotEqual(equal.Inputs[0], equal.Inputs[1])
                : Not(node.X(0)))),
        new("IsNaN", 9, Takes.Floats, node => OnnxNode.Give(OnnxType.Bool, IsNaN(node.X(0)))),
        new("IsInf", 10, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            bool negative = node.Flag("detect_negative", true), positive = node.Flag("detect_positive", true);
            return OnnxNode.Give(OnnxType.Bool, (negative, positive) switch
            {
                (true, true) => IsInf(x),
                (true, false) => Equal(x, double.NegativeInfinity),
                (false, true) => Equal(x, double.PositiveInfinity),
                _ => NotEqual(ZerosLike(x), 0),
            });
        }),
        new("Where", 9, Takes.Numbers, node =>
        {
            OnnxType type = node.V(1).Type;
            return OnnxNode.Give(type, Where(node.X(0), node.X(1), node.X(2)));
        }),
    ];

    private static OnnxOp Compared(string name, Func<Variable, Variable, Variable> op) =>
        new(name, 6, Takes.Numbers, node =>
        {
            (Variable a, Variable b) = ElementwiseOps.Pair(node);
            return OnnxNode.Give(OnnxType.Bool, op(a, b));
        });
}
