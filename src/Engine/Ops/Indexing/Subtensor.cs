using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

[assembly: Indexer(typeof(Engine.Ops.SubtensorIndexer))]

namespace Engine.Ops;

/// <summary>
/// Returns the part of the first input that an index expression selects; the other inputs are its index arrays.
/// </summary>
internal sealed record Subtensor(SubtensorParts Parts) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"subtensor{Parts}";

    public static IEnumerable<Sample> Samples(Random random) => Cases(random)
        .Select(each => new Sample(new Subtensor(each.Parts), [new Arg(each.Shape), .. each.Arrays]))
        .Concat(
        [
            new Sample(new Subtensor(Of(.., AxisIndex.Array)), Arg.Mask([3, 5]), Arg.Int([4], -5, 5)),
            new Sample(new Subtensor(Of((.., -1))), Arg.Int([257])),
            new Sample(new Subtensor(Of((.., -1))), Arg.Int([513])),
            new Sample(new Subtensor(Of(AxisIndex.Array)), Arg.Int([9]), Arg.Int([257], -9, 9)),
            new Sample(new Subtensor(Of(AxisIndex.Array)), Arg.Int([9]), Arg.Int([513], -9, 9)),
            Misuse(Of(3), [3], "the index 3 lies outside axis 0, of size 3"),
            Misuse(Of(new Index(4, true)), [3], "the index ^4 lies outside axis 0, of size 3"),
            Misuse(Of(.., 2..5), [3, 4], "the range 2..5 lies outside axis 1, of size 4"),
            Misuse(Of(3..2), [4], "the range 3..2 lies outside axis 0"),
            Misuse(Of(..), [4, 4], "the index expression is of 1 axes"),
            new Sample(new Subtensor(Of(AxisIndex.Array)), new Arg([3]), new Arg([3]))
            {
                Error = "an index array must be int32",
            },
            new Sample(new Subtensor(Of(AxisIndex.Array)), new Arg([3]), Arg.Int([2], 3, 4))
            {
                Error = "The index 3 lies outside",
            },
            new Sample(new Subtensor(Of(AxisIndex.Array)), new Arg([3]), Arg.Int([2], -4, -3))
            {
                Error = "The index -4 lies outside",
            },
            new Sample(new Subtensor(Of(AxisIndex.Array, AxisIndex.Array)), new Arg([3, 3]), Arg.Int([2], 0, 3),
                Arg.Int([3], 0, 3))
            {
                Error = "the dimensions 2 and 3 of axis 0 do not broadcast",
            },
        ]);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [new TensorType(inputs[0].DType, Parts.Infer(inputs[0], inputs[1..]))];

    /// <summary>
    /// Gets whether there are no index arrays: an index out of range is reported when the function runs.
    /// </summary>
    internal override bool IsPlain => Parts.Arrays == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        Parts.Arrays == 0
            && Parts.Axes.Index().All(each => IsWhole(each.Item, inputs[0].Shape[each.Index], each.Index));

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
    [
        new SubtensorUpdate(Parts, Adds: Parts.Arrays > 0)
            .Call([Symbolic.ZerosLike(node.Inputs[0]), outputGrads[0]!, .. node.Inputs.Skip(1)]),
        .. node.Inputs.Skip(1).Select(_ => (Variable?)null),
    ];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override long ReadBytes(int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        input == 0 ? outputs[0].Bytes : base.ReadBytes(input, inputs, outputs);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int at = 0;
        NdArray[] arrays = [.. inputs.Skip(1)];
        foreach (int offset in Parts.Loops(inputs[0].Shape, arrays.Select(each => each.Shape)).Offsets(arrays))
        {
            outputs[0].Data[at++] = inputs[0].Data[offset];
        }
    }

    public Phase[] Cpu(CpuStep step)
    {
        SubtensorLoops loops = Loops(step.Types.Inputs);
        Phase take = step.DType(0).Size() switch
        {
            1 => SubtensorCode.Take<byte>(step, loops),
            4 => SubtensorCode.Take<int>(step, loops),
            _ => SubtensorCode.Take<long>(step, loops),
        };
        return loops.HasArraysOnly ? [take] : [.. SubtensorCode.Offsets(step, loops, firstArray: 1), take];
    }

    public long CpuWorkspace(CpuStepTypes step) =>
        Loops(step.Inputs) is { HasArraysOnly: false } loops ? SubtensorCode.CpuWorkspace(loops) : 0;

    public CudaLaunch[] Cuda(CudaStep step)
    {
        SubtensorLoops loops = Loops([.. Enumerable.Range(0, 1 + Parts.Arrays).Select(step.Shape)]);
        return [.. SubtensorCode.Offsets(step, loops, firstArray: 1), SubtensorCode.Take(step, loops)];
    }

    public long CudaWorkspace(CudaStepTypes step) => SubtensorCode.Workspace(Loops(step.Inputs));

    private SubtensorLoops Loops(IReadOnlyList<OperandType> inputs) => Loops([.. inputs.Select(input => input.Shape)]);

    private SubtensorLoops Loops(Shape[] shapes) => Parts.Loops(shapes[0], shapes.Skip(1));

    /// <summary>
    /// Returns expressions of every kind, with the shape that they index and the values of their index arrays.
    /// </summary>
    internal static IEnumerable<(SubtensorParts Parts, Shape Shape, Arg[] Arrays)> Cases(Random random)
    {
        int n = Arg.Dimension(random, false), m = Arg.Dimension(random, false), k = Arg.Dimension(random);
        int start = random.Next(n), end = random.Next(start, n + 1), step = random.Next(1, 4);
        yield return (Of(start..end, ..), [n, m], []);
        yield return (Of(.., start..end, ..), [m, n, k], []);
        yield return (Of(.., new Range(^(n - start), ^(n - end))), [m, n], []);
        yield return (Of(start, ..), [n, m], []);
        yield return (Of(.., new Index(1, true)), [k, m], []);
        yield return (Of(0, 0), [n, m], []);
        yield return (Of(.., (.., -1)), [k, m], []);
        yield return (Of((start..end, step), (.., -step)), [n, m], []);
        yield return (Of((.., 2), .., 0), [n, k, m], []);
        yield return (Of(..), [k], []);
        yield return (Of(.., ..), [n, 0], []);
        yield return (Of(AxisIndex.Array, ..), [n, m], [Indices(n, [n])]);
        yield return (Of(.., AxisIndex.Array), [m, n], [Indices(n, [n])]);
        yield return (Of(.., AxisIndex.Array, ..), [m, n, 3], [Indices(n, [1, n])]);
        yield return (Of(AxisIndex.Array, AxisIndex.Array), [n, m],
            [Indices(n, [Math.Min(n, m)]), Indices(m, [Math.Min(n, m)])]);
        yield return (Of(AxisIndex.Array, .., AxisIndex.Array), [n, 3, m],
            [Indices(n, [Math.Min(n, m)]), Indices(m, [Math.Min(n, m)])]);
        yield return (Of(0, (.., -1), AxisIndex.Array), [2, m, n], [Indices(n, [n])]);
        yield return (Of(.., 1, AxisIndex.Array), [m, 2, n], [Indices(n, [n])]);
        yield return (Of(AxisIndex.Array, .., ..), [n, 2, m], [Indices(n, Shape.Scalar)]);
        yield return (Of(AxisIndex.Array, ..), [5, 19], [Arg.Int([0], 0, 5)]);

        // Index arrays that broadcast, as those of lines along an axis do.
        yield return (Of(AxisIndex.Array, AxisIndex.Array), [n, m], [Indices(n, [n, 1]), Indices(m, [m])]);
        yield return (Of(AxisIndex.Array, .., AxisIndex.Array), [n, 2, m], [Indices(n, [1, n]), Indices(m, [m, 1])]);
        yield return (Of(AxisIndex.Array, AxisIndex.Array, AxisIndex.Array), [n, 2, m],
            [Indices(n, [n, 1, 1]), Indices(2, [2, 1]), Indices(m, [m])]);
        yield return (Of(AxisIndex.Array, AxisIndex.Array), [5, m], [Indices(5, Shape.Scalar), Indices(m, [m])]);

        // Distinct indices, so that setting them has a gradient; every second one is counted from the end.
        Arg Indices(int dimension, Shape shape)
        {
            int[] indices = [.. Enumerable.Range(0, dimension)];
            random.Shuffle(indices);
            return new Arg(
                shape, DType.Int32, Values: [.. indices.Take((int)shape.Count)
                    .Select(index => index % 2 == 0 ? index : (double)index - dimension)]);
        }
    }

    /// <summary>Returns an expression with an index for every axis.</summary>
    internal static SubtensorParts Of(params ReadOnlySpan<AxisIndex> indices)
    {
        var parts = new AxisPart[indices.Length];
        for (int axis = 0; axis < parts.Length; axis++)
        {
            parts[axis] = new AxisPart(indices[axis].Kind, indices[axis].Range, indices[axis].Step);
        }

        return new SubtensorParts(parts);
    }

    private static bool IsWhole(AxisPart part, int dimension, int axis) => part.Kind == AxisIndexKind.Point
        ? dimension == 1
        : part.Of(dimension, axis) is (_, var count) && count == dimension && (part.Step > 0 || dimension <= 1);

    private static Sample Misuse(SubtensorParts parts, Shape shape, string error) =>
        new(new Subtensor(parts), new Arg(shape)) { Error = error };
}

