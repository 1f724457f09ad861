using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Exports index expressions and computed shapes.</summary>
internal static class OnnxShapes
{
    private const int Int32Type = 6, Int64Type = 7;

    /// <summary>
    /// Exports an index expression. Ranges and single indices become a Slice. Arrays of indices become a Gather or, for
    /// several axes, which must then come first, a GatherND.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">The name of the array.</param>
    /// <param name="parts">The expression.</param>
    /// <param name="given">The index arrays.</param>
    public static string Subtensor(OnnxGraph graph, string x, SubtensorParts parts, Variable[] given)
    {
        AxisPart[] axes = parts.Axes;
        x = Slice(graph, x, axes);
        if (parts.Arrays == 0)
        {
            long[] points = [.. Longs(Where(axes, AxisIndexKind.Point))];
            return points.Length == 0 ? x : graph.Add("Squeeze", [x, graph.Vector("axes", points)]);
        }

        int[] arrays = Where(axes, AxisIndexKind.Array);
        if (arrays.Length == 1 && !axes.Any(part => part.Kind == AxisIndexKind.Point))
        {
            return graph.Add("Gather", [x, graph.Name(given[0])], ("axis", arrays[0]));
        }

        // After the slice, a single index is index 0 of its axis.
        int[] chosen = [.. Enumerable.Range(0, axes.Length).Where(axis => axes[axis].Kind != AxisIndexKind.Range)];
        int[] ranges = Where(axes, AxisIndexKind.Range);
        x = graph.Add("Transpose", [x], ("perm", Longs([.. chosen, .. ranges])));
        int rank = given.Max(indices => indices.Rank);
        string[] all = [.. given.Select(indices => graph.Add("Cast", [graph.Name(indices)], ("to", Int64Type)))];

        // Zeros of the shape that the arrays broadcast to, which each column of indices must have.
        string zeros = all.Select(indices => graph.Add("Mul", [indices, graph.Scalar("zero", 0)]))
            .Aggregate((a, b) => graph.Add("Add", [a, b]));
        string[] columns = [.. chosen.Select(axis =>
        {
            int array = Array.IndexOf(arrays, axis);
            string indices = array < 0 ? zeros : given.Length == 1 ? all[array] : graph.Add("Add", [all[array], zeros]);
            return graph.Add("Unsqueeze", [indices, graph.Vector("axes", rank)]);
        })];
        string taken = graph.Add("GatherND", [x, graph.Add("Concat", columns, ("axis", rank))]);
        int at = parts.ArraysAt;
        int[] order = [.. Enumerable.Range(rank, at), .. Enumerable.Range(0, rank),
            .. Enumerable.Range(rank + at, ranges.Length - at)];
        return at == 0 || rank == 0 ? taken : graph.Add("Transpose", [taken], ("perm", Longs(order)));
    }

    /// <summary>
    /// Exports an array with a part that is replaced or increased. The index expression selects the part's indices from
    /// those of all elements; ScatterElements puts the values there. An array filled with a number around a part is a
    /// Pad.
    /// </summary>
    public static string Update(OnnxGraph graph, Apply node, SubtensorUpdate op)
    {
        string values = graph.Name(node.Inputs[1]);
        if (Filling(node) is { } number)
        {
            long[] pads = [.. op.Parts.Axes.Select(part => (long)part.Range.Start.Value),
                .. op.Parts.Axes.Select(part => (long)part.Range.End.Value)];
            return graph.Add("Pad", [values, graph.Vector("pads", pads), graph.Name(number)]);
        }

        string x = graph.Name(node.Inputs[0]), shape = graph.Add("Shape", [x]), flat = graph.Vector("flat", -1);
        string indices = graph.Add("Range", [graph.Scalar("start", 0), graph.Add("Size", [x]), graph.Scalar("step", 1)]);
        string part = Subtensor(graph, Shaped(indices, shape), op.Parts, [.. node.Inputs.Skip(2)]);
        string whole = graph.Add(
            "ScatterElements", [Shaped(x, flat), Shaped(part, flat), Shaped(values, flat)],
            ("axis", 0), ("reduction", op.Adds ? "add" : "none"));
        return Shaped(whole, shape);

        string Shaped(string from, string to) => graph.Add("Reshape", [from, to], ("allowzero", to == flat ? 0 : 1));
    }

    /// <summary>Returns the number that fills an array around a part; null if an update is no such padding.</summary>
    private static Constant? Filling(Apply node) =>
        node is { Op: SubtensorUpdate { Adds: false } op, Inputs: [Result { Owner: { } filling }, ..] }
        && filling is { Op: Ops.BroadcastTo, Inputs: [Constant { Rank: 0 } number, ..] }
        && op.Parts.Axes.All(part => part is { Kind: AxisIndexKind.Range, Step: 1 }
            && part.Range is { Start.IsFromEnd: false, End.IsFromEnd: true })
            ? number
            : null;

