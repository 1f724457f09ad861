using System.Collections.Frozen;

namespace Engine.Onnx;

/// <summary>Contains the table of all supported ops. Each family of ops provides a part of it.</summary>
internal static class OnnxTable
{
    /// <summary>
    /// Specifies the newest known operator set version. In a newer version, an op may have another meaning.
    /// </summary>
    public const int NewestOpSet = 27;

    /// <summary>
    /// Specifies the oldest operator set version. Most ops are supported from version 6 on, because many were different
    /// before.
    /// </summary>
    public const int OldestOpSet = 1;

    private static readonly FrozenDictionary<(string Domain, string Name), OnnxOp[]> s_ops =
        All().GroupBy(op => (op.Domain, op.Name)).ToFrozenDictionary(
            versions => versions.Key, versions => versions.OrderByDescending(op => op.Since).ToArray());

    /// <summary>The reasons why ops are not supported.</summary>
    private static readonly FrozenDictionary<string, string> s_refused = OnnxRefused.Reasons
        .SelectMany(group => group.Ops.Select(op => (op, group.Why)))
        .ToFrozenDictionary(pair => pair.op, pair => pair.Why);

    /// <summary>Returns all rows.</summary>
    public static IEnumerable<OnnxOp> All() =>
    [
        .. ElementwiseOps.Rows(), .. ComparisonOps.Rows(), .. CastOps.Rows(), .. ReductionOps.Rows(),
        .. ShapingOps.Rows(),
        .. CreationOps.Rows(), .. IndexingOps.Rows(), .. ProductOps.Rows(), .. ConvolutionOps.Rows(),
        .. PoolingOps.Rows(),
        .. NormalizationOps.Rows(), .. SoftmaxOps.Rows(), .. ResizeOps.Rows(), .. RecurrentOps.Rows(),
        .. AttentionOps.Rows(),
        .. StreamOps.Rows(), .. GridOps.Rows(), .. ControlOps.Rows(), .. QuantizedOps.Rows(), .. TrainingOps.Rows(),
        .. ClassicOps.Rows(),
    ];

    /// <summary>Returns a node's op in its version; null if it is not supported.</summary>
    public static OnnxOp? Find(OnnxNodeFile node, IReadOnlyDictionary<string, long> opSets)
    {
        if (!opSets.TryGetValue(node.Domain, out long set)
            || !s_ops.TryGetValue((node.Domain, node.Op), out OnnxOp[]? versions)
            || (node.Domain.Length == 0 && set is < OldestOpSet or > NewestOpSet))
        {
            return null;
        }

        return Array.Find(versions, op => op.Since <= set);
    }

    /// <summary>Returns why an op is not supported, as a sentence.</summary>
    public static string WhyNot(OnnxNodeFile node, IReadOnlyDictionary<string, long> opSets)
    {
        if (!opSets.TryGetValue(node.Domain, out long set))
        {
            return $"the model does not say of which version the ops of '{node.Domain}' are.";
        }

        if (node.Domain.Length == 0 && set is < OldestOpSet or > NewestOpSet)
        {
            return $"opsets from {OldestOpSet} to {NewestOpSet} are known.";
        }

        return s_ops.TryGetValue((node.Domain, node.Op), out OnnxOp[]? versions)
            ? $"it is there from opset {versions[^1].Since} on."
            : node.Domain is "" or ClassicOps.Ml && s_refused.TryGetValue(node.Op, out string? why) ? $"{why}."
            : "no such op is known.";
    }
}
