using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class ReciprocalsTests
{
    private readonly Input _x = Matrix("x"), _column = Matrix("column");

    [Test]
    public void A_division_by_a_root_that_serves_a_row_is_a_product_with_its_reciprocal() =>
        Assert.That(Divisions(_x / Sqrt(_column), new CompileOptions()), Is.EqualTo(new Shape[] { [6, 1] }));

    [Test]
    public void Two_divisions_by_one_root_share_its_reciprocal()
    {
        Variable root = Sqrt(_column);

        Shape[] divisions = Divisions(Tanh(_x / root) * (Square(_x) / root), new CompileOptions());

        Assert.That(divisions, Is.EqualTo(new Shape[] { [6, 1] }));
    }

    [Test]
    public void Other_divisions_stay()
    {
        var without = new CompileOptions { Excluding = ["reciprocals"] };
        Shape[] whole = [[6, 8]];

        Assert.That(Divisions(_x / Sqrt(_column), without), Is.EqualTo(whole));
        Assert.That(Divisions(_x / (Sqrt(_column) + 1), new CompileOptions()), Is.EqualTo(whole));
        Assert.That(Divisions(Tanh(_column) / Sqrt(_x), new CompileOptions()), Is.EqualTo(whole));
    }

    [Test]
    public void Its_quotients_differ_in_the_last_bit_at_most_and_by_special_numbers_not_at_all()
    {
        float[] x =
        [
            0, -0f, 1, -3.7f, 1e-40f, float.Epsilon, float.MaxValue, -float.MaxValue, 1e-20f, float.PositiveInfinity,
            float.NegativeInfinity, float.NaN,
        ];
        float[] squares =
            [0, float.Epsilon, 1e-40f, 1e-30f, 0.3f, 1, 7, 1e30f, float.MaxValue, float.PositiveInfinity, float.NaN,
                -1];
        float[] products = Quotients([]), quotients = Quotients(["reciprocals"]);

        for (int i = 0; i < quotients.Length; i++)
        {
            float bit = MathF.Max(Math.Abs(quotients[i]) * 2.4e-7f, 2 * float.Epsilon);
            Assert.That(
                products[i], Is.EqualTo(quotients[i]).Within(float.IsFinite(quotients[i]) ? bit : 0),
                $"{x[i % x.Length]} / √{squares[i / x.Length]}");
        }

        float[] Quotients(string[] excluding)
        {
            using var device = new CpuDevice(1);
            using var f = Function.Compile(
                [_x, _column], [_x / Sqrt(_column)], options: new CompileOptions { Excluding = excluding },
                device: device);
            float[] rows = [.. Enumerable.Repeat(x, squares.Length).SelectMany(row => row)];
            Tensor[] results = f.Call(
                Tensor.From(rows, squares.Length, x.Length), Tensor.From(squares, squares.Length, 1));
            return results[0].AsSpan<float>().ToArray();
        }
    }

    /// <summary>Returns the shapes of all results of divisions, without fusion.</summary>
    private Shape[] Divisions(Variable output, CompileOptions options)
    {
        using var device = new CpuDevice(1);
        using var f = Function.Compile(
            [_x, _column], [output], device: device,
            options: options with { Excluding = [.. options.Excluding, "fuse", "fuse_rows"] });
        f.Prepare(new Tensor(DType.Float32, [6, 8]), new Tensor(DType.Float32, [6, 1]));
        return [.. f.Nodes.Where(node => node.Op is Binary<Divide>).Select(node => node.Outputs[0].Shape)];
    }
}
