using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Imports attention (https://onnx.ai/onnx/operators/onnx__Attention.html) and rotary embeddings of its operands.
/// </summary>
internal static class AttentionOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Attention", 23, Takes.Numbers, Attention),
        new("RotaryEmbedding", 23, Takes.Numbers, Rotary),
    ];

    private static OnnxValue[] Attention(OnnxNode node)
    {
        Variable q = node.X(0), k = node.X(1), v = node.X(2);
        OnnxType type = node.Type;
        bool isFlat = q.Rank == 3;
        int qHeads = node.Int("q_num_heads", 0), kvHeads = node.Int("kv_num_heads", 0);
        if (isFlat)
        {
            (q, k, v) = (Heads(q, qHeads), Heads(k, kvHeads), Heads(v, kvHeads));
        }

        double softcap = node.Float("softcap", 0);
        var precision = (OnnxType)node.Number("softmax_precision", (long)type);
        if (precision != type && precision is not (OnnxType.Float or OnnxType.Double))
        {
            throw new EngineException($"its softmax is computed in {precision.Name()}");
        }

        Variable? pastLength = node.Has(4) ? DimensionOf(node.X(4), 2) : null;
        Variable presentKey = node.Has(4) ? Concat(2, [node.X(4), k]) : k;
        Variable presentValue = node.Has(5) ? Concat(2, [node.X(5), v]) : v;
        (Variable keys, Variable values) = (presentKey, presentValue);
        (int heads, int ofKeys) = (q.Shape[1], keys.Shape[1]);
        if (heads != ofKeys)
        {
            if (heads < 1 || ofKeys < 1 || heads % ofKeys != 0)
            {
                throw new EngineException($"{heads} heads of queries do not share {ofKeys} of keys");
            }

            (keys, values) = (Repeat(keys, heads / ofKeys, 1), Repeat(values, heads / ofKeys, 1));
        }

        int size = q.Shape[3];
        double scale = node.HasSetting("scale") ? node.Float("scale", 1)
            : size > 0
            ? 1 / Math.Sqrt(size)
            : throw new EngineException($"the size of its heads is not known ({q.Type})");
        Variable scores = MatMul(q * Math.Sqrt(scale), DimShuffle(keys, 0, 1, 3, 2) * Math.Sqrt(scale));
        Variable raw = scores;
        scores = softcap > 0 ? Tanh(scores / softcap) * softcap : scores;
        Variable capped = scores;
        if (Bias(node, q, keys, pastLength) is { } bias)
        {
            scores += bias;
        }

        Variable shares = Softmax(Cast(scores, precision.Stored()!.Value), -1);
        Variable y = Cast(MatMul(Cast(shares, q.DType), values), q.DType);
        y = isFlat ? Reshape(DimShuffle(y, 0, 2, 1, 3), DimensionOf(y, 0), DimensionOf(y, 2), -1) : y;
        Variable shown = node.Number("qk_matmul_output_mode", 0) switch
        {
            0 => raw,
            1 => capped,
            2 => scores,
            3 => Cast(shares, q.DType),
            long other => throw new EngineException($"there is no qk_matmul_output_mode {other}"),
        };
        return [OnnxNode.Of(type, y), OnnxNode.Of(node.V(1).Type, presentKey),
            OnnxNode.Of(node.V(2).Type, presentValue), OnnxNode.Of(type, shown)];
    }

    /// <summary>Returns (batch, steps, heads · size) as (batch, heads, steps, size).</summary>
    private static Variable Heads(Variable x, int heads) => heads > 0
        ? DimShuffle(Reshape(x, DimensionOf(x, 0), DimensionOf(x, 1), heads,
            x.Shape[2] == Shape.Unknown ? -1 : x.Shape[2] / heads), 0, 2, 1, 3)
        : throw new EngineException("its number of heads is missing");

    /// <summary>
    /// Returns the bias of the scores: the mask, and −∞ for keys after the query and for keys that are padding.
    /// </summary>
    private static Variable? Bias(OnnxNode node, Variable q, Variable keys, Variable? past)
    {
        Variable? bias = null;
        Variable minusInfinity = Constant(double.NegativeInfinity, q.DType), nothing = Constant(0, q.DType);
        if (node.Has(3))
        {
            Variable mask = node.X(3);
            mask = node.V(3).Type == OnnxType.Bool ? Where(mask, nothing, minusInfinity) : mask;
            int missing = (keys.Shape[2], mask.Shape[-1]) is ( > 0 and var all, > 0 and var said) ? all - said
                : throw OnnxNode.NotKnown([DimensionOf(keys, 2)], 3);
            bias = missing > 0 ? Pad(mask, [(0, missing)], Ops.PadMode.Constant, double.NegativeInfinity) : mask;
        }

        Variable positions = ARange(DimensionOf(keys, 2)), steps = ExpandDims(ARange(DimensionOf(q, 2)), 1);
        Variable? lengths = node.OpSet >= 24 && node.Has(6) ? Reshape(IndexingOps.Indices(node, 6), -1, 1, 1, 1) : null;
        if (node.Flag("is_causal"))
        {
            Variable before = past ?? (lengths is null ? Constant(0, DType.Int32) : lengths - DimensionOf(q, 2));
            Add(Where(LessOrEqual(positions, steps + before), nothing, minusInfinity));
        }

        if (lengths is not null)
        {
            Add(Where(Less(positions, lengths), nothing, minusInfinity));
        }

        return bias;

        void Add(Variable more) => bias = bias is null ? more : bias + more;
    }

    private static OnnxValue[] Rotary(OnnxNode node)
    {
        Variable x = node.X(0), cosines = node.X(1), sines = node.X(2);
        bool isFlat = x.Rank == 3;
        int heads = node.Int("num_heads", 0);
        Variable rows = isFlat
            ? Reshape(x, DimensionOf(x, 0), DimensionOf(x, 1),
                heads > 0 ? heads : throw new EngineException("its num_heads is missing"), -1)
            : DimShuffle(x, 0, 2, 1, 3);
        int size = isFlat ? OnnxNode.Dimensions(x, 2)[0] / heads : OnnxNode.Dimensions(x, 3)[0];
        rows = isFlat ? Reshape(rows, DimensionOf(x, 0), DimensionOf(x, 1), heads, size) : rows;
        int rotated = node.Int("rotary_embedding_dim", 0) is > 0 and var some ? some : size;
        if (node.Has(3))
        {
            Variable positions = IndexingOps.Indices(node, 3);
            (cosines, sines) = (Gather(cosines, positions), Gather(sines, positions));
        }

        (cosines, sines) = (ExpandDims(cosines, 2), ExpandDims(sines, 2));
        Variable part = Along(rows, 3, ..rotated);
        bool isInterleaved = node.Flag("interleaved");
        Variable a = isInterleaved ? part[Ellipsis, (.., 2)] : Along(part, 3, ..(rotated / 2));
        Variable b = isInterleaved ? part[Ellipsis, (1.., 2)] : Along(part, 3, (rotated / 2)..);
        Variable real = (cosines * a) - (sines * b), imaginary = (sines * a) + (cosines * b);
        Variable whole = isInterleaved
            ? Reshape(
                Stack(4, [real, imaginary]), DimensionOf(rows, 0), DimensionOf(rows, 1), DimensionOf(rows, 2), rotated)
            : Concat(3, [real, imaginary]);
        whole = rotated < size ? Concat(3, [whole, Along(rows, 3, rotated..)]) : whole;
        return node.Same(isFlat ? ReshapeLike(whole, x) : DimShuffle(whole, 0, 2, 1, 3));
    }
}
