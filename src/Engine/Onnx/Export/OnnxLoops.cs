using Engine.Graph;
using Engine.Ops;

namespace Engine.Onnx;

/// <summary>
/// Exports loops as ONNX's Scan (https://onnx.ai/onnx/operators/onnx__Scan.html), and choices between graphs as its If.
/// A Scan's inputs are the states, one for each step that the loop looks back, and then the sequences. Its outputs are
/// the final states, and then all steps' rows.
/// </summary>
internal static class OnnxLoops
{
    /// <summary>Adds a loop and names its outputs.</summary>
    /// <exception cref="EngineException">The loop has a form that only gradients use.</exception>
    public static void Add(OnnxGraph graph, Apply node, Scan scan)
    {
        if (scan.StepWrites.Any(write => write.Lag != 0 || write.Like >= 0 || write.IsBefore)
            || scan.StepReads.Any(
                read => read is { Source: LoopSource.Row, Lag: > 0 } or { Source: LoopSource.Row, From: < 0 }))
        {
            throw new EngineException(
                $"{scan.Name} cannot be exported: ONNX has no such loop as gradients are.{node.Origin}");
        }

        FunctionGraph body = scan.Body.Specialize(scan.BodyTypes(0, [.. node.Inputs.Select(input => input.Type)]));
        string? count = Count(graph, node, scan);
        var carried = new List<Carried>();
        var rows = new List<(string Name, Input? Inside, bool Backward)>();
        for (int i = 0; i < scan.StepReads.Count; i++)
        {
            (LoopRead read, Input inside) = (scan.StepReads[i], body.Inputs[i]);
            if (read.Source == LoopSource.Row)
            {
                rows.Add((Cut(graph, node.Inputs[read.From], read, count), inside, read.Backward));
            }
            else if (read.Source != LoopSource.Whole)
            {
                carried.AddRange([.. Earlier(graph, node, read, carried)]);
                carried.Single(each => each.Output == read.From && each.Lag == Math.Max(read.Lag, 1)).Inside
                    .Add(inside);
            }
        }

        for (int output = 0; output < scan.StepWrites.Count; output++)
        {
            if (!scan.StepWrites[output].HasRows && !carried.Exists(each => each.Output == output))
            {
                throw new EngineException(
                    $"{scan.Name} cannot be exported: what it gives only at its end is not carried.{node.Origin}");
            }
        }

        if (rows.Count == 0)
        {
            // ONNX takes the number of steps from the rows.
            rows.Add(
                (graph.Add(
                    "Range", [graph.Scalar("start", 0), graph.Add("Squeeze", [count!]), graph.Scalar("step", 1)]),
                    null, false));
        }

        int[] written =
            [.. Enumerable.Range(0, scan.StepWrites.Count).Where(output => scan.StepWrites[output].HasRows)];
        ProtoWriter step = Step(graph, node, scan, body, carried, rows, written);
        string[] names = graph.Add(
            "Scan", [.. carried.Select(each => each.First), .. rows.Select(each => each.Name)],
            carried.Count + written.Length,
            ("body", step), ("num_scan_inputs", rows.Count),
            ("scan_input_directions", [.. rows.Select(each => each.Backward ? 1L : 0)]),
            ("scan_output_directions", [.. written.Select(output => scan.StepWrites[output].Backward ? 1L : 0)]));
        for (int output = 0; output < scan.StepWrites.Count; output++)
        {
            graph.Give(node.Outputs[output], scan.StepWrites[output].HasRows
                ? names[carried.Count + Array.IndexOf(written, output)]
                : names[carried.FindIndex(each => each.Output == output)]);
        }
    }

    /// <summary>Returns the variables whose names an exported loop has.</summary>
    public static IEnumerable<Variable> Named(Apply node, Scan scan) =>
        [.. node.Inputs, .. scan.StepReads.Where(read => read.Before >= 0).Select(read => First(node, read))];

