using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops that only move elements.</summary>
internal static class ShapingOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        Mover("Identity", 1, node => [node.V(0)]),
        Mover("Reshape", 6, Reshape),
        Mover("Flatten", 6, node =>
        {
            Variable x = node.X(0);
            long axis = node.Number("axis", 1);
            int at = axis == x.Rank ? x.Rank : OnnxNode.Axis(axis, x.Rank);
            return node.Same(Matrix(x, at));
        }),
        Mover("Squeeze", 6, node =>
        {
            Variable x = node.X(0);
            int[]? axes = node.AxesOf("axes", 1, 13, x.Rank);
            if (axes is null && !x.Shape.IsKnown)
            {
                OnnxNode.Dimensions(x);
            }

            return node.Same(Squeeze(x, axes is null ? null : [.. axes]));
        }),
        Mover("Unsqueeze", 6, node =>
        {
            Variable x = node.X(0);
            long[] given = (node.OpSet < 13 ? node.LongsOf("axes") : node.Longs(1))
                ?? throw new EngineException("its axes are missing");
            int rank = x.Rank + given.Length;
            int[] axes = OnnxNode.Axes(given, rank);
            int next = 0;
            return node.Same(
                DimShuffle(x, [.. Enumerable.Range(0, rank).Select(axis => axes.Contains(axis) ? NewAxis : next++)]));
        }),
        Mover("Transpose", 1, node =>
        {
            Variable x = node.X(0);
            int[] order = node.Ints("perm") ?? [.. Enumerable.Range(0, x.Rank).Reverse()];
            return order.Order().SequenceEqual(Enumerable.Range(0, x.Rank))
                ? node.Same(DimShuffle(x, order))
                : throw new EngineException($"its perm {string.Join(", ", order)} is no order of {x.Rank} axes");
        }),
        new("Concat", 6, Takes.Any, node =>
        {
            Variable[] all = node.All();
            int axis = OnnxNode.Axis(node.Number("axis", 1), all[0].Rank);
            return node.Same(all.Length == 1 ? all[0] : Concat(axis, all));
        })
        { Moves = -1 },
        Mover("Split", 6, Split),
        Mover("Expand", 8, node => node.Same(Expand(node.X(0), node.Wholes(1)))),
        Mover("Tile", 6, node =>
        {
            Variable x = node.X(0);
            Whole[] times = node.Wholes(1);
            return times.Length == x.Rank
                ? node.Same(x.Rank == 0 ? x : Tile(x, [.. times.Select(Dimension)]))
                : throw new EngineException($"it repeats {x.Type} {times.Length} times");
        }),
        Mover("DepthToSpace", 6, DepthToSpace),
        Mover("SpaceToDepth", 6, node =>
        {
            Variable x = node.X(0);
            int block = node.Int("blocksize", 0);
            int[] dimensions = OnnxNode.Dimensions(x, 1);
            Variable parts = Ops.Symbolic.Reshape(
                x, DimensionOf(x, 0), dimensions[0], dimensions[1] / block, block, dimensions[2] / block, block);
            return node.Same(Ops.Symbolic.Reshape(
                DimShuffle(parts, 0, 3, 5, 1, 2, 4), DimensionOf(x, 0), dimensions[0] * block * block,
                dimensions[1] / block, dimensions[2] / block));
        }),
        new("Pad", 6, Takes.Numbers, PadOps.Pad),
        Mover("CenterCropPad", 18, PadOps.CenterCropPad),
    ];

    /// <summary>Returns a dimension of a shape.</summary>
    public static Dimension Dimension(Whole whole) => whole.Value is { } value ? value : checked((int)whole.Number);

    /// <summary>Returns x as a matrix. The axes from <paramref name="axis"/> on are its columns.</summary>
    public static Variable Matrix(Variable x, int axis)
    {
        if (x.Rank == 2 && axis == 1)
        {
            return x;
        }

        // If the number of columns is known, the number of rows need not be computed.
        int[] behind = [.. x.Shape.Skip(axis)], before = [.. x.Shape.Take(axis)];
        return !behind.Contains(Shape.Unknown) && !behind.Contains(0) ? Ops.Symbolic.Reshape(x, -1, Product(behind))
            : !before.Contains(Shape.Unknown) && !before.Contains(0) ? Ops.Symbolic.Reshape(x, Product(before), -1)
            : Ops.Symbolic.Reshape(x, Joined(x, 0, axis), Joined(x, axis, x.Rank));
    }

    /// <summary>Returns the product of some of the dimensions.</summary>
    private static Dimension Joined(Variable x, int from, int to) =>
        to == from ? 1 : Enumerable.Range(from, to - from).Select(axis => DimensionOf(x, axis)).Aggregate(Multiply);

    private static int Product(int[] dimensions) =>
        dimensions.Aggregate(1, (product, dimension) => checked(product * dimension));

    /// <summary>
    /// Returns x broadcast by NumPy's rule in both directions: dimensions of 1 in the requested shape are broadcast,
    /// too.
    /// </summary>
    public static Variable Expand(Variable x, Whole[] to)
    {
        int rank = Math.Max(x.Rank, to.Length), added = rank - x.Rank;
        var dimensions = new Dimension[rank];
        for (int axis = 0; axis < rank; axis++)
        {
            int at = axis - (rank - to.Length);
            Whole dimension = at < 0 ? 1 : to[at];
            dimensions[axis] = axis < added ? Dimension(dimension)
                : dimension is { IsKnown: true, Number: 1 } ? DimensionOf(x, axis - added)
                : x.Shape[axis - added] == 1 || dimension.IsKnown ? Dimension(dimension)
                : Maximum(DimensionOf(x, axis - added), dimension.ToVariable());
        }

        return rank == 0 ? x : BroadcastTo(x, dimensions);
    }

    private static OnnxOp Mover(string name, int since, Func<OnnxNode, OnnxValue?[]> import) =>
        new(name, since, Takes.Any, import) { Moves = 1 };

    private static OnnxValue[] Reshape(OnnxNode node)
    {
        Variable x = node.X(0);
        Whole[] to = node.OpSet < 5
            ? Array.ConvertAll(node.LongsOf("shape") ?? throw new EngineException("its shape is missing"),
                dimension => new Whole(dimension))
            : node.Wholes(1);
        bool allowsZero = node.Flag("allowzero");
        for (int i = 0; i < to.Length; i++)
        {
            if (to[i] is { IsKnown: true, Number: 0 } && !allowsZero)
            {
                to[i] = i < x.Rank
                    ? Whole.DimensionOf(x, i)
                    : throw new EngineException($"the dimension {i} of {x.Type} is to stay, which it has not");
            }
        }

        // A model that was exported for one sample may get many: if the shape is 1 and then one sample's elements,
        // replace the 1 by the number of samples.
        int[] sample = [.. x.Shape.Skip(1)];
        if (x.Rank > 0 && x.Shape[0] == Shape.Unknown && to is [{ IsKnown: true, Number: 1 }, ..]
            && !sample.Contains(Shape.Unknown)
            && to.All(dimension => dimension.IsKnown)
            && to.Aggregate(1L, (product, dimension) => product * dimension.Number) == Product(sample))
        {
            to = [Whole.DimensionOf(x, 0), .. to[1..]];
        }

        if (Array.FindIndex(to, dimension => dimension is { IsKnown: true, Number: -1 }) is >= 0 and var open
            && x.Shape.IsKnown
            && to.All(dimension => dimension.IsKnown) && !to.Any(dimension => dimension.Number == 0))
        {
            long others = to.Where((_, i) => i != open)
                .Aggregate(1L, (product, dimension) => checked(product * dimension.Number));
            to[open] = x.Shape.Count % others == 0 ? x.Shape.Count / others : -1;
        }

        return node.Same(Ops.Symbolic.Reshape(x, [.. to.Select(Dimension)]));
    }

    private static OnnxValue[] Split(OnnxNode node)
    {
        Variable x = node.X(0);
        int axis = OnnxNode.Axis(node.Number("axis", 0), x.Rank);
        long[]? lengths = node.OpSet < 13 ? node.LongsOf("split") : node.Has(1) ? node.Longs(1) : null;
        int parts = node.Int("num_outputs", node.Outputs);
        if (parts != node.Outputs)
        {
            throw new EngineException($"its num_outputs is {parts}, and it has {node.Outputs}");
        }

        if (lengths is null)
        {
            int dimension = x.Shape[axis] != Shape.Unknown ? x.Shape[axis] : OnnxNode.Dimensions(x, axis)[0];
            int each = (dimension + parts - 1) / parts;
            lengths = [.. Enumerable.Range(0, parts)
                .Select(part => (long)Math.Max(0, Math.Min(each, dimension - (part * each))))];
        }

        return [.. Ops.Symbolic.Split(x, axis, Array.ConvertAll(lengths, length => checked((int)length)))
            .Select(part => OnnxNode.Of(node.Type, part))];
    }

    private static OnnxValue[] DepthToSpace(OnnxNode node)
    {
        Variable x = node.X(0);
        int block = node.Int("blocksize", 0);
        int[] dimensions = OnnxNode.Dimensions(x, 1);
        int depth = dimensions[0] / (block * block);
        string mode = node.Text("mode", "DCR");
        Variable parts = mode switch
        {
            "DCR" => DimShuffle(
                Ops.Symbolic.Reshape(x, DimensionOf(x, 0), block, block, depth, dimensions[1], dimensions[2]), 0, 3, 4,
                1, 5, 2),
            "CRD" => DimShuffle(
                Ops.Symbolic.Reshape(x, DimensionOf(x, 0), depth, block, block, dimensions[1], dimensions[2]), 0, 1, 4,
                2, 5, 3),
            _ => throw new EngineException($"there is no mode '{mode}'"),
        };
        return node.Same(
            Ops.Symbolic.Reshape(parts, DimensionOf(x, 0), depth, dimensions[1] * block, dimensions[2] * block));
    }
}
