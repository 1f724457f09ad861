using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Exports the gradients that an <see cref="Layers.Inverse"/> of layers consists of.</summary>
internal static class OnnxGradients
{
    /// <summary>Adds a gradient's nodes and returns the name of its first output; null for other ops.</summary>
    public static string? Add(OnnxGraph graph, Apply node)
    {
        string X(int input) => graph.Name(node.Inputs[input]);

        string zero = node.Op is Binary<RectifyGrad> or Binary<GuardGrad> or PassIfEqual or MaxPool2DGradient
            ? graph.Tensor("zero", Tensor.Scalar(0.0).Cast(node.Outputs[0].DType))
            : "";
        switch (node.Op)
        {
            case Binary<RectifyGrad>:
                return graph.Add("Where", [graph.Add("Greater", [X(0), zero]), X(1), zero]);
            case Binary<GuardGrad>:
                string isNone = graph.Add("And", [graph.Add("Equal", [X(0), zero]), graph.Add("IsNaN", [X(1)])]);
                return graph.Add("Where", [isNone, zero, X(1)]);
            case PassIfEqual:
                return graph.Add("Where", [graph.Add("Equal", [X(0), X(1)]), X(2), zero]);
            case SoftmaxGrad:
                return graph.Add("Mul", [X(0), graph.Add("Sub", [X(1), RowSum(graph.Add("Mul", [X(0), X(1)]))])]);
            case LogSoftmaxGrad:
                return graph.Add("Sub", [X(1), graph.Add("Mul", [graph.Add("Exp", [X(0)]), RowSum(X(1))])]);
            case Ops.SumTo:
                return SumTo(graph, node);
            case Ops.Split op:
                return Split(graph, node, op);
            case MaxPool2DGradient:
                // Each plane is a row with one axis of indices.
                string shape = graph.Add("Shape", [X(2)]), rows = graph.Vector("rows", 0, 0, -1);
                string zeros = graph.Add("Reshape", [graph.Add("Expand", [zero, shape]), rows]);
                string sums = graph.Add(
                    "ScatterElements", [zeros, graph.Add("Reshape", [X(1), rows]), graph.Add("Reshape", [X(0), rows])],
                    ("axis", 2), ("reduction", "add"));
                return graph.Add("Reshape", [sums, shape]);
            case AveragePool2DGradient op:
                return OnnxImages.AveragePoolGradient(graph, node, op.Of);
            default:
                return null;
        }

        string RowSum(string x) => graph.Add("ReduceSum", [x, graph.Vector("axes", -1)], ("keepdims", 1));
    }

    private static string SumTo(OnnxGraph graph, Apply node)
    {
        (Shape from, Shape to) = (node.Inputs[0].Shape, node.Inputs[1].Shape);
        string x = graph.Name(node.Inputs[0]);
        int added = from.Rank - to.Rank;
        x = added == 0 ? x : graph.Add(
            "ReduceSum", [x, graph.Vector("axes", OnnxOps.Longs([.. Enumerable.Range(0, added)]))], ("keepdims", 0));
        int[] axes = [.. Enumerable.Range(0, to.Rank).Where(axis => from[axis + added] != 1)];
        int[] ones = [.. axes.Where(axis => to[axis] == 1)];
        x = ones.Length == 0
            ? x
            : graph.Add("ReduceSum", [x, graph.Vector("axes", OnnxOps.Longs([.. ones]))], ("keepdims", 1));

        // Whether an unknown dimension is 1 is known when the file runs: the first elements of the sum, or all
        // elements.
        foreach (int axis in axes.Where(axis => to[axis] == Shape.Unknown))
        {
            string axisName = graph.Vector("axis", axis), one = graph.Vector("one", 1);
            string dimension =
                graph.Add("Gather", [graph.Add("Shape", [graph.Name(node.Inputs[1])]), axisName], ("axis", 0));
            string sum = graph.Add("ReduceSum", [x, axisName], ("keepdims", 1));
            string chosen = graph.Add("Where", [graph.Add("Equal", [dimension, one]), sum, x]);
            x = graph.Add("Slice", [chosen, graph.Vector("start", 0), dimension, axisName]);
        }

        return x;
    }

    private static string Split(OnnxGraph graph, Apply node, Ops.Split op)
    {
        string[] lengths =
            [.. node.Inputs.Skip(1).Select(part => part.Shape[op.Axis] is var length && length != Shape.Unknown
                ? graph.Vector("length", length)
                : graph.Add(
                    "Gather", [graph.Add("Shape", [graph.Name(part)]), graph.Vector("axis", op.Axis)], ("axis", 0)))];
        string[] parts = graph.Add(
            "Split", [graph.Name(node.Inputs[0]), graph.Add("Concat", lengths, ("axis", 0))], node.Outputs.Count,
            ("axis", op.Axis));
        for (int i = 1; i < parts.Length; i++)
        {
            graph.Give(node.Outputs[i], parts[i]);
        }

        return parts[0];
    }
}