/// <summary>
/// Replaces the part of the first input that an index expression selects by the second input, or adds the second input
/// to it. The other inputs are the index arrays. If an index occurs more than once, the last value is set, or all
/// values are added in order.
/// </summary>
internal sealed record SubtensorUpdate(SubtensorParts Parts, bool Adds) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"{(Adds ? "inc" : "set")}Subtensor{Parts}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach ((SubtensorParts parts, Shape shape, Arg[] arrays) in Subtensor.Cases(random))
        {
            Shape part = parts.Infer(
                new TensorType(DType.Float32, shape),
                [.. arrays.Select(array => new TensorType(DType.Int32, array.Shape))]);
            yield return new Sample(new SubtensorUpdate(parts, false), [new Arg(shape), new Arg(part), .. arrays]);
            yield return new Sample(new SubtensorUpdate(parts, true), [new Arg(shape), new Arg(part), .. arrays]);
        }

        foreach (int count in (int[])[257, 513])
        {
            yield return new Sample(
                new SubtensorUpdate(Subtensor.Of((.., -1)), true), Arg.Int([count]), Arg.Int([count]));
        }

        SubtensorParts rows = Subtensor.Of(AxisIndex.Array, ..);
        foreach (bool adds in (bool[])[false, true])
        {
            var op = new SubtensorUpdate(rows, adds);
            yield return new Sample(op, Arg.Mask([3, 2]), Arg.Mask([1, 2]), Arg.Int([1], 0, 3));
            yield return new Sample(op, Arg.Int([3, 2], DType.Int64), Arg.Int([1, 2], DType.Int64), Arg.Int([1], 0, 3));

            // Many values for few indices, and few values for many.
            yield return new Sample(op, new Arg([3, 70]), new Arg([40, 70]), Arg.Int([40], -3, 3))
            {
                HasGradient = adds,
            };
            yield return new Sample(op, Arg.Int([300, 1]), Arg.Int([500, 1]), Arg.Int([500], 0, 300));
            yield return new Sample(op, new Arg([5, 1]), new Arg([257, 1]), Arg.Int([257], 0, 5))
            {
                HasGradient = adds,
            };

            // Only index arrays: in order, in random order, and more than a chunk.
            var pairs = new SubtensorUpdate(Subtensor.Of(AxisIndex.Array, AxisIndex.Array), adds);
            yield return new Sample(
                pairs, Arg.Int([90, 30]), Arg.Int([90, 60]),
                new Arg([90, 1], DType.Int32, Values: [.. Enumerable.Range(0, 90).Select(i => (double)i)]),
                Arg.Int([90, 60], -30, 30));
            yield return new Sample(
                pairs, Arg.Int([9, 30]), Arg.Int([9000]), Arg.Int([9000], 0, 9), Arg.Int([9000], 0, 30));
            yield return new Sample(pairs, new Arg([3, 2]), new Arg([7]), Arg.Int([7], 0, 3), Arg.Int([7], 0, 2))
            {
                HasGradient = adds,
            };
        }

        Arg truths = new([3, 2], DType.Bool, 0, 2), row = new([1, 2], DType.Bool, 0, 2);
        yield return new Sample(new SubtensorUpdate(rows, false), truths, row, Arg.Int([1], 0, 3));
        yield return new Sample(new SubtensorUpdate(rows, true), truths, row, Arg.Int([1], 0, 3))
        {
            Error = "truths are not added up",
        };
        yield return new Sample(new SubtensorUpdate(rows, true), new Arg([3, 2]), new Arg([2, 3]), Arg.Int([2], 0, 3))
        {
            Error = "the part has the shape (2, 2)",
        };
        yield return new Sample(new SubtensorUpdate(rows, true), new Arg([3, 2]), Arg.Int([2, 2]), Arg.Int([2], 0, 3))
        {
            Error = "the dtypes differ",
        };
        yield return new Sample(new SubtensorUpdate(rows, true), new Arg([3, 2]), new Arg([2, 2]), Arg.Int([2], 3, 5))
        {
            Error = " lies outside an axis of 3",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape part = Parts.Infer(inputs[0], inputs[2..]);
        return inputs[0].DType != inputs[1].DType ? throw new EngineException("the dtypes differ: cast one of them")
            : Adds && inputs[0].DType == DType.Bool ? throw new EngineException("truths are not added up: cast them")
            : part.Admits(inputs[1].Shape) ? [new TensorType(inputs[0].DType, inputs[0].Shape)]
            : throw new EngineException($"the part has the shape {part}");
    }

    internal override bool IsPlain => Parts.Arrays == 0;

    public override bool MayOverwrite(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        Variable g = outputGrads[0]!;
        Variable[] arrays = [.. node.Inputs.Skip(2)];
        return
        [
            Adds ? g : (this with { Adds = false }).Call([g, Symbolic.ZerosLike(node.Inputs[1]), .. arrays]),
            new Subtensor(Parts).Call([g, .. arrays]),
            .. arrays.Select(_ => (Variable?)null),
        ];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Adds ? Math.Max(inputs[1].Shape.Count, outputs[0].Shape.Count) : 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        inputs[0].Data.CopyTo(outputs[0].Data, 0);
        var sums = new DoubleDoubles(outputs[0]);
        for (int i = 0; i < inputs[0].Data.Length; i++)
        {
            sums.Add(i, inputs[0].Data[i]);
        }

        NdArray[] arrays = [.. inputs.Skip(2)];
        int at = 0;
        foreach (int offset in Parts.Loops(inputs[0].Shape, arrays.Select(each => each.Shape)).Offsets(arrays))
        {
            outputs[0].Data[offset] = inputs[1].Data[at];
            sums.Add(offset, inputs[1].Data[at++]);
        }

        if (Adds)
        {
            sums.Round();
        }
    }

    public override double Ulps => Adds ? 2 : 0;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Adds ? OfMagnitudes(inputs, outputs) : outputs;

    public Phase[] Cpu(CpuStep step)
    {
        SubtensorLoops loops = Loops(step.Types.Inputs);
        return
        [
            .. Copy(step),
            .. SubtensorCode.Offsets(step, loops, firstArray: 2),
            step.DType(0).Call(new SubtensorPut(loops, Adds), step),
        ];
    }

    public long CpuWorkspace(CpuStepTypes step) => SubtensorCode.CpuWorkspace(Loops(step.Inputs));

    public CudaLaunch[] Cuda(CudaStep step)
    {
        SubtensorLoops loops = Loops([.. Enumerable.Range(0, 2 + Parts.Arrays).Select(step.Shape)]);
        long bytes = step.OutShape().Count * step.DType(0).Size();
        return
        [
            .. step.In(0) == step.Out() ? [] : (CudaLaunch[])[new CopyLaunch(step.In(0), step.Out(), bytes)],
            .. SubtensorCode.Offsets(step, loops, firstArray: 2),
            SubtensorCode.Put(step, loops, Adds),
        ];
    }

    public long CudaWorkspace(CudaStepTypes step) => SubtensorCode.Workspace(Loops(step.Inputs));

    private SubtensorLoops Loops(IReadOnlyList<OperandType> inputs) => Loops([.. inputs.Select(input => input.Shape)]);

    private SubtensorLoops Loops(Shape[] shapes) => Parts.Loops(shapes[0], shapes.Skip(2));

    private static unsafe Phase[] Copy(CpuStep step)
    {
        long bytes = step.OutShape().Count * step.DType(0).Size();
        return step.IsInPlace(0) ? [] : [Copies.Rows(step.In<byte>(0), bytes, step.Out<byte>(), bytes, 1, bytes)];
    }
}