    /// <summary>Adds a choice between two graphs, which use the names around them, and names its outputs.</summary>
    public static void Add(OnnxGraph graph, Apply node, Branch branch)
    {
        int given = 1;
        ProtoWriter[] bodies = [.. branch.Bodies.Select(body =>
        {
            string[] outside = [.. node.Inputs.Skip(given).Take(body.Inputs.Count).Select(graph.Name)];
            given += body.Inputs.Count;
            return graph.Inside(() =>
            {
                for (int i = 0; i < outside.Length; i++)
                {
                    graph.Give(body.Inputs[i], outside[i]);
                }

                OnnxExport.Add(graph, body.Outputs);
                return ([],
                    [.. body.Outputs.Select(output => Result(graph, "chosen", graph.Name(output), output.Type))]);
            });
        })];
        string[] names = graph.Add(
            "If", [graph.Name(node.Inputs[0])], node.Outputs.Count, ("then_branch", bodies[0]),
            ("else_branch", bodies[1]));
        for (int output = 0; output < names.Length; output++)
        {
            graph.Give(node.Outputs[output], names[output]);
        }
    }

    /// <summary>Exports running products, for which ONNX has an op only since 2025, as a loop along the axis.</summary>
    public static string Products(OnnxGraph graph, Apply node, Accumulate<Prod> op)
    {
        TensorType x = node.Inputs[0].Type, one = new(x.DType, [.. x.Shape.Where((_, axis) => axis != op.Axis)]);
        string rows = graph.Name(node.Inputs[0]),
            sums = graph.Add("ReduceSum", [rows, graph.Vector("axes", op.Axis)], ("keepdims", 0));
        string first =
            graph.Add("Expand", [graph.Tensor("one", Tensor.Scalar(1.0).Cast(x.DType)), graph.Add("Shape", [sums])]);
        ProtoWriter step = graph.Inside(() =>
        {
            string state = graph.NewName("loop/state"), row = graph.NewName("loop/row"),
                next = graph.Add("Mul", [state, row]);
            return (
                [OnnxGraph.Value(state, one), OnnxGraph.Value(row, one)],
                [OnnxGraph.Value(next, one), Result(graph, "result", op.IsExclusive ? state : next, one)]);
        });
        long[] axis = [op.Axis], directions = [op.IsReverse ? 1 : 0];
        return graph.Add(
            "Scan", [first, rows], 2, ("body", step), ("num_scan_inputs", 1), ("scan_input_axes", axis),
            ("scan_output_axes", axis),
            ("scan_input_directions", directions), ("scan_output_directions", directions))[1];
    }

    /// <summary>Adds an output of a graph within a node, and returns its declaration.</summary>
    private static ProtoWriter Result(OnnxGraph graph, string wanted, string from, TensorType type)
    {
        string name = graph.NewName($"{graph.Layer ?? "loop"}/{wanted}");
        graph.AddOutput(name, from);
        return OnnxGraph.Value(name, type);
    }

    /// <summary>Returns the graph of a step: from states and rows to new states and rows.</summary>
    private static ProtoWriter Step(
        OnnxGraph graph, Apply node, Scan scan, FunctionGraph body, List<Carried> carried,
        List<(string Name, Input? Inside, bool Backward)> rows, int[] written)
    {
        string[] outside = [.. scan.StepReads.Select(
            read => read.Source == LoopSource.Whole ? graph.Name(node.Inputs[read.From]) : "")];
        return graph.Inside(() =>
        {
            var inputs = new List<ProtoWriter>();
            var outputs = new List<ProtoWriter>();
            for (int i = 0; i < scan.StepReads.Count; i++)
            {
                if (scan.StepReads[i].Source == LoopSource.Whole)
                {
                    graph.Give(body.Inputs[i], outside[i]);
                }
            }

            string[] given = [.. carried.Select(each => Given("state", each.Type, [.. each.Inside]))];
            foreach ((_, Input? inside, _) in rows)
            {
                Given("row", inside?.Type ?? new TensorType(DType.Int32, Shape.Scalar), inside is null ? [] : [inside],
                    inside is null);
            }

            OnnxExport.Add(graph, body.Outputs);
            for (int i = 0; i < carried.Count; i++)
            {
                int younger =
                    carried.FindIndex(each => each.Output == carried[i].Output && each.Lag == carried[i].Lag - 1);
                outputs.Add(Result(
                    graph, "next", younger < 0 ? graph.Name(body.Outputs[carried[i].Output]) : given[younger],
                    carried[i].Type));
            }

            foreach (int output in written)
            {
                outputs.Add(Result(graph, "result", graph.Name(body.Outputs[output]), body.Outputs[output].Type));
            }

            return (inputs, outputs);

            string Given(string wanted, TensorType type, Input[] inside, bool isCount = false)
            {
                string name = graph.NewName($"{graph.Layer ?? "loop"}/{wanted}");
                Array.ForEach(inside, each => graph.Give(each, name));
                inputs.Add(OnnxGraph.Value(name, type, isCount));
                return name;
            }
        });
    }