    /// <summary>Exports consecutive rows, from one on that is computed.</summary>
    public static string TakeRows(OnnxGraph graph, Apply node)
    {
        string start = OneOf(node.Inputs[1]), count = OneOf(node.Inputs[2]);
        return graph.Add(
            "Slice", [graph.Name(node.Inputs[0]), start, graph.Add("Add", [start, count]), graph.Vector("axes", 0)]);

        string OneOf(Variable number) => graph.Add("Reshape", [Whole(graph, number), graph.Vector("shape", 1)]);
    }

    /// <summary>Exports a view. A 0 stands for the array's own dimension, unless a dimension is or may be 0.</summary>
    public static string Reshape(OnnxGraph graph, Apply node)
    {
        (_, Variable?[] open, Variable? like) = Target(node);
        bool isZero = like is not null || open.Any(one => one is not null) || node.Outputs[0].Shape.Contains(0);
        return graph.Add(
            "Reshape", [graph.Name(node.Inputs[0]), Dimensions(graph, node)], ("allowzero", isZero ? 1 : 0));
    }

    /// <summary>Exports a broadcast.</summary>
    public static string BroadcastTo(OnnxGraph graph, Apply node) =>
        graph.Add("Expand", [graph.Name(node.Inputs[0]), Dimensions(graph, node)]);

    /// <summary>Returns the name of a node's shape: numbers, the Shape of an array, or dimensions one by one.</summary>
    private static string Dimensions(OnnxGraph graph, Apply node)
    {
        (Shape to, Variable?[] open, Variable? like) = Target(node);
        return like is not null ? graph.Add("Shape", [graph.Name(like)])
            : Array.TrueForAll(open, dimension => dimension is null) ? graph.Vector("shape", OnnxOps.Longs(to))
            : graph.Add(
                "Concat", open.Select((dimension, axis) => dimension is not null
                    ? graph.Add("Unsqueeze", [Whole(graph, dimension), graph.Vector("axes", 0)])
                    : graph.Vector("dimension", to[axis])),
                ("axis", 0));
    }

    /// <summary>
    /// Returns the shape that a node gives, the dimensions that must be computed, and an array that has all of them. In
    /// a view, a dimension that stays the array's own is 0, and one that follows from the others is -1.
    /// </summary>
    private static (Shape To, Variable?[] Open, Variable? Like) Target(Apply node)
    {
        (Shape to, Shape given) = node.Op switch
        {
            Ops.Reshape view => (view.To, view.Given),
            Ops.BroadcastTo broadcast => (broadcast.To, broadcast.Given),
            _ => (node.Outputs[0].Shape, default),
        };
        to = [.. to.Select((dimension, axis) => dimension < 0 ? node.Outputs[0].Shape[axis] : dimension)];
        var open = new Variable?[to.Rank];
        for (int i = 0; i < given.Rank; i++)
        {
            open[given[i]] = to[given[i]] == Shape.Unknown ? node.Inputs[i + 1] : null;
        }

        if (node.Op is Ops.Reshape or ReshapeLike or Flatten && !to.Contains(0))
        {
            bool[] own = [.. to.Select((dimension, axis) => dimension == Shape.Unknown && (node.Op is Flatten
                ? axis < to.Rank - 1
                : open[axis] is { } variable && Counted(variable) == (node.Inputs[0], axis)))];
            Shape rest = [.. to.Where((_, axis) => !own[axis])];
            if (rest.IsKnown || (rest.Count(dimension => dimension < 0) == 1
                && (!own.Contains(true) || open.Where((_, axis) => !own[axis]).All(variable => variable is null))))
            {
                return ([.. to.Select((dimension, axis) => own[axis] ? 0 : dimension)], new Variable?[to.Rank], null);
            }
        }

        if (node.Op is ReshapeLike or BroadcastLike)
        {
            return (to, open, to.IsKnown ? null : node.Inputs[1]);
        }

        Variable? like = open.OfType<Variable>().FirstOrDefault() is { } first
            && Counted(first) is (var array, _) && array.Rank == to.Rank
            && Enumerable.Range(0, to.Rank).All(axis => open[axis] is { } dimension
                ? Counted(dimension) == (array, axis)
                : array.Shape[axis] == to[axis] && to[axis] != Shape.Unknown) ? array : null;

        // For a requested dimension of 1, ONNX's Expand keeps the array's own.
        return (
            node.Op is Ops.BroadcastTo
                ? [.. to.Select((number, axis) => number == Shape.Unknown && open[axis] is null ? 1 : number)]
                : to, open, like);
    }

    /// <summary>Returns the array whose dimension this is, and the axis; null if it is none's.</summary>
    private static (Variable Array, int Axis)? Counted(Variable dimension) =>
        dimension is Result { Owner: { Op: Count { Axes: { Rank: 1 } axes }, Inputs: [var array] } }
            ? (array, axes[0])
            : null;

    /// <summary>Returns the variables whose names an exported node has.</summary>
    public static IEnumerable<Variable> Named(Apply node)
    {
        switch (node.Op)
        {
            case Ops.Reshape or ReshapeLike or Flatten or Ops.BroadcastTo or BroadcastLike:
                (_, Variable?[] open, Variable? like) = Target(node);
                return [node.Inputs[0], .. like is null ? open.OfType<Variable>() : [like]];
            case Count count when count.Of(node.Inputs[0].Shape) is not null:
                return [];
            case Scan scan:
                return OnnxLoops.Named(node, scan);
            default:
                return Filling(node) is { } number ? [.. node.Inputs.Skip(1), number] : node.Inputs;
        }
    }