/// <summary>Creates a <see cref="Subtensor"/> from an index expression.</summary>
internal sealed class SubtensorIndexer : Indexer
{
    public override Variable Part(Variable x, ReadOnlySpan<AxisIndex> indices)
    {
        AxisIndex[] all = ForEachAxis(x, indices.ToArray());
        x = Masked(x, all);
        Variable[] arrays =
            [.. all.Where(index => index.Kind == AxisIndexKind.Array).SelectMany(index => Arrays(x, index.Indices!))];
        return new Subtensor(Subtensor.Of([.. all.SelectMany(index =>
            Enumerable.Repeat(index.Kind == AxisIndexKind.Array ? AxisIndex.Array : index, AxesOf(index)))])).Call(
                [x, .. arrays]);
    }

    public override Variable Widened(Variable x) => Symbolic.Cast(x, DType.Float32);

    /// <summary>Returns an index expression with whole axes for those that it does not mention.</summary>
    private static AxisIndex[] ForEachAxis(Variable x, AxisIndex[] indices)
    {
        int ellipses = indices.Count(index => index.Kind == AxisIndexKind.Ellipsis);
        int rest = x.Rank - indices.Sum(AxesOf);
        if (ellipses > 1 || rest < 0)
        {
            throw new EngineException(
                $"'{x}' ({x.Type}) has {x.Rank} axes: an index expression has at most as many indices, "
                + $"and one Ellipsis.{Origin.Current}");
        }

        IEnumerable<AxisIndex> whole = Enumerable.Repeat<AxisIndex>(.., rest);
        return [.. indices.SelectMany(index => index.Kind == AxisIndexKind.Ellipsis ? whole : [index]),
            .. ellipses == 0 ? whole : []];
    }

