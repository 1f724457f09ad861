using System.Numerics;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

/// <summary>
/// Integer arithmetic wraps around, as in C#, on every device and after every rewrite: random expressions of large
/// numbers, compared with the same in C#.
/// </summary>
[TestFixture(typeof(int))]
[TestFixture(typeof(long))]
public sealed class IntegerTests<T> where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
{
    private const int Elements = 37, Expressions = 12;

    // Literals hold 53 bits.
    private static readonly T s_maxLiteral = T.Min(T.MaxValue, T.CreateSaturating(1L << 53));

    private static readonly T[] s_edges =
    [
        .. new[] { 0, 1, -1, 2, -7, 3, 46341, 65536, -65537, 1 << 30 }.Select(T.CreateChecked), T.MaxValue, T.MinValue,
        T.MinValue + T.One, s_maxLiteral, -s_maxLiteral,
    ];

    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void Integers_wrap_round_in_every_expression(
        [Range(0, 9)] int seed, [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer) =>
        Check(s_cpu, seed, optimizer);

    [Test]
    public void So_they_do_on_cuda(
        [Range(0, 1)] int seed, [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer) =>
        Check(CudaTestDevice.Open(), seed, optimizer);

    /// <summary>A compiler that assumes that overflow is impossible turns this into "always".</summary>
    [Test]
    public void One_more_than_the_maximum_is_the_minimum([Values] bool isCuda)
    {
        Input i = Vector("i", DTypes.Of<T>());
        using var f = Function.Compile(
            [i], [Greater(i + 1, i), GreaterOrEqual(Abs(i), 0)], device: isCuda ? CudaTestDevice.Open() : s_cpu);

        Tensor[] y = f.Call(Tensor.From([T.CreateChecked(5), T.MaxValue, T.MinValue]));

        Assert.That(y[0].AsSpan<bool>().ToArray(), Is.EqualTo(new[] { true, false, true }));
        Assert.That(y[1].AsSpan<bool>().ToArray(), Is.EqualTo(new[] { true, true, false }));
    }

    private static void Check(Device device, int seed, Optimizer optimizer)
    {
        var random = new Random(seed);
        Value[] inputs = [Drawn("a"), Drawn("b"), Drawn("c")];
        Value[] outputs = [.. Enumerable.Range(0, Expressions).Select(_ => Expression(random, inputs, depth: 5))];
        using var f = Function.Compile(
            [.. inputs.Select(input => (Input)input.Variable)],
            [.. outputs.Select(output => output.Variable), .. inputs.Select(input => input.Variable + 0)],
            device: device,
            options: new CompileOptions { Optimizer = optimizer });

        Tensor[] actual = f.Call([.. inputs.Select(input => Tensor.From(input.Elements))]);

        for (int i = 0; i < outputs.Length; i++)
        {
            Assert.That(
                actual[i].AsSpan<T>().ToArray(), Is.EqualTo(outputs[i].Elements),
                $"output {i}: {Printer.Tree(outputs[i].Variable)}");
        }

        Value Drawn(string name) => new(
            Variable(name, DTypes.Of<T>(), [Elements]), [.. Enumerable.Range(0, Elements).Select(_ => Number(random))]);
    }

    private static Value Expression(Random random, Value[] inputs, int depth)
    {
        if (depth == 0)
        {
            return inputs[random.Next(inputs.Length)];
        }

        Value a = Next(), b = Next();
        T c = T.Clamp(Number(random), -s_maxLiteral, s_maxLiteral);
        double literal = double.CreateChecked(c);
        return random.Next(22) switch
        {
            0 => new(a.Variable + b.Variable, a.With(b, (x, y) => unchecked(x + y))),
            1 => new(a.Variable - b.Variable, a.With(b, (x, y) => unchecked(x - y))),
            2 or 3 => new(a.Variable * b.Variable, a.With(b, (x, y) => unchecked(x * y))),
            4 => new(a.Variable + literal, a.Of(x => unchecked(x + c))),
            5 => new(literal - a.Variable, a.Of(x => unchecked(c - x))),
            6 or 7 => new(a.Variable * literal, a.Of(x => unchecked(x * c))),
            8 => new(literal * -a.Variable, a.Of(x => unchecked(c * -x))),
            9 => new(-a.Variable, a.Of(x => unchecked(-x))),
            10 => new(Abs(a.Variable), a.Of(x => T.IsNegative(x) ? unchecked(-x) : x)),
            11 => new(Square(a.Variable), a.Of(x => unchecked(x * x))),
            12 => new(Maximum(a.Variable, b.Variable), a.With(b, T.Max)),
            13 => new(Minimum(a.Variable, literal), a.Of(x => T.Min(x, c))),
            14 => new(Sign(a.Variable), a.Of(x => T.CreateChecked(T.Sign(x)))),
            15 => new(
                Where(Greater(a.Variable + 1, a.Variable), a.Variable, b.Variable),
                a.With(b, (x, y) => unchecked(x + T.One) > x ? x : y)),
            16 => new(Where(b.Variable, a.Variable, literal), a.With(b, (x, y) => y != T.Zero ? x : c)),
            17 => new(
                Sum(a.Variable, [0], keepDims: true) + b.Variable,
                b.Of(y => unchecked(y + a.Elements.Aggregate(Plus)))),
            18 => new(
                Sum(BroadcastLike(Slice(a.Variable, 0, 3, 1), b.Variable)) - b.Variable,
                b.Of(y => unchecked((a.Elements[3] * T.CreateChecked(Elements)) - y))),
            19 => new(IntDiv(a.Variable, b.Variable), a.With(b, Quotient)),
            20 => new(Mod(a.Variable, literal), a.Of(x => unchecked(c == T.Zero ? c : x - (c * Quotient(x, c))))),
            _ => new(-(a.Variable * literal) * -1, a.Of(x => unchecked(x * c))),
        };

        Value Next() => Expression(random, inputs, depth - 1 - random.Next(2) is var less and > 0 ? less : 0);
    }

    private static T Plus(T a, T b) => unchecked(a + b);

    /// <summary>a / b rounded down; 0 if b is 0, and wrapped around for the smallest number divided by −1.</summary>
    private static T Quotient(T a, T b)
    {
        if (T.IsZero(b) || b == -T.One)
        {
            return unchecked(a * b);
        }

        (T whole, T rest) = T.DivRem(a, b);
        return !T.IsZero(rest) && T.IsNegative(rest) != T.IsNegative(b) ? whole - T.One : whole;
    }

    private static T Number(Random random) => random.Next(3) > 0
        ? s_edges[random.Next(s_edges.Length)]
        : T.CreateTruncating(random.NextInt64(long.MinValue, long.MaxValue));

    /// <summary>An expression, and its value in C#.</summary>
    private sealed record Value(Variable Variable, T[] Elements)
    {
        public T[] Of(Func<T, T> function) => [.. Elements.Select(function)];

        public T[] With(Value other, Func<T, T, T> function) => [.. Elements.Zip(other.Elements, function)];
    }
}
