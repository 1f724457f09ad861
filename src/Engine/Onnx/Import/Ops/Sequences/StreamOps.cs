using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Imports other kinds of attention, for sequences that come in pieces:
/// https://onnx.ai/onnx/operators/onnx__LinearAttention.html, onnx__CausalConvWithState.html and ai.onnx.preview's
/// FlexAttention.
/// </summary>
internal static class StreamOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("LinearAttention", 27, Takes.Floats, Linear),
        new("CausalConvWithState", 27, Takes.Floats, node =>
        {
            Variable x = node.X(0), w = node.X(1);
            int before = OnnxNode.Dimensions(w, 2)[0] - 1;
            Variable whole = node.Has(3) ? Concat(2, [node.X(3), x]) : Pad(x, [(before, 0)]);
            var options = new ConvOptions { Groups = w.Shape[0], FlipFilters = false };
            Variable y = Convolve(whole, w, options, node.Has(2) ? node.X(2) : null);
            y = node.Text("activation", "none") switch
            {
                "none" => y,
                "silu" or "swish" => y * Sigmoid(y),
                string other => throw new EngineException($"there is no activation '{other}'"),
            };
            return [OnnxNode.Of(node.Type, y),
                OnnxNode.Of(node.Type, before == 0 ? Along(whole, 2, ..0) : Along(whole, 2, ^before..))];
        }),
        new("FlexAttention", 1, Takes.Floats, Flex) { Domain = "ai.onnx.preview" },
    ];

    private static OnnxValue[] Flex(OnnxNode node)
    {
        Variable q = node.X(0), k = node.X(1), v = node.X(2);
        int size = OnnxNode.Dimensions(q, 3)[0], heads = q.Shape[1], shared = k.Shape[1];
        if (heads != shared)
        {
            node.Ignore("enable_gqa");
            (k, v) = heads > 0 && shared > 0 && heads % shared == 0
                ? (Repeat(k, heads / shared, 1), Repeat(v, heads / shared, 1))
                : throw new EngineException($"{heads} heads of queries do not share {shared} of keys");
        }

        node.Ignore("enable_gqa");
        double scale = Math.Sqrt(node.HasSetting("scale") ? node.Float("scale", 1) : 1 / Math.Sqrt(size));
        OnnxType precision = (OnnxType)node.Number("softmax_precision", (long)node.Type);
        if (!precision.IsFloat())
        {
            throw new EngineException($"its softmax is computed in {precision.Name()}");
        }

        Variable scores = Cast(MatMul(q * scale, DimShuffle(k, 0, 1, 3, 2) * scale), precision.Stored()!.Value);
        Variable shares = Modified("prob_mod", Softmax(Modified("mask_mod", Modified("score_mod", scores)), 3));
        return [OnnxNode.Of(node.Type, MatMul(Cast(shares, q.DType), v))];

        // A subgraph from all scores to new scores of the same shape.
        Variable Modified(string name, Variable x)
        {
            if (!node.HasSetting(name))
            {
                return x;
            }

            OnnxGraphFile graph = node.Graph(name);
            return graph.Inputs.Count == 1
                ? Cast(node.Importer.Inner(graph, OnnxValue.Of(precision, x))[0].Variable, x.DType)
                : throw new EngineException($"its {name} takes {graph.Inputs.Count} inputs, and not all scores as one");
        }
    }

    /// <summary>
    /// Computes S = exp(g)·S + k·(β·(v − Sᵀk))ᵀ and y = scale·Sᵀq, step by step. Without decay the first factor is 1;
    /// without correction the bracket is v.
    /// </summary>
    private static OnnxValue[] Linear(OnnxNode node)
    {
        int heads = node.Int("q_num_heads", 0), shared = node.Int("kv_num_heads", 0);
        if (heads < 1 || shared < 1 || heads % shared != 0)
        {
            throw new EngineException($"{heads} heads of queries do not share {shared} of keys");
        }

        node.Ignore("chunk_size");
        string rule = node.Text("update_rule", "gated_delta");
        bool decays = rule is "gated" or "gated_delta", corrects = rule is "delta" or "gated_delta";
        if (!(decays || corrects || rule == "linear") || decays != node.Has(4) || corrects != node.Has(5)
            || (node.Has(6) && !corrects))
        {
            throw new EngineException($"its update_rule '{rule}' and its inputs do not go together");
        }

        Variable q = ByStep(node.X(0), heads), k = ByStep(node.X(1), shared), v = ByStep(node.X(2), shared);
        int width = OnnxNode.Dimensions(node.X(0), 2)[0] / heads,
            height = OnnxNode.Dimensions(node.X(2), 2)[0] / shared;
        double scale = node.Float("scale", 0) is not 0 and var given ? given : 1 / Math.Sqrt(width);
        List<ScanSequence> sequences = [q, k, v];
        if (decays)
        {
            sequences.Add(ByStep(node.X(4), shared));
        }

        if (corrects)
        {
            sequences.Add(ByStep(node.X(5), node.X(5).Shape[2] == 1 ? 1 : shared));
        }

        if (node.Has(6))
        {
            sequences.Add(ByStep(node.X(6), shared));
        }

        Variable begin = node.Has(3)
            ? Cast(node.X(3), q.DType)
            : BroadcastTo(Constant(0, q.DType), DimensionOf(node.X(0), 0), shared, width, height);
        int states = sequences.Count;
        ScanOutputs all = Scan(
            step =>
            {
                Variable state = step[states], key = ExpandDims(step[1], 3), value = step[2];
                state = decays ? state * ExpandDims(Exp(step[3]), 3) : state;
                if (corrects)
                {
                    Variable erased = node.Has(6) ? ExpandDims(step[states - 1], 3) * key : key;
                    Variable rate = step[decays ? 4 : 3];
                    value = rate * (value - Sum(state * erased, [2]));
                }

                state += key * ExpandDims(value, 2);
                Variable read = heads == shared ? state : Repeat(state, heads / shared, 1);
                return (Variable[])[state, Sum(read * ExpandDims(step[0], 3), [2]) * scale];
            },
            sequences, [begin, null]);

        // From (T, B, H, d) to (B, T, H·d).
        Variable y = DimShuffle(all[1], 1, 0, 2, 3);
        y = Reshape(y, DimensionOf(node.X(0), 0), DimensionOf(node.X(0), 1), heads * height);
        return [OnnxNode.Of(node.Type, y), OnnxNode.Of(node.Has(3) ? node.V(3).Type : node.Type, all[0][^1])];
    }

    /// <summary>Returns (B, T, H·d) as (T, B, H, d).</summary>
    private static Variable ByStep(Variable x, int heads) =>
        DimShuffle(Reshape(x, DimensionOf(x, 0), DimensionOf(x, 1), heads,
            x.Shape[2] == Shape.Unknown ? -1 : x.Shape[2] / heads), 1, 0, 2, 3);
}
