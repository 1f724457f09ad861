using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports conditions and loops, which contain graphs.</summary>
internal static class ControlOps
{
    /// <summary>Loops with more steps are not unrolled.</summary>
    private const int MaxWrittenOut = 256;

    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("If", 6, Takes.Numbers, If), new("Loop", 6, Takes.Any, Loop), new("Scan", 8, Takes.Numbers, ScanOf),
    ];

    private static OnnxValue?[] If(OnnxNode node)
    {
        OnnxGraphFile then = node.Graph("then_branch"), otherwise = node.Graph("else_branch");
        if (node.V(0).Numbers is [var known])
        {
            return node.Importer.Inner(known != 0 ? then : otherwise);
        }

        OnnxValue[] a = node.Importer.Inner(then), b = node.Importer.Inner(otherwise);
        if (a.Zip(b).Any(pair => pair.First.Type != pair.Second.Type || pair.First.Rank != pair.Second.Rank
            || !pair.First.Shape.Admits(pair.Second.Shape)))
        {
            // The outputs are known only if the condition is known.
            throw OnnxNode.NotKnown([node.X(0)], 0);
        }

        IReadOnlyList<Variable> chosen = IfElse(
            Reshape(node.X(0), Shape.Scalar), [.. a.Select(value => value.Variable)],
            [.. b.Select(value => value.Variable)]);
        return [.. chosen.Select((value, i) => OnnxValue.Of(a[i].Type, value))];
    }

    /// <summary>
    /// Imports a loop. It unrolls up to <see cref="MaxWrittenOut"/> steps, whose condition must be known at import. A
    /// longer loop becomes a Scan if the number of steps is known and the states keep their types.
    /// </summary>
    private static OnnxValue?[] Loop(OnnxNode node)
    {
        OnnxGraphFile body = node.Graph("body");
        long max = node.Has(0) ? node.Long(0) : long.MaxValue;
        int states = node.Count - 2, kept = body.Outputs.Count - 1 - states;
        OnnxValue condition = node.Has(1) ? node.V(1) : Truth();
        OnnxValue[] state = [.. Enumerable.Range(2, states).Select(node.V)];
        if (kept < 0 || body.Inputs.Count != states + 2)
        {
            throw new EngineException(
                $"its body has {body.Inputs.Count} inputs and {body.Outputs.Count} outputs for {states} states");
        }

        List<OnnxValue>[] rows = [.. Enumerable.Range(0, kept).Select(_ => new List<OnnxValue>())];
        for (long step = 0; step < max; step++)
        {
            if (condition.Numbers is not [var goesOn])
            {
                throw OnnxNode.NotKnown([condition.Variable], 1);
            }

            if (goesOn == 0)
            {
                break;
            }

            if (step >= MaxWrittenOut)
            {
                return step == MaxWrittenOut && AsScan(node, body, max) is { } scan ? scan
                    : throw new EngineException($"it makes more than {MaxWrittenOut} steps");
            }

            OnnxValue[] results = node.Importer.Inner(
                body, [OnnxValue.Of(OnnxType.Int64, [new Whole(step)], Shape.Scalar), condition, .. state]);
            (condition, state) = (results[0], results[1..(states + 1)]);
            for (int i = 0; i < kept; i++)
            {
                rows[i].Add(results[states + 1 + i]);
            }
        }

        return
        [
            .. state,
            .. rows.Select((list, i) => list.Count > 0
                ? OnnxValue.Of(list[0].Type, Stack(0, [.. list.Select(value => value.Variable)]))
                : Wanted(node, states + i) ? NoRows(node, body, states + 1 + i, condition, state) : null),
        ];
    }

    /// <summary>Returns what a loop of no steps stacks: no rows of the shape that a step would give.</summary>
    private static OnnxValue NoRows(
        OnnxNode node, OnnxGraphFile body, int output, OnnxValue condition, OnnxValue[] state)
    {
        OnnxValue row = node.Importer.Inner(
            body, [OnnxValue.Of(OnnxType.Int64, [new Whole(0)], Shape.Scalar), condition, .. state])[output];
        return OnnxValue.Of(row.Type, Along(Stack(0, [row.Variable]), 0, ..0));
    }

    private static bool Wanted(OnnxNode node, int output) => node.Wants(output);

    private static OnnxValue Truth() => OnnxValue.Of(OnnxType.Bool, [new Whole(1)], Shape.Scalar);

    /// <summary>
    /// Imports a loop with a known number of steps as a Scan; returns null if its states or its condition do not allow
    /// that.
    /// </summary>
    private static OnnxValue?[]? AsScan(OnnxNode node, OnnxGraphFile body, long max)
    {
        int states = node.Count - 2;
        if (max > int.MaxValue)
        {
            return null;
        }

        OnnxType[] types = [];
        bool isOpen = false;
        ScanOutputs all = Scan(
            given =>
            {
                OnnxValue[] results = node.Importer.Inner(
                    body,
                    [
                        OnnxValue.Of(OnnxType.Int64, given[0]), Truth(),
                        .. Enumerable.Range(0, states).Select(i => OnnxValue.Of(node.V(i + 2).Type, given[i + 1])),
                    ]);
                isOpen = results[0].Numbers is not [1];
                types = [.. results.Skip(1).Select(value => value.Type)];
                return (StepOutputs)results.Skip(1).Select(value => value.Variable).ToArray();
            },
            [ARange((int)max)],
            [
                .. Enumerable.Range(0, states).Select(i => (OutputInfo?)(OutputInfo)node.X(i + 2)),
                .. Enumerable.Repeat<OutputInfo?>(null, body.Outputs.Count - 1 - states),
            ]);
        return isOpen ? null
            : [.. all.Select((rows, i) => OnnxValue.Of(types[i], i < states ? rows[^1] : rows))];
    }

    private static OnnxValue?[] ScanOf(OnnxNode node)
    {
        OnnxGraphFile body = node.Graph("body");
        int scanned = node.Int("num_scan_inputs", 1), first = node.OpSet < 9 ? 1 : 0;
        int states = node.Count - first - scanned, kept = body.Outputs.Count - states;
        if (states < 0 || kept < 0)
        {
            throw new EngineException($"its body has {body.Outputs.Count} outputs for {states} states");
        }

        if (node.OpSet < 9)
        {
            return Batched(node, body, states, scanned);
        }

        int[] Each(string name, int count) =>
            node.Ints(name) is { } given && given.Length == count ? given : new int[count];
        int[] axes = Each("scan_input_axes", scanned), backwards = Each("scan_input_directions", scanned);
        int[] outAxes = Each("scan_output_axes", kept), outBackwards = Each("scan_output_directions", kept);
        bool goesBackwards = scanned > 0 && backwards.All(direction => direction != 0);
        Variable[] sequences = [.. Enumerable.Range(0, scanned).Select(i =>
        {
            Variable x = node.X(states + i);
            int axis = OnnxNode.Axis(axes[i], x.Rank);
            x = axis == 0 ? x : MoveAxis(x, axis, 0);
            return backwards[i] != 0 && !goesBackwards ? Flip(x, [0]) : x;
        })];
        (Variable[] ends, Variable[] rows, OnnxType[] types) = Steps(
            node, body, [.. Enumerable.Range(0, states).Select(node.X)],
            [.. Enumerable.Range(0, states + scanned).Select(i => node.V(i).Type)], sequences, goesBackwards);
        return
        [
            .. ends.Select((end, i) => OnnxValue.Of(types[i], end)),
            .. rows.Select((all, i) =>
            {
                all = outBackwards[i] != 0 ? Flip(all, [0]) : all;
                int axis = OnnxNode.Axis(outAxes[i], all.Rank);
                return OnnxValue.Of(types[states + i], axis == 0 ? all : MoveAxis(all, 0, axis));
            }),
        ];
    }

    private static (Variable[] Ends, Variable[] Rows, OnnxType[] Types) Steps(
        OnnxNode node, OnnxGraphFile body, Variable[] initial, OnnxType[] given, Variable[] sequences,
        bool goesBackwards = false)
    {
        // Most bodies give their state a second time, for its rows.
        string[] sources = [.. body.Outputs.Select(output => body.SourceOf(output.Name))];
        int[] kept = [.. Enumerable.Range(0, sources.Length)
            .Where(i => i < initial.Length || Array.IndexOf(sources, sources[i]) == i)];
        OnnxType[] types = [];
        ScanOutputs all = Scan(
            step =>
            {
                OnnxValue[] results = node.Importer.Inner(
                    body,
                    [
                        .. Enumerable.Range(0, initial.Length)
                        .Select(i => OnnxValue.Of(given[i], step[sequences.Length + i])),
                        .. Enumerable.Range(0, sequences.Length)
                        .Select(i => OnnxValue.Of(given[initial.Length + i], step[i])),
                    ]);
                types = [.. results.Select(value => value.Type)];
                return (StepOutputs)kept.Select(output => results[output].Variable).ToArray();
            },
            [.. sequences.Select(sequence => (ScanSequence)sequence)],
            [
                .. initial.Select(value => (OutputInfo?)(OutputInfo)value),
                .. Enumerable.Repeat<OutputInfo?>(null, kept.Length - initial.Length),
            ],
            goBackwards: goesBackwards);
        return (
            [.. all.Take(initial.Length).Select(rows => rows[^1])],
            [.. sources.Skip(initial.Length)
                .Select(source => all[Array.IndexOf(kept, Array.IndexOf(sources, source))])],
            types);
    }

    /// <summary>
    /// Imports version 8: a loop for each sample of a batch, with sequences that are all as long as the arrays.
    /// </summary>
    private static OnnxValue?[] Batched(OnnxNode node, OnnxGraphFile body, int states, int scanned)
    {
        int[] backwards = node.Ints("directions") is { } given && given.Length == scanned ? given : new int[scanned];
        int batch = OnnxNode.Dimensions(node.X(states + 1), 0)[0];
        if (batch > MaxWrittenOut)
        {
            throw new EngineException($"it makes a loop for each of {batch} samples");
        }

        if (node.Has(0))
        {
            int longest = OnnxNode.Dimensions(node.X(states + 1), 1)[0];
            if (node.Longs(0).Any(length => length != longest))
            {
                throw new EngineException("its sequences are of several lengths");
            }
        }

        OnnxType[] inputs = [.. Enumerable.Range(1, states + scanned).Select(i => node.V(i).Type)], types = [];
        List<Variable>[] results = [.. body.Outputs.Select(_ => new List<Variable>())];
        for (int sample = 0; sample < batch; sample++)
        {
            Variable[] sequences = [.. Enumerable.Range(0, scanned).Select(i =>
                backwards[i] != 0 ? Flip(node.X(1 + states + i)[sample], [0]) : node.X(1 + states + i)[sample])];
            (Variable[] ends, Variable[] rows, types) = Steps(
                node, body, [.. Enumerable.Range(1, states).Select(i => node.X(i)[sample])], inputs, sequences);
            foreach ((Variable value, int i) in ends.Concat(rows).Select((value, i) => (value, i)))
            {
                results[i].Add(value);
            }
        }

        return [.. results.Select((list, i) => OnnxValue.Of(types[i], Stack(0, [.. list])))];
    }
}
