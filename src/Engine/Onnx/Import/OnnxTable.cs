using System.Collections.Frozen;

namespace Engine.Onnx;

/// <summary>The ops that are there: the one table, of which each family of ops has a part.</summary>
internal static class OnnxTable
{
    /// <summary>
    /// Represents the newest version of ONNX's ops that is known here; of a newer one an op may mean something else.
    /// </summary>
    public const int NewestOpSet = 27;

    /// <summary>
    /// Represents the oldest version. Most ops are there from version 6 on: before it many were others.
    /// </summary>
    public const int OldestOpSet = 1;

    private static readonly FrozenDictionary<(string Domain, string Name), OnnxOp[]> s_ops =
        All().GroupBy(op => (op.Domain, op.Name)).ToFrozenDictionary(
            versions => versions.Key, versions => versions.OrderByDescending(op => op.Since).ToArray());

    /// <summary>Why ops are not there that others have.</summary>
    private static readonly FrozenDictionary<string, string> s_refused = OnnxRefused.Reasons
        .SelectMany(group => group.Ops.Select(op => (op, group.Why))).ToFrozenDictionary(pair => pair.op, pair => pair.Why);

    /// <summary>Returns all rows.</summary>
    public static IEnumerable<OnnxOp> All() =>
    [
        .. ElementwiseOps.Rows(), .. ComparisonOps.Rows(), .. CastOps.Rows(), .. ReductionOps.Rows(), .. ShapingOps.Rows(),
        .. CreationOps.Rows(), .. IndexingOps.Rows(), .. ProductOps.Rows(), .. ConvolutionOps.Rows(), .. PoolingOps.Rows(),
        .. NormalizationOps.Rows(), .. SoftmaxOps.Rows(), .. ResizeOps.Rows(), .. RecurrentOps.Rows(), .. AttentionOps.Rows(),
        .. StreamOps.Rows(), .. GridOps.Rows(), .. ControlOps.Rows(), .. QuantizedOps.Rows(), .. TrainingOps.Rows(), .. ClassicOps.Rows(),
    ];

    /// <summary>Returns what a node's op is in its version; null where it is not there.</summary>
    public static OnnxOp? Find(OnnxNodeFile node, IReadOnlyDictionary<string, long> opSets)
    {
        if (!opSets.TryGetValue(node.Domain, out long set) || !s_ops.TryGetValue((node.Domain, node.Op), out OnnxOp[]? versions)
            || (node.Domain.Length == 0 && set is < OldestOpSet or > NewestOpSet))
        {
            return null;
        }

        return Array.Find(versions, op => op.Since <= set);
    }

    /// <summary>Returns why it is not there, as a sentence.</summary>
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

        return s_ops.TryGetValue((node.Domain, node.Op), out OnnxOp[]? versions) ? $"it is there from opset {versions[^1].Since} on."
            : node.Domain.Length == 0 && s_refused.TryGetValue(node.Op, out string? why) ? $"{why}."
            : "no such op is known.";
    }
}
