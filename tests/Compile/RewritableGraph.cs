using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// Expressions that rewrites replace by better ones, over values for which the original is as exact: divisors are at
/// least 1, exponents at most 1.
/// </summary>
internal static class RewritableGraph
{
    /// <summary>Draws one or more expressions over a value of this shape.</summary>
    public static Variable[] Draw(Random random, Variable x, Shape shape)
    {
        Variable small = Tanh(x);
        int axis = shape.Rank == 0 ? -1 : random.Next(shape.Rank);
        bool keepDims = random.Next(2) == 0;
        return random.Next(9) switch
        {
            0 => [Neutral(random, x)],
            1 => [Signs(random, x, small)],
            2 => [Quotient(random, x, Square(small) + 1)],
            3 => [Conversions(random, x)],
            4 => [Repeated(random, x, shape)],
            5 => Views(random, x, shape),
            6 => [Exponentials(random, small)],
            7 when axis >= 0 => [Sums(random, x, small, axis, keepDims, shape)],
            8 when shape is { Rank: > 0, Count: > 0 } => Losses(random, x, shape),
            _ => [Neutral(random, Constants(random))],
        };
    }

    private static Variable Neutral(Random random, Variable x) => random.Next(6) switch
    {
        0 => x * 1,
        1 => x + 0,
        2 => 0 + x,
        3 => x - 0,
        4 => x / 1,
        _ => x * random.Next(1, 5) * (random.Next(1, 5) / 4.0),
    };

    private static Variable Signs(Random random, Variable x, Variable y) => random.Next(8) switch
    {
        0 => -(-x),
        1 => x - (-y),
        2 => -x + y,
        3 => -x * -y,
        4 => -x * y,
        5 => -(x * 3),
        6 => y / (-Square(y) - 1),
        _ => x * -1,
    };

    private static Variable Quotient(Random random, Variable x, Variable atLeast1) => random.Next(5) switch
    {
        0 => atLeast1 / atLeast1,
        1 => x / atLeast1 * atLeast1,
        2 => x / atLeast1 * x * atLeast1,
        3 => x / 4,
        _ => x / 3,
    };

    private static Variable Conversions(Random random, Variable x)
    {
        Variable mask = Less(Constant(random.NextDouble() - 0.5), Constant(Tensor.From([-0.25, 0.25])));
        return random.Next(3) switch
        {
            0 => Cast(Cast(mask, DType.Int32), DType.Float64),
            1 => Cast(Cast(Cast(mask, DType.Float32), DType.UInt8), DType.Float64),
            _ => x * Cast(Count(x), DType.Float64),
        };
    }

    private static Variable Repeated(Random random, Variable x, Shape shape)
    {
        Variable number = Constant(random.NextDouble() + 0.5, DType.Float64);
        Variable repeated = BroadcastLike(random.Next(2) == 0 ? number : Tanh(number), x);
        return random.Next(5) switch
        {
            0 => repeated,
            1 => x * repeated,
            2 => Exp(repeated) * repeated,
            3 when shape.Rank > 0 => Sum(repeated, [random.Next(shape.Rank)]),
            _ => SumTo(repeated, number),
        };
    }

    private static Variable[] Views(Random random, Variable x, Shape shape)
    {
        int[] axes = [.. Enumerable.Range(0, shape.Rank)];
        random.Shuffle(axes);
        Variable shuffled = shape.Rank == 0 ? x : Transpose(x, Shape.Create(axes));
        return random.Next(4) switch
        {
            0 => [Transpose(shuffled)],
            1 => [Reshape(Reshape(x, [-1]), shape)],
            2 => [DimShuffle(DimShuffle(shuffled, [.. Enumerable.Range(0, shape.Rank), NewAxis]), [.. axes.Order()])],
            _ when shape.Rank == 2 => [Dot(Transpose(x), x), Dot(x, Transpose(x))],
            _ => [shuffled],
        };
    }

    private static Variable Exponentials(Random random, Variable small) => random.Next(8) switch
    {
        0 => Log(1 + Square(small)),
        1 => Log(1 + Exp(small)),
        2 => Exp(small) - 1,
        3 => -1 + Exp(small),
        4 => Log(Sigmoid(small)),
        5 => Log(1 - Sigmoid(small)),
        6 => Log1p(-Sigmoid(small)),
        _ => Log(1 - (small / 2)),
    };

    private static Variable Sums(Random random, Variable x, Variable small, int axis, bool keepDims, Shape shape) =>
        random.Next(6) switch
        {
            0 => Sum(Sum(x, [axis], keepDims)),
            1 => Sum(Sum(x, [axis], keepDims: true), [shape.Rank - 1], keepDims),
            2 => Log(Sum(Exp(small) + 0, [axis], keepDims)),
            3 when shape.Count > 0 => Log(Sum(Exp(small), [axis], keepDims)),
            4 when shape.Count > 0 => Exp(small) / Sum(Exp(small), [axis], keepDims: true),
            _ => Mean(x, [axis], keepDims) * 2,
        };

    private static Variable[] Losses(Random random, Variable x, Shape shape)
    {
        int classes = shape[-1], rows = (int)shape.Count / classes;
        Variable logits = Reshape(Tanh(x), [rows, classes]);
        Variable p = Softmax(logits);
        var labels = Constant(Tensor.From([.. Enumerable.Range(0, rows).Select(_ => random.Next(classes))]));
        Variable wanted = random.Next(2) == 0 ? labels : Softmax(Reshape(x, [rows, classes]));
        Variable losses = CategoricalCrossEntropy(p, wanted);
        return random.Next(4) switch
        {
            0 => [losses, p],
            1 => [Log(p)],
            2 => [losses, Grad(Mean(losses), logits)],
            _ => [losses, Grad(Sum(Square(losses)), logits)],
        };
    }

    private static Variable Constants(Random random) =>
        (Constant(random.NextDouble(), DType.Float64) + Constant(Tensor.From([1.0, 2, 3]))) * 2;
}