    /// <summary>Returns the number of axes that an index is for: a mask is for as many as it has.</summary>
    private static int AxesOf(AxisIndex index) => index.Kind == AxisIndexKind.Ellipsis ? 0
        : index.Indices is { DType: DType.Bool, Rank: > 1 and var rank } ? rank
        : 1;

    /// <summary>Returns x after it checks, when a plan is made at the latest, that masks have its dimensions.</summary>
    private static Variable Masked(Variable x, AxisIndex[] indices)
    {
        Dimension[] dimensions = [.. Symbolic.DimensionsOf(x)];
        int at = 0;
        foreach (AxisIndex index in indices)
        {
            for (int axis = 0; index.Indices is Constant { DType: DType.Bool, Rank: > 0 } mask
                && axis < mask.Rank; axis++)
            {
                int dimension = mask.Shape[axis];
                dimensions[at + axis] = x.Shape[at + axis] is Shape.Unknown || x.Shape[at + axis] == dimension
                    ? dimension
                    : throw new EngineException(
                        $"'{x}' ({x.Type}) is indexed by the mask '{mask}' ({mask.Type}): "
                        + "a mask has the dimensions of the axes that it is for."
                        + Origin.Current);
            }

            at += AxesOf(index);
        }

        return x.Shape.IsKnown || !indices.Any(index => index.Indices is Constant { DType: DType.Bool })
            ? x
            : Symbolic.Reshape(x, dimensions.AsSpan());
    }

