namespace Engine.Onnx;

/// <summary>Lists ONNX's unsupported ops by reason. docs/files.md shows the list.</summary>
internal static class OnnxRefused
{
    public static IReadOnlyList<(string Why, string[] Ops)> Reasons =>
    [
        ("there are no texts",
            [
                "StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch", "TfIdfVectorizer", "ImageDecoder",
                "CategoryMapper",
            ]),
        ("there are no sequences and no optional values",
        [
            "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
            "SequenceMap",
            "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
        ]),
        ("the shape of what it gives depends on values", ["NonZero", "Unique", "NonMaxSuppression"]),
        ("there are no maps from labels to numbers", ["CastMap", "DictVectorizer"]),
        ("decision trees and support vectors are no networks",
        [
            "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "SVMClassifier", "SVMRegressor",
        ]),
        ("there are no complex numbers", ["DFT", "STFT"]),
        ("random numbers are others here",
            ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"]),
        ("nothing is computed in its types",
            ["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift", "BitCast"]),
        ("there is nothing to compute it with",
            ["Det", "DeformConv", "RoiAlign", "MaxRoiPool", "MelWeightMatrix", "TensorScatter"]),
    ];
}