    /// <summary>Returns the states of a read that do not exist yet: the results as far back as it looks.</summary>
    private static IEnumerable<Carried> Earlier(OnnxGraph graph, Apply node, LoopRead read, List<Carried> known)
    {
        Variable before = node.Inputs[read.Before], first = First(node, read);
        for (int lag = 1; lag <= Math.Max(read.Lag, 1); lag++)
        {
            if (!known.Exists(each => each.Output == read.From && each.Lag == lag))
            {
                yield return read.Source == LoopSource.Carried
                    || first != before
                    ? new Carried(read.From, lag, graph.Name(first), first.Type with { KnownValue = null })
                    : new Carried(
                        read.From, lag,
                        graph.Add("Gather", [graph.Name(before), graph.Scalar("place", -lag)], ("axis", 0)),
                        new TensorType(before.DType, Shape.Create(before.Shape.Dimensions[1..])));
            }
        }
    }

    /// <summary>Returns what a state begins with: the rows before the first step, or the only one of them.</summary>
    private static Variable First(Apply node, LoopRead read) => node.Inputs[read.Before] is
        Result { Owner: { Op: DimShuffle one, Inputs: [var row] } } && read is { Source: LoopSource.State, Lag: 1 }
        && one.Axes.SequenceEqual([Symbolic.NewAxis, .. Enumerable.Range(0, row.Rank)])
        ? row
        : node.Inputs[read.Before];

    /// <summary>Returns the rows that the steps iterate over.</summary>
    private static string Cut(OnnxGraph graph, Variable rows, LoopRead read, string? count)
    {
        if (count is null)
        {
            return graph.Name(rows);
        }

        string start = graph.Vector("start", -read.Lag);
        return graph.Add("Slice", [graph.Name(rows), start, graph.Add("Add", [start, count]), graph.Vector("axes", 0)]);
    }

    /// <summary>
    /// Returns the number of steps, a vector of one element; null if there are as many as each sequence has rows.
    /// </summary>
    private static string? Count(OnnxGraph graph, Apply node, Scan scan)
    {
        LoopRead[] reads = [.. scan.StepReads.Where(read => read.Source == LoopSource.Row)];
        Variable[] sequences = [.. reads.Select(read => node.Inputs[read.From]).Distinct()];
        int known = scan.Count([.. node.Inputs.Select(input => input.Type)]);
        if (Array.TrueForAll(reads, read => read.Lag == 0) && (known == Shape.Unknown
            ? sequences.Length == 1 && scan.CountInput < 0
            : sequences.Length > 0 && Array.TrueForAll(sequences, rows => rows.Shape[0] == known)))
        {
            return null;
        }

        if (known != Shape.Unknown)
        {
            return graph.Vector("count", known);
        }

        string one = graph.Vector("shape", 1);
        if (scan.CountInput >= 0)
        {
            return graph.Add("Reshape",
                [graph.Add("Cast", [graph.Name(node.Inputs[scan.CountInput])], ("to", OnnxGraph.Int64Type)), one]);
        }

        string[] counts = [.. reads.Select(read =>
        {
            string rows = graph.Add("Gather",
                [graph.Add("Shape", [graph.Name(node.Inputs[read.From])]), graph.Vector("axis", 0)], ("axis", 0));
            return read.Lag == 0 ? rows : graph.Add("Add", [rows, graph.Vector("lag", Math.Min(read.Lag, 0))]);
        })];
        return counts.Length == 1 ? counts[0] : graph.Add("Min", counts);
    }

    /// <summary>Represents a state of the loop: an earlier result of an output.</summary>
    /// <param name="Output">The output.</param>
    /// <param name="Lag">The number of steps back.</param>
    /// <param name="First">The name of its initial value.</param>
    /// <param name="Type">Its type.</param>
    private sealed record Carried(int Output, int Lag, string First, TensorType Type)
    {
        /// <summary>Gets the inputs of the step for it.</summary>
        public List<Input> Inside { get; } = [];
    }
}
