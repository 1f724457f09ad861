using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class FuseRowsTests
{
    private readonly Input _x = Matrix("x"), _y = Vector("y");

    [Test]
    public void A_layer_s_normalization_is_one_op() =>
        Assert.That(Ops([Normalized(_x) * _y], 40, 300), Is.EqualTo(new[]
        {
            "rows{sum{1}; fused{divide}; fused{subtract + square}; sum{1}; fused{divide + add + sqrt + divide}; "
                + "fused{multiply + multiply}}",
        }));

    [TestCase(40, 10)]
    [TestCase(3, 300)]
    [TestCase(20, 40_000)]
    public void Rows_that_are_short_few_or_too_long_are_left(int rows, int columns) =>
        Assert.That(Ops([Normalized(_x) * _y], rows, columns), Has.None.StartsWith("rows"));

    [Test]
    public void What_depends_on_an_op_in_between_runs_behind_it()
    {
        // The second mean is over rows of a product of the first ones.
        Variable first = Normalized(_x), second = Normalized(Dot(first, Dot(Transpose(first), first)) + _x);

        string[] ops = Ops([second * _y], 40, 70);

        Assert.That(ops.Count(op => op.StartsWith("rows", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(ops.Count(op => op.StartsWith("dot", StringComparison.Ordinal)), Is.EqualTo(2));
        AssertSame([second * _y], 40, 70);
    }

    [TestCase(16, 64)]
    [TestCase(33, 771)]
    [TestCase(17, 2500)]
    public void Its_values_and_gradient_are_those_of_the_ops_one_by_one(int rows, int columns)
    {
        Variable y = Normalized(_x) * _y;
        AssertSame([y, .. Grad(Sum(Square(y) * Tanh(_x)), [_x, _y])], rows, columns);
    }

    [Test]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        Variable y = Normalized(_x) * _y;
        Variable[] outputs = [y, .. Grad(Sum(Square(y) * Tanh(_x)), [_x, _y])];
        Tensor[][] results = [.. new[] { 1, 2, 16 }.Select(threads =>
        {
            using var device = new CpuDevice(threads);
            return Run(outputs, 50, 1100, new CompileOptions(), device);
        })];

        foreach (Tensor[] other in results[1..])
        {
            for (int i = 0; i < other.Length; i++)
            {
                Assert.That(other[i].AsSpan<float>().ToArray(), Is.EqualTo(results[0][i].AsSpan<float>().ToArray()));
            }
        }
    }

    private static Variable Normalized(Variable x)
    {
        Variable d = x - Mean(x, [1], keepDims: true);
        return d / Sqrt(Mean(Square(d), [1], keepDims: true) + 1e-5f);
    }

    private string[] Ops(Variable[] outputs, int rows, int columns)
    {
        using var f = Function.Compile([_x, _y], outputs);
        f.Prepare(new Tensor(DType.Float32, [rows, columns]), new Tensor(DType.Float32, [columns]));
        return [.. f.Nodes.Where(node => !node.IsView).Select(node => node.Op.Name)];
    }

    private void AssertSame(Variable[] outputs, int rows, int columns)
    {
        Tensor[] fused = Run(outputs, rows, columns, new CompileOptions(), null);
        Tensor[] alone = Run(outputs, rows, columns, new CompileOptions { Excluding = ["fuse_rows"] }, null);
        for (int i = 0; i < fused.Length; i++)
        {
            float[] expected = alone[i].AsSpan<float>().ToArray();
            float scale = expected.Max(MathF.Abs);
            Assert.That(fused[i].AsSpan<float>().ToArray(), Is.EqualTo(expected).Within(1e-5f * scale));
        }
    }

    private Tensor[] Run(Variable[] outputs, int rows, int columns, CompileOptions options, CpuDevice? device)
    {
        var random = new Random(5);
        using var f = Function.Compile([_x, _y], outputs, options: options, device: device);
        return f.Call(Drawn(rows * columns, rows, columns), Drawn(columns, columns));

        Tensor Drawn(int count, params int[] shape) =>
            Tensor.From(Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f).ToArray(), shape);
    }
}
