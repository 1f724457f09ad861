using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Imports conversions between types.</summary>
internal static class CastOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Cast", 6, Takes.Halves, node =>
        {
            // These attributes apply only to 8-bit floating-point numbers.
            node.Ignore("saturate", "round_mode");
            return To(node, (OnnxType)node.Number("to", 0));
        }),
        new("CastLike", 15, Takes.Halves, node =>
        {
            node.Ignore("saturate", "round_mode");
            return To(node, node.V(1).Type);
        }),
    ];

    private static OnnxValue[] To(OnnxNode node, OnnxType type)
    {
        OnnxValue x = node.V(0);
        if (type.Stored() is null)
        {
            throw new EngineException($"its output is {type.Name()}, a type that is not supported");
        }

        if (!type.IsComputed() && x.Type != type)
        {
            // Integers keep their low bits, and int32 has more of them.
            throw new EngineException($"it gives {type.Name()}, in which nothing is computed here");
        }

        if (type == OnnxType.UInt8 && x.Type.IsFloat())
        {
            // ONNX Runtime follows C's rule: convert to an integer first, then take its low bits.
            return [OnnxValue.Of(type, Ops.Symbolic.Cast(x.Variable, DType.Int32))];
        }

        // An int32 that became an int64, as indices do, is converted from what it was.
        Variable from = x.Variable is
            Result { Owner: { Op: Cast { To: DType.Int64 }, Inputs: [{ DType: DType.Int32 } narrow] } }
            ? narrow
            : x.Variable;
        return x.Type == type ? [x] : [OnnxValue.Of(type, from)];
    }
}
