namespace Engine.Onnx;

/// <summary>Represents what the last nodes of a classifier say of its output.</summary>
/// <param name="IsSigmoid">Whether each value is a probability of its own.</param>
/// <param name="AreProbabilities">Whether the values are probabilities, so that no softmax is taken of them.</param>
/// <param name="Labels">The labels of its classes, numbers or names; empty if there are none.</param>
internal sealed record OnnxClasses(bool IsSigmoid, bool AreProbabilities, IReadOnlyList<string> Labels)
{
    /// <summary>Goes back from a result through nodes that leave probabilities as they are.</summary>
    public static OnnxClasses Of(OnnxGraphFile graph, string result)
    {
        IReadOnlyList<string> labels = [];
        bool isMap = false;
        string name = result;
        for (int steps = 0; steps <= graph.Nodes.Count && graph.Giving(name) is { Inputs.Count: > 0 } node; steps++)
        {
            labels = labels.Count > 0 ? labels : LabelsOf(node);
            isMap |= node.Op == "ZipMap";
            switch (node.Op)
            {
                case "Identity" or "Cast" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "ZipMap":
                case "Normalizer" when node.Settings.GetValueOrDefault("norm")?.Text == "L1":
                    name = node.Inputs[0];
                    break;
                case "Concat" when node.Inputs is [var rest, var one]
                    && graph.Giving(graph.SourceOf(rest)) is { Op: "Sub", Inputs: [_, var taken] }
                    && graph.SourceOf(taken) == graph.SourceOf(one):
                    // scikit-learn's two classes: 1 - p and p.
                    name = one;
                    break;
                case "LinearClassifier":
                    return new(false, isMap || node.Settings.GetValueOrDefault("post_transform")?.Text
                        is "SOFTMAX" or "LOGISTIC", labels);
                default:
                    return new(node.Op == "Sigmoid", isMap || node.Op is "Sigmoid" or "Softmax", labels);
            }
        }

        return new(false, isMap, labels);
    }

    private static IReadOnlyList<string> LabelsOf(OnnxNodeFile node)
    {
        foreach (string setting in (string[])["classlabels_int64s", "classlabels_ints"])
        {
            if (node.Settings.GetValueOrDefault(setting)?.Numbers is { Count: > 0 } numbers)
            {
                return [.. numbers.Select(number => FormattableString.Invariant($"class {number}"))];
            }
        }

        return node.Settings.GetValueOrDefault("classlabels_strings")?.Texts ?? [];
    }
}
