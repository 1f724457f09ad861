using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports padding and cropping.</summary>
internal static class PadOps
{
    public static OnnxValue[] Pad(OnnxNode node)
    {
        Variable x = node.X(0);
        long[] pads = node.OpSet < 11
            ? node.LongsOf("pads") ?? node.LongsOf("paddings") ?? throw new EngineException("its pads are missing")
            : node.Longs(1);
        int[] axes = node.OpSet >= 18 && node.Has(3)
            ? OnnxNode.Axes(node.Longs(3), x.Rank)
            : [.. Enumerable.Range(0, x.Rank)];
        if (pads.Length != 2 * axes.Length)
        {
            throw new EngineException($"it has {pads.Length} pads for {axes.Length} axes");
        }

        bool hasFilling = node.OpSet >= 11 && node.Has(2);
        double? value = node.OpSet < 11 ? node.Float("value", 0)
            : !hasFilling ? 0
            : node.Type.IsFloat() && node.V(2).Numbers is [var known] ? known : null;
        PadMode mode = node.Text("mode", "constant") switch
        {
            "constant" => PadMode.Constant,
            "edge" => PadMode.Edge,
            "reflect" => PadMode.Reflect,
            "wrap" => PadMode.Wrap,
            string other => throw new EngineException($"there is no mode '{other}'"),
        };
        var widths = new (int Before, int Behind)[x.Rank];
        for (int i = 0; i < axes.Length; i++)
        {
            widths[axes[i]] = (checked((int)pads[i]), checked((int)pads[i + axes.Length]));
        }

        // A negative pad crops.
        AxisIndex[] kept =
            [.. widths.Select(width => (AxisIndex)(Math.Max(0, -width.Before)..^Math.Max(0, -width.Behind)))];
        x = widths.Any(width => width.Before < 0 || width.Behind < 0) ? x[kept] : x;
        widths = [.. widths.Select(width => (Math.Max(0, width.Before), Math.Max(0, width.Behind)))];
        if (widths.All(width => width == (0, 0)))
        {
            return node.Same(x);
        }

        return node.Same(mode == PadMode.Constant && value is null
            ? Padded(x, widths, Cast(Reshape(node.X(2), Shape.Scalar), x.DType))
            : Ops.Symbolic.Pad(x, widths, mode, value ?? 0));
    }

    /// <summary>Returns the center of x with given dimensions, or x in the center of zeros.</summary>
    public static OnnxValue[] CenterCropPad(OnnxNode node)
    {
        Variable x = node.X(0);
        int[] axes = node.LongsOf("axes") is { } given
            ? OnnxNode.Axes(given, x.Rank)
            : [.. Enumerable.Range(0, x.Rank)];
        int[] to = node.IntsOf(1), dimensions = OnnxNode.Dimensions(x);
        var widths = new (int, int)[x.Rank];
        AxisIndex[] kept = [.. Enumerable.Repeat<AxisIndex>(.., x.Rank)];
        for (int i = 0; i < axes.Length; i++)
        {
            int more = to[i] - dimensions[axes[i]], start = Math.Abs(more) / 2;
            if (more < 0)
            {
                kept[axes[i]] = start..(start + to[i]);
            }
            else
            {
                widths[axes[i]] = (start, more - start);
            }
        }

        return node.Same(Ops.Symbolic.Pad(x[kept], widths));
    }
}
