using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops of ai.onnx.ml, to which scikit-learn's preparations and linear models are converted.</summary>
internal static class ClassicOps
{
    public const string Ml = "ai.onnx.ml";

    public static IEnumerable<OnnxOp> Rows() => new OnnxOp[]
    {
        new("Scaler", 1, Takes.Numbers, node =>
            OnnxNode.Give(
                OnnxType.Float, (Single(node.X(0)) - Row(node.Floats("offset"))) * Row(node.Floats("scale")))),
        new("Normalizer", 1, Takes.Numbers, node =>
        {
            Variable x = Single(node.X(0));
            Variable norm = node.Text("norm", "MAX") switch
            {
                "MAX" => Max(x, [x.Rank - 1], keepDims: true),
                "L1" => Sum(Abs(x), [x.Rank - 1], keepDims: true),
                "L2" => Sqrt(Sum(Square(x), [x.Rank - 1], keepDims: true)),
                string other => throw new EngineException($"there is no norm '{other}'"),
            };
            return OnnxNode.Give(OnnxType.Float, Where(Equal(norm, 0), x, x / norm));
        }),
        new("Binarizer", 1, Takes.Numbers, node => node.Same(Greater(node.X(0), node.Float("threshold", 0)))),
        new("Imputer", 1, Takes.Numbers, Imputed),
        new("FeatureVectorizer", 1, Takes.Numbers, node =>
        {
            node.Ignore("inputdimensions");
            return OnnxNode.Give(OnnxType.Float, Concat(1, [.. node.All().Select(Single)]));
        }),
        new("ArrayFeatureExtractor", 1, Takes.Any, node =>
        {
            Variable x = node.X(0), chosen = Gather(x, Flatten(IndexingOps.Indices(node, 1), 1), x.Rank - 1);
            return node.Same(x.Rank == 1 ? ExpandDims(chosen, 0) : chosen);
        }),
        new("OneHotEncoder", 1, Takes.Numbers, node =>
        {
            long[] categories = node.LongsOf("cats_int64s") ?? throw new EngineException("its categories are texts");
            return node.Flag("zeros", true)
                ? OnnxNode.Give(OnnxType.Float,
                    Equal(ExpandDims(Cast(node.X(0), DType.Int64), -1), Constant(Tensor.From(categories))))
                : throw new EngineException("it is to fail at categories that are not known (zeros = 0)");
        }),
        new("LabelEncoder", 2, Takes.Numbers, Encoded),
        new("LinearRegressor", 1, Takes.Numbers, node =>
        {
            Variable y = Scores(node, node.Int("targets", 1), "targets");
            return node.Text("post_transform", "NONE") == "NONE"
                ? OnnxNode.Give(OnnxType.Float, y)
                : throw new EngineException("its post_transform is not there");
        }),
        new("LinearClassifier", 1, Takes.Numbers, Classified),

        // ONNX returns maps from labels to probabilities. Here it is the probabilities in the order of the labels.
        new("ZipMap", 1, Takes.Floats, node =>
        {
            node.Ignore("classlabels_int64s", "classlabels_strings");
            return node.Same(node.X(0));
        }),
    }.Select(op => op with { Domain = Ml });

    private static Variable Single(Variable x) => Cast(x, DType.Float32);

    private static Constant Row(IReadOnlyList<float> numbers) => Constant(Tensor.From(numbers.ToArray()));

    /// <summary>Replaces the elements that are missing: NaN, or a number that stands for it.</summary>
    private static OnnxValue[] Imputed(OnnxNode node)
    {
        Variable x = node.X(0);
        if (!node.Type.IsFloat())
        {
            long[] whole = node.LongsOf("imputed_value_int64s")
                ?? throw new EngineException("its values are of another type than its input");
            return node.Same(Where(Equal(x, node.Number("replaced_value_int64", 0)), Constant(Tensor.From(whole)), x));
        }

        double missing = node.Float("replaced_value_float", 0);
        return node.Same(Where(
            double.IsNaN(missing) ? IsNaN(x) : Equal(x, missing),
            Cast(Row(node.Floats("imputed_value_floats")), x.DType), x));
    }

    /// <summary>Replaces each key by its value.</summary>
    private static OnnxValue[] Encoded(OnnxNode node)
    {
        bool givesFloats = node.HasSetting("values_floats");
        Tensor? keys = node.LongsOf("keys_int64s") is { } whole ? Tensor.From(whole)
            : node.Floats("keys_floats") is { Count: > 0 } floats ? Tensor.From(floats.ToArray()) : null;
        Tensor? values = givesFloats ? Tensor.From(node.Floats("values_floats").ToArray())
            : node.LongsOf("values_int64s") is { } numbers ? Tensor.From(numbers) : null;
        double otherwise = node.Float("default_float", -0.0);
        long other = node.Number("default_int64", -1);
        node.Ignore("default_string");
        if (keys is null || values is null || keys.Shape != values.Shape || keys.DType.IsFloat() != node.Type.IsFloat())
        {
            throw new EngineException(
                "its keys and values are texts, or not as many, or of another type than its input");
        }

        Variable isKey = Equal(ExpandDims(node.X(0), -1), Constant(keys));
        Variable known = Gather(Constant(values), ArgMax(Cast(isKey, DType.Int32), -1));
        return OnnxNode.Give(
            givesFloats ? OnnxType.Float : OnnxType.Int64,
            Where(Any(isKey, [-1]), known,
                givesFloats ? Constant(otherwise, DType.Float32) : Constant(Tensor.Scalar(other))));
    }

    private static Variable Scores(OnnxNode node, int rows, string what)
    {
        IReadOnlyList<float> weights = node.Floats("coefficients"), bias = node.Floats("intercepts");
        Variable x = Single(node.X(0));
        int columns = x.Rank == 2 ? x.Shape[1] : Shape.Unknown;
        if (rows < 1 || weights.Count == 0 || weights.Count % rows != 0
            || (columns != Shape.Unknown && weights.Count != (long)rows * columns))
        {
            throw new EngineException(
                $"it has {weights.Count} coefficients for {rows} {what}"
                + (columns == Shape.Unknown ? "" : $" of {columns} columns each, which need {(long)rows * columns}"));
        }

        if (bias.Count > 0 && bias.Count != rows)
        {
            throw new EngineException($"it has {bias.Count} intercepts for {rows} {what}");
        }

        Variable w = Constant(Tensor.From(weights.ToArray()).Reshape(rows, weights.Count / rows));
        Variable y = Dot(x, w, false, true);
        return bias.Count > 0 ? y + Row(bias) : y;
    }

    private static OnnxValue?[] Classified(OnnxNode node)
    {
        long[] labels = node.LongsOf("classlabels_ints") ?? throw new EngineException("its labels are texts");
        node.Ignore("multi_class");
        if (labels.Length < 2)
        {
            throw new EngineException($"it has {labels.Length} labels, and a classifier has at least 2");
        }

        Variable scores = Scores(node, labels.Length, "labels");
        Variable given = node.Text("post_transform", "NONE") switch
        {
            "NONE" => scores,
            "SOFTMAX" => Softmax(scores, 1),
            "LOGISTIC" => Sigmoid(scores),
            string other => throw new EngineException($"its post_transform '{other}' is not there"),
        };
        Variable chosen = Gather(Constant(Tensor.From(labels)), ArgMax(scores, 1));
        return [OnnxNode.Of(OnnxType.Int64, chosen), OnnxNode.Of(OnnxType.Float, given)];
    }
}