    /// <summary>Returns the index arrays of an index, one for each axis that it is for.</summary>
    private static IEnumerable<Variable> Arrays(Variable x, Variable indices) => indices switch
    {
        Constant { DType: DType.Bool, Rank: > 0 } mask => Arrays(mask),
        { DType: DType.Bool } => throw new EngineException(
            $"'{x}' ({x.Type}) is indexed by the mask '{indices}' ({indices.Type}): "
            + "how many elements that is depends on values, and plans are made for shapes. Write Where(mask, a, "
            + $"x) to set them, Sum(Where(mask, x, 0)), or take the indices of NonZero(mask, max); "
            + $"a constant can be a mask.{Origin.Current}"),
        Constant { IsWeak: true, Number: { } number } => [Symbolic.Constant(number, DType.Int32)],
        _ when !indices.DType.IsFloat() => [Symbolic.Indices(indices, "index")],
        _ => throw new EngineException(
            $"'{x}' ({x.Type}) is indexed by '{indices}' ({indices.Type}): indices must be integers.{Origin.Current}"),
    };

    /// <summary>Returns the indices of the true elements of a mask: an array for each axis, in C order.</summary>
    private static IEnumerable<Variable> Arrays(Constant mask)
    {
        NdArray values = NdArray.From(mask.Value);
        int[][] indices =
            [.. NdArray.Indices(mask.Shape).Where(index => values[index] != 0).Select(index => index.ToArray())];
        return Enumerable.Range(0, mask.Rank)
            .Select(axis => new Constant(Tensor.From([.. indices.Select(index => index[axis])])));
    }
}

