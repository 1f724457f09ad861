using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports indexing ops.</summary>
internal static class IndexingOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Slice", 6, Takes.Any, Slice) { Moves = 1 },
        new("Gather", 6, Takes.Any, node =>
        {
            Variable x = node.X(0);
            return node.Same(Gather(x, Indices(node, 1), OnnxNode.Axis(node.Number("axis", 0), x.Rank)));
        })
        { Moves = 1 },
        new("GatherElements", 11, Takes.Any, node =>
        {
            Variable x = node.X(0), indices = Indices(node, 1);
            return node.Same(x[Along(x, indices, OnnxNode.Axis(node.Number("axis", 0), x.Rank))]);
        })
        { Moves = 1 },
        new("GatherND", 11, Takes.Any,
            node => node.Same(GatherND(node.X(0), Indices(node, 1), node.Int("batch_dims", 0)))) { Moves = 1 },
        new("ScatterElements", 11, Takes.Numbers, node =>
        {
            Variable x = node.X(0), indices = Indices(node, 1);
            int axis = OnnxNode.Axis(node.Number("axis", 0), x.Rank);
            return node.Same(Reduction(node) is { } reduction
                ? ReducedAlong(x, indices, node.X(2), axis, reduction)
                : Scattered(node, x, x[Along(x, indices, axis)], node.X(2)));
        }),
        new("Scatter", 9, Takes.Numbers, node =>
        {
            Variable x = node.X(0), indices = Indices(node, 1);
            return node.Same(
                SetSubtensor(x[Along(x, indices, OnnxNode.Axis(node.Number("axis", 0), x.Rank))], node.X(2)));
        }),
        new("ScatterND", 11, Takes.Numbers, node =>
        {
            Variable x = node.X(0), indices = Indices(node, 1);
            return node.Same(Reduction(node) is { } reduction
                ? ReducedRows(node, x, indices, node.X(2), reduction)
                : Scattered(node, x, x[Columns(x, indices)], node.X(2)));
        }),
        new("Compress", 9, Takes.Any, node =>
        {
            Variable x = node.X(0);
            double[] mask = node.Numbers(1);
            int[] kept = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0)];
            return node.HasSetting("axis")
                ? node.Same(Gather(x, Constant(Tensor.From(kept)), OnnxNode.Axis(node.Number("axis", 0), x.Rank)))
                : node.Same(Gather(Flatten(x, 1), Constant(Tensor.From(kept)), 0));
        }),
        new("ReverseSequence", 10, Takes.Any, node =>
        {
            Variable x = node.X(0);
            int batch = node.Int("batch_axis", 1), time = node.Int("time_axis", 0);
            Variable lengths =
                DimShuffle(Indices(node, 1), [.. Enumerable.Range(0, 2).Select(axis => axis == batch ? 0 : NewAxis)]);
            Variable steps = DimShuffle(
                ARange(DimensionOf(x, time)), [.. Enumerable.Range(0, 2).Select(axis => axis == time ? 0 : NewAxis)]);
            Variable rows = DimShuffle(
                ARange(DimensionOf(x, batch)), [.. Enumerable.Range(0, 2).Select(axis => axis == batch ? 0 : NewAxis)]);
            Variable from = Where(Less(steps, lengths), lengths - 1 - steps, steps);
            return node.Same(time == 0 ? x[from, rows] : x[rows, from]);
        }),
    ];

    /// <summary>Returns indices in the form that index expressions take.</summary>
    public static Variable Indices(OnnxNode node, int input) => Ops.Symbolic.ClippedIndices(node.X(input));

    /// <summary>
    /// Returns an index expression with an array of indices along one axis. The array may be shorter along the others.
    /// </summary>
    private static AxisIndex[] Along(Variable x, Variable indices, int axis) => indices.Rank != x.Rank
        ? throw new EngineException($"its indices ({indices.Type}) have not as many axes as {x.Type}")
        : [.. Enumerable.Range(0, x.Rank).Select(other => (AxisIndex)(other == axis
            ? indices
            : DimShuffle(ARange(DimensionOf(indices, other)),
                [.. Enumerable.Range(0, x.Rank).Select(i => i == other ? 0 : NewAxis)])))];

    /// <summary>Returns an index expression from indices whose last axis lists x's first axes.</summary>
    private static AxisIndex[] Columns(Variable x, Variable indices)
    {
        int columns = indices.Shape[-1];
        return columns >= 1 && columns <= x.Rank
            ? [.. Enumerable.Range(0, columns).Select(column => (AxisIndex)indices[Ellipsis, column])]
            : throw new EngineException($"its indices ({indices.Type}) name {columns} axes of {x.Type}");
    }

    private static Variable GatherND(Variable x, Variable indices, int batches)
    {
        int columns = indices.Shape[-1];
        if (columns < 1 || columns + batches > x.Rank)
        {
            throw new EngineException($"its indices ({indices.Type}) name {columns} axes of {x.Type} behind {batches}");
        }

        var index = new AxisIndex[batches + columns];
        for (int axis = 0; axis < batches; axis++)
        {
            index[axis] = DimShuffle(
                ARange(DimensionOf(x, axis)),
                [.. Enumerable.Range(0, indices.Rank - 1).Select(at => at == axis ? 0 : NewAxis)]);
        }

        for (int column = 0; column < columns; column++)
        {
            index[batches + column] = indices[Ellipsis, column];
        }

        return x[index];
    }

    private static Variable Scattered(OnnxNode node, Variable x, Variable part, Variable values) =>
        node.OpSet >= 16 && node.Text("reduction", "none") == "add"
            ? IncSubtensor(part, values)
            : SetSubtensor(part, values);

    /// <summary>
    /// Returns the functions that reduce an element with all updates at its index; null if updates replace it or are
    /// added.
    /// </summary>
    private static (Tensor Start, Func<Variable, Shape, Variable> All, Func<Variable, Variable, Variable> Two)?
        Reduction(OnnxNode node) =>
        (node.OpSet < 16 ? "none" : node.Text("reduction", "none")) switch
        {
            "none" => null,
            "add" when node.Type != OnnxType.Bool => null,
            "mul" => (Tensor.Scalar(1), (x, axes) => Prod(x, axes), Multiply),
            "max" => (node.Type.IsFloat()
                ? Tensor.Scalar(double.NegativeInfinity)
                : Tensor.Scalar(node.Type.Range().Min), (x, axes) => Max(x, axes), Maximum),
            "min" => (node.Type.IsFloat()
                ? Tensor.Scalar(double.PositiveInfinity)
                : Tensor.Scalar(node.Type.Range().Max), (x, axes) => Min(x, axes), Minimum),
            string other => throw new EngineException($"its reduction '{other}' of {node.Type.Name()} is not there"),
        };

    /// <summary>Reduces each element of x with the updates that have its index along an axis.</summary>
    private static Variable ReducedAlong(
        Variable x, Variable indices, Variable values, int axis,
        (Tensor Start, Func<Variable, Shape, Variable> All, Func<Variable, Variable, Variable> Two) reduction)
    {
        if (indices.Rank != x.Rank || !indices.Shape.IsKnown)
        {
            throw new EngineException($"its indices ({indices.Type}) have not as many axes as {x.Type}, or are open");
        }

        (x, indices, values) = (MoveAxis(x, axis, 0), MoveAxis(indices, axis, 0), MoveAxis(values, axis, 0));
        Variable part = x[[(AxisIndex)(..), .. indices.Shape.Skip(1).Select(dimension => (AxisIndex)(..dimension))]];
        Variable count = DimensionOf(x, 0);
        indices = Where(Less(indices, 0), indices + count, indices);
        Variable rows = DimShuffle(ARange(count), [0, .. Enumerable.Repeat(NewAxis, x.Rank)]);
        Variable all =
            Where(Equal(rows, ExpandDims(indices, 0)), ExpandDims(values, 0), Constant(reduction.Start.Cast(x.DType)));
        return MoveAxis(SetSubtensor(part, reduction.Two(part, reduction.All(all, [1]))), 0, axis);
    }

    /// <summary>Reduces each part of x that an index can name with the updates that have its index.</summary>
    private static Variable ReducedRows(
        OnnxNode node, Variable x, Variable indices, Variable values,
        (Tensor Start, Func<Variable, Shape, Variable> All, Func<Variable, Variable, Variable> Two) reduction)
    {
        int columns = Columns(x, indices).Length;
        int[] dimensions = OnnxNode.Dimensions(x);
        Variable row = Enumerable.Range(0, columns).Select(column =>
        {
            Variable index = indices[Ellipsis, column];
            return Where(Less(index, 0), index + dimensions[column], index)
                * dimensions[(column + 1)..columns].Aggregate(1, (a, b) => a * b);
        }).Aggregate(Add);
        int rest = dimensions[columns..].Aggregate(1, (a, b) => a * b);
        Variable flat = Reshape(x, -1, rest);
        return ReshapeLike(ReducedAlong(
            flat, BroadcastTo(ExpandDims(Flatten(row, 1), 1), -1, rest), Reshape(values, -1, rest), 0, reduction), x);
    }

    /// <summary>Imports Slice. Ranges follow NumPy's rule: parts beyond the ends are cut off.</summary>
    private static OnnxValue[] Slice(OnnxNode node)
    {
        Variable x = node.X(0);
        Whole[] starts, ends;
        long[]? axes, steps = null;
        if (node.OpSet < 10)
        {
            starts = Array.ConvertAll(node.LongsOf("starts") ?? [], start => new Whole(start));
            ends = Array.ConvertAll(node.LongsOf("ends") ?? [], end => new Whole(end));
            axes = node.LongsOf("axes");
        }
        else
        {
            (starts, ends) = (node.Wholes(1), node.Wholes(2));
            axes = node.Has(3) ? node.Longs(3) : null;
            steps = node.Has(4) ? node.Longs(4) : null;
        }

        int[] sliced = axes is null ? [.. Enumerable.Range(0, starts.Length)] : OnnxNode.Axes(axes, x.Rank);
        if (ends.Length != starts.Length || sliced.Length != starts.Length
            || (steps ?? []).Length is not 0 and var count && count != starts.Length)
        {
            throw new EngineException("its starts, ends, axes and steps are not as many");
        }

        var index = new AxisIndex[x.Rank];
        Array.Fill(index, ..);
        for (int i = 0; i < sliced.Length; i++)
        {
            index[sliced[i]] = Sliced(x, sliced[i], starts[i], ends[i], steps?[i] ?? 1);
        }

        // Several arrays of indices in one expression would select single elements.
        foreach (int axis in sliced.Where(axis => index[axis].Kind == AxisIndexKind.Array))
        {
            x = Ops.Symbolic.Along(x, axis, index[axis]);
            index[axis] = ..;
        }

        return node.Same(index.All(one => one.Step == 1 && one.Range.Equals(Range.All)) ? x : x[index]);
    }

    private static AxisIndex Sliced(Variable x, int axis, Whole start, Whole end, long step)
    {
        int dimension = x.Shape[axis];
        if (step == 0)
        {
            throw new EngineException("a step is 0");
        }

        if (start.IsKnown && end.IsKnown && dimension != Shape.Unknown)
        {
            if (dimension == 0)
            {
                return ..;
            }

            // With a negative step, ONNX clamps the start to the first element; Python leaves it before that.
            long high = step < 0 ? dimension - 1 : dimension;
            long from = Math.Clamp(start.Number < 0 ? start.Number + dimension : start.Number, 0, high);
            long to = Math.Clamp(end.Number < 0 ? end.Number + dimension : end.Number, step < 0 ? -1 : 0, high);
            if (step == 1)
            {
                return Part(from, Math.Max(from, to));
            }

            // A step larger than the dimension takes only the first element.
            int pace = (int)Math.Clamp(step, -dimension, dimension);
            return step > 0
                ? (Part(from, Math.Max(from, to)), pace)
                : (Part(Math.Min(from, to) + 1, from + 1), pace);
        }

        Range Part(long from, long to) => from == 0 && to == dimension ? .. : (int)from..(int)to;

        if (step == 1 && start is { IsKnown: true, Number: 0 } && end is { IsKnown: true, Number: >= int.MaxValue })
        {
            return ..;
        }

        if (step == -1 && end is { IsKnown: true, Number: < int.MinValue / 2 }
            && start is { IsKnown: true, Number: -1 or >= int.MaxValue })
        {
            return (.., -1);
        }

        if (step == 1 && start is { IsKnown: true, Number: < 0 } && end is { IsKnown: true, Number: >= int.MaxValue }
            && start.Number == -1)
        {
            return ^1..;
        }

        if (step != 1)
        {
            throw OnnxNode.NotKnown([
                DimensionOf(x, axis), .. new[] { start, end }.Where(one => !one.IsKnown).Select(one => one.Value!)], 0);
        }

        // If the dimension is unknown before the call: the indices from start on, as many as there are.
        Variable whole = DimensionOf(x, axis), first = Inside(start, whole), last = Inside(end, whole);
        return ARange(Maximum(last - first, 0)) + first;
    }

    private static Variable Inside(Whole index, Variable dimension)
    {
        if (index.IsKnown)
        {
            int number = (int)Math.Clamp(index.Number, int.MinValue / 2, int.MaxValue / 2);
            Variable at = Constant(number, DType.Int32);
            return number < 0 ? Maximum(at + dimension, 0) : Minimum(at, dimension);
        }

        Variable given = index.Value!;
        return Minimum(Maximum(Where(Less(given, 0), given + dimension, given), 0), dimension);
    }
}
