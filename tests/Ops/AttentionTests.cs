using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Attention by tiles gives the results of its formula, with its gradients, and never stores the matrix of all
/// products.
/// </summary>
[TestFixture]
public sealed class AttentionTests
{
    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    private static IEnumerable<TestCaseData> Cases =>
    [
        Of([2, 3, 7, 4], [2, 3, 5, 4], [2, 3, 5, 6], null, false),
        Of([2, 3, 7, 4], [2, 3, 5, 4], [2, 3, 5, 6], null, true),
        Of([7, 4], [5, 4], [5, 6], null, true),
        Of([3, 7, 4], [5, 4], [1, 5, 6], null, false),
        Of([2, 3, 7, 4], [2, 3, 5, 4], [2, 3, 5, 6], [7, 5], false),
        Of([2, 3, 7, 4], [2, 3, 5, 4], [2, 3, 5, 6], [2, 1, 1, 5], true),
        Of([2, 3, 7, 4], [2, 3, 5, 4], [2, 3, 5, 6], [2, 3, 7, 1], false),
        Of([1, 600, 8], [1, 1100, 8], [1, 1100, 3], null, true),
        Of([1, 600, 8], [1, 1100, 8], [1, 1100, 3], [1, 1100], false),
    ];

    private static TestCaseData Of(int[] q, int[] k, int[] v, int[]? mask, bool isCausal) =>
        new(q, k, v, mask, isCausal);

    [TestCaseSource(nameof(Cases))]
    public void Attention_and_its_gradients_are_the_formulas(int[] q, int[] k, int[] v, int[]? mask, bool isCausal) =>
        Check(s_cpu, q, k, v, mask, isCausal, isKnown: true);

    [TestCaseSource(nameof(Cases))]
    public void So_they_are_where_no_dimension_is_known(int[] q, int[] k, int[] v, int[]? mask, bool isCausal) =>
        Check(s_cpu, q, k, v, mask, isCausal, isKnown: false);

    [Test]
    public void So_they_are_on_cuda([Values] bool isCausal) =>
        Check(CudaTestDevice.Open(), [2, 3, 37, 4], [2, 3, 40, 4], [2, 3, 40, 70], [37, 40], isCausal, isKnown: true);

    [Test]
    public void Truths_say_who_is_looked_at()
    {
        Input q = Matrix("q");
        Variable seen = Constant(Tensor.From([true, false, true])),
            added = Constant(Tensor.From([0, float.NegativeInfinity, 0]));
        using var f = Function.Compile(
            [q], [Attention(q, q, q, mask: seen), Attention(q, q, q, mask: added),
                Attention(q, q, q, mask: Cast(seen, DType.UInt8))],
            device: s_cpu);

        Tensor[] y = f.Call(Tensor.From([1f, 2, -1, 0.5f, 3, 1], 3, 2));

        Assert.That(y[1].Bytes.ToArray(), Is.EqualTo(y[0].Bytes.ToArray()));
        Assert.That(y[2].Bytes.ToArray(), Is.EqualTo(y[0].Bytes.ToArray()));
    }

    [Test]
    public void A_query_that_sees_no_key_gets_no_number()
    {
        Input q = Matrix("q");
        using var f =
            Function.Compile([q], [Attention(q, q, q, mask: Constant(Tensor.From([false, false])))], device: s_cpu);

        Assert.That(f.Call(Tensor.From([1f, 2, 3, 4], 2, 2))[0].AsSpan<float>().ToArray(), Is.All.NaN);
    }

    /// <summary>4,096² elements are 64 MB in float32, and the gradient would need them four times.</summary>
    [Test]
    public void Memory_grows_with_the_sequence_and_not_with_its_square([Values] bool withGradient)
    {
        long shorter = Bytes(1024), longer = Bytes(4096);

        Assert.That(longer, Is.LessThan(5 * shorter));
        Assert.That(longer, Is.LessThan(20L << 20));

        long Bytes(int length)
        {
            SharedVariable[] x =
                [.. Enumerable.Range(0, 3).Select(_ => Shared(new Tensor(DType.Float32, [1, length, 16])))];
            Variable y = Attention(x[0], x[1], x[2]);
            using var f = Function.Compile([], withGradient ? [.. Grad(Sum(Square(y)), x)] : [y], device: s_cpu);
            f.Call();
            return f.Plans[0].Layout.Memory.ArenaBytes;
        }
    }

    [Test]
    public void Operands_that_do_not_fit_are_refused_by_name() => Assert.That(
        () => Attention(Vector("q"), Matrix("k"), Matrix("v")),
        Throws.TypeOf<EngineException>().With.Message.Contains("attention takes matrices or stacks of them, not 'q'"));

    private static void Check(Device device, int[] q, int[] k, int[] v, int[]? mask, bool isCausal, bool isKnown)
    {
        var random = new Random(3);
        int[][] shapes = mask is null ? [q, k, v] : [q, k, v, mask];
        Input[] x = [.. shapes.Select((shape, i) => Variable(
            $"x{i}", DType.Float64,
            Shape.Create(isKnown ? shape : [.. shape.Select(dimension => dimension == 1 ? 1 : Shape.Unknown)])))];
        Variable[] both = [Attention(x[0], x[1], x[2], mask is null ? null : x[3], isCausal), Formula(x, isCausal)];
        Variable[] outputs = [.. both.SelectMany(y => (Variable[])[y, .. Grad(Sum(Sin(y)), x)])];
        using var f = Function.Compile(x, outputs, device: device);

        Tensor[] results = f.Call([.. shapes.Select(shape => Tensor.From(
            [.. Enumerable.Range(0, shape.Aggregate(1, (count, dimension) => count * dimension))
                .Select(_ => (random.NextDouble() * 4) - 2)], shape))]);

        for (int i = 0; i < results.Length / 2; i++)
        {
            Tensor expected = results[(results.Length / 2) + i];
            Assert.That(results[i].Shape, Is.EqualTo(expected.Shape), $"output {i}");
            Assert.That(
                results[i].AsSpan<double>().ToArray(), Is.EqualTo(expected.AsSpan<double>().ToArray())
                    .Within(1e-10), $"output {i}");
        }
    }

    private static Variable Formula(Input[] x, bool isCausal)
    {
        Variable scores = MatMul(x[0], SwapAxes(x[1], -1, -2)) / Sqrt(Count(x[0], [x[0].Rank - 1]));
        if (isCausal)
        {
            scores = Where(
                GreaterOrEqual(ExpandDims(ARange(DimensionOf(scores, -2)), 1), ARange(DimensionOf(scores, -1))), scores,
                double.NegativeInfinity);
        }

        return MatMul(Softmax(x.Length > 3 ? scores + x[3] : scores), x[2]);
    }
}