public static partial class Symbolic
{
    /// <summary>Gets the index that stands for all axes that the other indices leave: <c>x[Ellipsis, 0]</c>.</summary>
    public static AxisIndex Ellipsis => AxisIndex.Ellipsis;

    /// <summary>
    /// Returns x with its part <c>x[…]</c> replaced: <c>SetSubtensor(x[0], 1)</c> is x with ones in its first row. If
    /// an index occurs more than once, the last value counts. The result has the dtype of x if that holds the values,
    /// else the wider one of both.
    /// </summary>
    /// <param name="part">An index expression of x.</param>
    /// <param name="value">The new values, broadcast to the part's shape.</param>
    /// <exception cref="EngineException">
    /// The part is not an index expression, or the values do not broadcast to it.
    /// </exception>
    public static Variable SetSubtensor(Variable part, Variable value) =>
        Updated("setSubtensor", part, value, adds: false);

    /// <inheritdoc cref="SetSubtensor(Variable, Variable)"/>
    public static Variable SetSubtensor(Variable part, double value) => SetSubtensor(part, Constant(value));

    /// <summary>
    /// Returns x with values added to its part <c>x[…]</c>. If an index occurs more than once, all its values are
    /// added.
    /// </summary>
    /// <inheritdoc cref="SetSubtensor(Variable, Variable)"/>
    public static Variable IncSubtensor(Variable part, Variable value) =>
        Updated("incSubtensor", part, value, adds: true);

    /// <inheritdoc cref="IncSubtensor(Variable, Variable)"/>
    public static Variable IncSubtensor(Variable part, double value) => IncSubtensor(part, Constant(value));

    private static Variable Updated(string name, Variable part, Variable value, bool adds)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(value);
        if (part is not Result { Owner: { Op: Subtensor op } node })
        {
            throw new EngineException(
                $"{name} takes a part of an array, as x[0] or x[.., 2..5], not '{part}' "
                + $"({part.Type}).{Origin.Current}");
        }

        Variable[] same = Promotion.Into(name, node.Inputs[0], value, adds);
        return new SubtensorUpdate(op.Parts, adds)
            .Call([same[0], BroadcastLike(same[1], part), .. node.Inputs.Skip(1)]);
    }
}
