using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops of ai.onnx.ml, to which scikit-learn's linear models are converted.</summary>
internal static class ClassicOps
{
    private const string Ml = "ai.onnx.ml";

    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Scaler", 1, Takes.Numbers, node =>
        {
            Variable x = Cast(node.X(0), DType.Float32);
            return OnnxNode.Give(OnnxType.Float, (x - Row(node.Floats("offset"))) * Row(node.Floats("scale")));
        })
        { Domain = Ml },
        new("Normalizer", 1, Takes.Numbers, node =>
        {
            Variable x = Cast(node.X(0), DType.Float32);
            Variable norm = node.Text("norm", "MAX") switch
            {
                "MAX" => Max(x, [x.Rank - 1], keepDims: true),
                "L1" => Sum(Abs(x), [x.Rank - 1], keepDims: true),
                "L2" => Sqrt(Sum(Square(x), [x.Rank - 1], keepDims: true)),
                string other => throw new EngineException($"there is no norm '{other}'"),
            };
            return OnnxNode.Give(OnnxType.Float, Where(Equal(norm, 0), x, x / norm));
        })
        { Domain = Ml },
        new("LinearRegressor", 1, Takes.Numbers, node =>
        {
            Variable y = Scores(node, node.Int("targets", 1));
            return node.Text("post_transform", "NONE") == "NONE"
                ? OnnxNode.Give(OnnxType.Float, y)
                : throw new EngineException("its post_transform is not there");
        })
        { Domain = Ml },
        // ONNX returns maps from labels to probabilities. Here it is the probabilities in the order of the labels.
        new("ZipMap", 1, Takes.Floats, node =>
        {
            node.Ignore("classlabels_int64s", "classlabels_strings");
            return node.Same(node.X(0));
        })
        { Domain = Ml },
        new("LinearClassifier", 1, Takes.Numbers, Classified) { Domain = Ml },
    ];

    private static Constant Row(IReadOnlyList<float> numbers) => Constant(Tensor.From(numbers.ToArray()));

    private static Variable Scores(OnnxNode node, int rows)
    {
        Variable x = Cast(node.X(0), DType.Float32);
        IReadOnlyList<float> weights = node.Floats("coefficients"), bias = node.Floats("intercepts");
        Variable w = Constant(Tensor.From(weights.ToArray()).Reshape(rows, weights.Count / rows));
        Variable y = Dot(x, w, false, true);
        return bias.Count > 0 ? y + Row(bias) : y;
    }

    private static OnnxValue?[] Classified(OnnxNode node)
    {
        long[] labels = node.LongsOf("classlabels_ints") ?? throw new EngineException("its labels are texts");
        int rows = node.Floats("intercepts").Count is > 0 and var count ? count : labels.Length;
        string transform = node.Text("post_transform", "NONE");
        node.Ignore("multi_class");
        if (rows != labels.Length || labels.Length < 2)
        {
            throw new EngineException($"it has {rows} rows of weights for {labels.Length} labels");
        }

        Variable scores = Scores(node, rows);
        Variable given = transform switch
        {
            "NONE" => scores,
            "SOFTMAX" => Softmax(scores, 1),
            "LOGISTIC" => Sigmoid(scores),
            _ => throw new EngineException($"its post_transform '{transform}' is not there"),
        };
        Variable places = ArgMax(scores, 1);
        Variable chosen = Gather(Constant(Tensor.From(Array.ConvertAll(labels, label => checked((int)label)))), places);
        return [OnnxNode.Of(OnnxType.Int64, chosen), OnnxNode.Of(OnnxType.Float, given)];
    }
}