    public static string Iota(OnnxGraph graph, Apply node)
    {
        string range =
            graph.Add("Range", [graph.Scalar("start", 0), Whole(graph, node.Inputs[0]), graph.Scalar("step", 1)]);
        return graph.Add("Cast", [range], ("to", Int32Type));
    }

    private static string Whole(OnnxGraph graph, Variable scalar) =>
        graph.Add("Cast", [graph.Name(scalar)], ("to", Int64Type));

    private static string Slice(OnnxGraph graph, string x, AxisPart[] axes)
    {
        int[] cut = [.. Enumerable.Range(0, axes.Length).Where(axis => axes[axis].Kind != AxisIndexKind.Array
            && !(axes[axis].Range.Equals(Range.All) && axes[axis].Step == 1))];
        // A negative step begins at the end of the range, so take the range first.
        x = Cut([.. cut.Where(axis => !axes[axis].Range.Equals(Range.All))],
            axis => At(axes[axis].Range.Start), axis => axes[axis].Kind == AxisIndexKind.Point
            ? End(axes[axis].Range.Start)
            : axes[axis].Range.End is { IsFromEnd: true, Value: 0 } ? long.MaxValue : At(axes[axis].Range.End), _ => 1);
        return Cut([.. cut.Where(axis => axes[axis].Step != 1)],
            axis => axes[axis].Step < 0 ? -1 : 0, axis => axes[axis].Step < 0 ? long.MinValue : long.MaxValue,
            axis => axes[axis].Step);

        string Cut(int[] cut, Func<int, long> start, Func<int, long> end, Func<int, long> step) => cut.Length == 0
            ? x
            : graph.Add("Slice",
            [
                x, graph.Vector("starts", [.. cut.Select(start)]), graph.Vector("ends", [.. cut.Select(end)]),
                graph.Vector("axes", Longs(cut)), graph.Vector("steps", [.. cut.Select(step)]),
            ]);

        static long At(Index index) => index.IsFromEnd ? -index.Value : index.Value;

        static long End(Index point) => point is { IsFromEnd: true, Value: 1 } ? long.MaxValue : At(point) + 1;
    }

    private static int[] Where(AxisPart[] axes, AxisIndexKind kind) =>
        [.. Enumerable.Range(0, axes.Length).Where(axis => axes[axis].Kind == kind)];

    private static long[] Longs(int[] numbers) => [.. numbers.Select(number => (long)number)];

    /// <summary>Returns attention: the softmax of all scores times the values.</summary>
    public static string Attention(OnnxGraph graph, Apply node, bool isCausal)
    {
        string transposed = graph.Add("Transpose", [graph.Name(node.Inputs[1])], ("perm", [0, 2, 1]));
        string scores = graph.Add("MatMul", [graph.Name(node.Inputs[0]), transposed]);
        scores = node.Inputs.Count > 3 ? graph.Add("Add", [scores, graph.Name(node.Inputs[3])]) : scores;
        if (isCausal)
        {
            DType dtype = node.Inputs[0].DType;
            string ones = graph.Add(
                "Expand", [graph.Tensor("one", Tensor.Scalar(1.0).Cast(dtype)), graph.Add("Shape", [scores])]);
            string below =
                graph.Add("Cast", [graph.Add("Trilu", [ones], ("upper", 0))], ("to", OnnxGraph.Type(DType.Bool)));
            string none = graph.Tensor("none", Tensor.Scalar(double.NegativeInfinity).Cast(dtype));
            scores = graph.Add("Where", [below, scores, none]);
        }

        return graph.Add("MatMul", [graph.Add("Softmax", [scores], ("axis", -1)), graph.Name(node.Inputs[2])]);
    }

    /// <summary>Returns the first elements of each sorted row and, under its own name, their indices.</summary>
    public static string Sort(OnnxGraph graph, Apply node, Sort op)
    {
        Variable x = node.Inputs[0];
        string given = graph.Name(x), count = op.Max is { } max
            ? graph.Vector("count", max)
            : graph.Add("Gather", [graph.Add("Shape", [given]), graph.Vector("axis", x.Rank - 1)], ("axis", 0));

        // TopK does not sort bytes.
        bool isSmall = x.DType.Computes() != x.DType;
        given = isSmall ? graph.Add("Cast", [given], ("to", OnnxGraph.Type(DType.Int32))) : given;
        (string values, string indices) = graph.AddPair(
            "TopK", [given, count], ("axis", -1), ("largest", op.IsDescending ? 1 : 0), ("sorted", 1));
        graph.Give(node.Outputs[1], graph.Add("Cast", [indices], ("to", OnnxGraph.Type(DType.Int32))));
        return isSmall ? graph.Add("Cast", [values], ("to", OnnxGraph.Type(x.DType))) : values;
    }
}
