using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports normalizations.</summary>
internal static class NormalizationOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("BatchNormalization", 6, Takes.Floats, BatchNorm),
        new("InstanceNormalization", 6, Takes.Floats, node =>
        {
            node.Ignore("consumed_inputs");
            Variable x = node.X(0);
            Variable normal =
                Normal(x, [.. Enumerable.Range(2, x.Rank - 2)], node.Float("epsilon", 1e-5), out _, out _);
            return node.Same((normal * PerChannel(node.X(1), x)) + PerChannel(node.X(2), x));
        }),
        new("LayerNormalization", 17, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            OnnxType stash = Stash(node);
            int axis = OnnxNode.Axis(node.Number("axis", -1), x.Rank);
            Variable normal = Normal(x, [.. Enumerable.Range(axis, x.Rank - axis)], node.Float("epsilon", 1e-5),
                out Variable mean, out Variable inverse);
            normal *= node.X(1);
            return [OnnxNode.Of(node.Type, node.Has(2) ? normal + node.X(2) : normal), OnnxNode.Of(stash, mean),
                OnnxNode.Of(stash, inverse)];
        }),
        new("RMSNormalization", 23, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            Stash(node);
            int axis = OnnxNode.Axis(node.Number("axis", -1), x.Rank);
            Variable square = Mean(Square(x), [.. Enumerable.Range(axis, x.Rank - axis)], keepDims: true);
            return node.Same(x / Sqrt(square + node.Float("epsilon", 1e-5)) * node.X(1));
        }),
        new("GroupNormalization", 18, Takes.Floats, GroupNorm),
        new("MeanVarianceNormalization", 9, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            Shape axes = [.. OnnxNode.Axes(node.LongsOf("axes") ?? [0, 2, 3], x.Rank)];
            Variable centered = x - Mean(x, axes, keepDims: true);
            return node.Same(centered / (Sqrt(Mean(Square(centered), axes, keepDims: true)) + 1e-9));
        }),
        new("LpNormalization", 6, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            Shape axis = [OnnxNode.Axis(node.Number("axis", -1), x.Rank)];
            Variable norm = node.Number("p", 2) switch
            {
                1 => Sum(Abs(x), axis, keepDims: true),
                2 => Sqrt(Sum(Square(x), axis, keepDims: true)),
                long other => throw new EngineException($"there is no norm of order {other}"),
            };

            // A vector of norm 0 stays 0.
            return node.Same(Where(Equal(norm, 0), ZerosLike(x), x / norm));
        }),
        new("LRN", 6, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            int size = node.Int("size", 1) is >= 1 and <= 1024 and var given
                ? given
                : throw new EngineException("its size is not from 1 to 1024"), before = (size - 1) / 2;
            (int, int)[] widths = [(0, 0), (before, size - 1 - before), .. Enumerable.Repeat((0, 0), x.Rank - 2)];
            Variable squares = Pad(Square(x), widths);
            Variable channels = DimensionOf(x, 1);
            Variable sum = Enumerable.Range(0, size)
                .Select(i => Along(squares, 1, i..^(size - 1 - i))).Aggregate(Add);
            double alpha = node.Float("alpha", 1e-4f), beta = node.Float("beta", 0.75), bias = node.Float("bias", 1);
            return node.Same(x / Power((sum * (alpha / size)) + bias, beta));
        }),
    ];

    /// <summary>Returns per-channel numbers in a shape that broadcasts over x.</summary>
    public static Variable PerChannel(Variable numbers, Variable x) =>
        DimShuffle(numbers, [NewAxis, 0, .. Enumerable.Repeat(NewAxis, Math.Max(0, x.Rank - 2))]);

    private static Variable Normal(Variable x, Shape axes, double epsilon, out Variable mean, out Variable inverse)
    {
        mean = Mean(x, axes, keepDims: true);
        Variable centered = x - mean;
        inverse = 1 / Sqrt(Mean(Square(centered), axes, keepDims: true) + epsilon);
        return centered * inverse;
    }

    /// <summary>Returns the type of the inner results, which must be float.</summary>
    private static OnnxType Stash(OnnxNode node)
    {
        var stash = (OnnxType)node.Number("stash_type", 1);
        return stash == OnnxType.Float ? stash : throw new EngineException($"its stash_type is {stash.Name()}");
    }

    private static OnnxValue?[] BatchNorm(OnnxNode node)
    {
        node.Ignore("consumed_inputs");
        Variable x = node.X(0);
        double epsilon = node.Float("epsilon", 1e-5), momentum = node.Float("momentum", 0.9f);
        bool isTraining = node.OpSet < 7
            ? !node.Flag("is_test") && node.Outputs > 1
            : node.OpSet >= 14 ? node.Flag("training_mode") : node.Outputs > 1;
        if (!node.Flag("spatial", true))
        {
            throw new EngineException("it normalizes each activation by itself (spatial = 0)");
        }

        Variable gain = PerChannel(node.X(1), x), bias = PerChannel(node.X(2), x), mean = node.X(3),
            variance = node.X(4);
        if (x.Rank == 1)
        {
            (gain, bias) = (Reshape(node.X(1), 1), Reshape(node.X(2), 1));
        }

        if (!isTraining)
        {
            return node.Same(((x - PerChannel(mean, x)) * (gain / Sqrt(PerChannel(variance, x) + epsilon))) + bias);
        }

        if (node.OpSet < 14)
        {
            throw new EngineException("it is in training, which is said here from opset 14 on");
        }

        Shape axes = [.. Enumerable.Range(0, x.Rank).Where(axis => axis != 1)];
        Variable normal = Normal(x, axes, epsilon, out Variable batchMean, out _);
        Variable batchVariance = Mean(Square(x - batchMean), axes);
        return
        [
            OnnxNode.Of(node.Type, (normal * gain) + bias),
            OnnxNode.Of(node.Type, (mean * momentum) + (Mean(x, axes) * (1 - momentum))),
            OnnxNode.Of(node.Type, (variance * momentum) + (batchVariance * (1 - momentum))),
        ];
    }

    private static OnnxValue[] GroupNorm(OnnxNode node)
    {
        Variable x = node.X(0), gain = node.X(1), bias = node.X(2);
        Stash(node);
        int groups = node.Int("num_groups", 0), channels = OnnxNode.Dimensions(x, 1)[0];
        if (groups < 1 || channels % groups != 0)
        {
            throw new EngineException($"{channels} channels do not make {groups} groups");
        }

        if (node.OpSet < 21)
        {
            // There is one number for each group.
            (gain, bias) = (Repeat(gain, channels / groups, 0), Repeat(bias, channels / groups, 0));
        }

        Variable grouped = Reshape(x, DimensionOf(x, 0), groups, -1);
        Variable normal = ReshapeLike(Normal(grouped, [2], node.Float("epsilon", 1e-5), out _, out _), x);
        return node.Same((normal * PerChannel(gain, x)) + PerChannel(bias, x));
    }
}
