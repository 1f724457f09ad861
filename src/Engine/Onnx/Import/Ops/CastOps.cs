using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Conversions between types.</summary>
internal static class CastOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Cast", 6, Takes.Any, node =>
        {
            // What they say concerns floating-point numbers of 8 bits alone.
            node.Ignore("saturate", "round_mode");
            return To(node, (OnnxType)node.Number("to", 0));
        }),
        new("CastLike", 15, Takes.Any, node =>
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
            throw new EngineException($"it gives {type.Name()}, of which there is nothing here");
        }

        if (!type.IsComputed() && x.Type != type)
        {
            // Whole numbers have their low bits, which int32 has more of.
            throw new EngineException($"it gives {type.Name()}, in which nothing is computed here");
        }

        if (type == OnnxType.UInt8 && x.Type.IsFloat())
        {
            // C's rule, which ONNX Runtime follows: first a whole number, of which the low bits.
            return [OnnxValue.Of(type, Ops.Symbolic.Cast(x.Variable, DType.Int32))];
        }

        return x.Type == type ? [x] : [OnnxValue.Of(type, x.Variable)];
    }
}
