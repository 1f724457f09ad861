using System.Numerics;
using Engine.Build;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Every dtype with number literals of every size, on both sides of every op that takes them: each is refused, or gives
/// the result of plain C# in the dtype that docs/graphs/types.md names.
/// </summary>
[TestFixture]
public sealed class LiteralTests
{
    private static readonly CpuDevice s_cpu = new(2);

    private static readonly Dictionary<DType, double[]> s_operands = new()
    {
        [DType.UInt8] = [0, 1, 2, 3, 127, 128, 255],
        [DType.Int32] = [0, 1, -1, 2, 7, -46341, 65536, 16777217, int.MaxValue, int.MinValue],
        [DType.Int64] =
        [
            0, 1, -1, 2, 7, -46341, 3000000000, 1L << 40, (1L << 53) - 1, -9007199254740990, 1L << 62, long.MinValue,
        ],
        [DType.Bool] = [0, 1],
        [DType.Float16] = [0, 1, -1, 0.5, 2.75, -1024, double.PositiveInfinity, double.NegativeInfinity, double.NaN],
        [DType.BFloat16] = [0, 1, -1, 0.5, 2.75, -1024, double.PositiveInfinity, double.NegativeInfinity, double.NaN],
        [DType.Float32] =
            [0, 1, -1, 0.5, 2.75, -1e-3f, 1e30f, -3e9f, double.PositiveInfinity, double.NegativeInfinity, double.NaN],
        [DType.Float64] = [0, 1, -1, 0.5, 2.75, -1e-300, 1e300, -3e9, double.PositiveInfinity, double.NaN],
    };

    private static readonly double[] s_literals =
    [
        0, 1, -1, 2, 3, 0.5, -2.5, 255, 256, 65536, 16777217, int.MaxValue, int.MinValue, int.MaxValue + 1.0,
        int.MinValue - 1.0,
        3e9, -3e9, 1L << 53, -(1L << 53), 1L << 60, 1e19, 1e38, 1e39, -1e300, 1e-40, 1e-50, double.PositiveInfinity,
        double.NegativeInfinity, double.NaN,
    ];

    private static readonly Case[] s_cases =
    [
        new("+", true, (x, c) => x + c, (c, x) => c + x, new Plus()),
        new("-", true, (x, c) => x - c, (c, x) => c - x, new Minus()),
        new("*", true, (x, c) => x * c, (c, x) => c * x, new Times()),
        new("/", false, (x, c) => x / c, (c, x) => c / x, new Over()),
        new("Maximum", true, (x, c) => Maximum(x, c), (c, x) => Maximum(Constant(c), x), new Max()),
        new("Minimum", true, (x, c) => Minimum(x, c), (c, x) => Minimum(Constant(c), x), new Min()),
        new("Less", true, (x, c) => Less(x, c), (c, x) => Less(Constant(c), x), new IsLess()),
        new("LessOrEqual", true, (x, c) => LessOrEqual(x, c), (c, x) => LessOrEqual(Constant(c), x),
            new IsNotGreater()),
        new("Equal", true, (x, c) => Equal(x, c), (c, x) => Equal(Constant(c), x), new IsEqual()),
        new("Where", true, (x, c) => Where(x, x, c), (c, x) => Where(x, c, x), new Chosen()),
    ];

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void A_literal_takes_the_dtype_of_the_other_operand_or_is_refused(
        [Values] DType dtype, [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer)
    {
        var random = new Random(5);
        IEnumerable<double> drawn = Enumerable.Range(0, 6).Select(i => i % 2 == 0
            ? random.NextInt64(-1L << 34, 1L << 34)
            : (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-60, 60)));

        Check(s_cpu, dtype, optimizer, [.. s_literals, .. drawn]);
    }

    [Test]
    public void So_it_is_on_cuda([Values] DType dtype) => Check(
        CudaTestDevice.Open(), dtype, Optimizer.None, [-1, 0.5, 3e9, int.MaxValue, int.MinValue, double.NaN]);

    [Test]
    public void A_literal_that_does_not_fit_is_refused_on_the_line_that_wrote_it()
    {
        Input i = Variable("i", DType.Int32, [3]), x = Variable("x", DType.Float32, [3]);

        Assert.That(() => i + 3e9, Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^add of 'i' \(int32 \(3\)\) and 3000000000: int32 holds whole numbers from -2147483648 to 2147483647, not "
            + @"3000000000\. Cast the other operand to float64, with Symbolic\.Cast\. Built at .*LiteralTests\.cs:\d+\.$"));
        Assert.That(() => 1e300 * x, Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^multiply of 1E\+300 and 'x' \(float32 \(3\)\): float32 holds magnitudes from 1\.4E-45 to 3\.4028235E\+38, not "
            + @"1E\+300\. .*LiteralTests\.cs:\d+\.$"));
        Assert.That(() => Clip(i, 0, 1e10), Throws.TypeOf<EngineException>().With.Message.StartsWith("minimum of "));
        Assert.That(() => Constant(0.5, DType.Int32), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^There is no int32 0\.5: int32 holds whole numbers .*LiteralTests\.cs:\d+\.$"));
        Assert.That(() => Constant(256, DType.UInt8), Throws.TypeOf<EngineException>());
        Assert.That(() => Constant(2, DType.Bool), Throws.TypeOf<EngineException>());
        Assert.That(() => Vector("n", DType.Int64) + 1e18, Throws.TypeOf<EngineException>().With.Message.Contains(
            "int64 holds whole numbers from -9007199254740992 to 9007199254740992 in literals"));
        Assert.That(() => TakeRows(x, Constant(3e9), Constant(1)), Throws.TypeOf<EngineException>());
        Assert.That((Cast(i, DType.Float64) + 3e9).DType, Is.EqualTo(DType.Float64));
    }

    [Test]
    public void Two_operands_are_of_the_dtype_that_the_table_says()
    {
        string[][] table = [.. File.ReadLines(Path.Combine(Repository.Root, "docs", "graphs", "types.md"))
            .SkipWhile(line => !line.StartsWith("| | bool", StringComparison.Ordinal))
            .TakeWhile(line => line.Length > 0)
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())];

        foreach (string[] row in table[2..])
        {
            for (int i = 1; i < row.Length; i++)
            {
                Assert.That(DTypeOf(row[0], table[0][i]), Is.EqualTo(row[i]), $"{row[0]} and {table[0][i]}");
                Assert.That(DTypeOf(table[0][i], row[0]), Is.EqualTo(row[i]), $"{table[0][i]} and {row[0]}");
            }
        }

        Assert.That(table, Has.Length.EqualTo(2 + Enum.GetValues<DType>().Length));

        static string DTypeOf(string a, string b)
        {
            try
            {
                return (Operand(a) + Operand(b)).DType.Name();
            }
            catch (EngineException)
            {
                return "refused";
            }
        }

        static Variable Operand(string name) => name switch
        {
            "a whole literal" => Constant(3),
            "another literal" => Constant(0.5),
            _ => Vector("x", Enum.GetValues<DType>().Single(dtype => dtype.Name() == name)),
        };
    }

    [Test]
    public void What_is_made_of_literals_is_a_literal()
    {
        Input wide = Variable("x", DType.Float64, [1]);

        Variable third = Constant(1) / Constant(3), y = wide * third * -Sqrt(Constant(4));

        Assert.That(y.DType, Is.EqualTo(DType.Float64));
        Assert.That(
            NdArray.From(Run(s_cpu, Optimizer.FastRun, [wide], [Tensor.From([6.0])], y)[0]).Data[0], Is.EqualTo(-4));
    }

    [Test]
    public void Integers_are_raised_as_float32_whatever_the_exponent([Values(0, 0.5, 1, 2, 3, -1)] double exponent)
    {
        Input i = IntVector("i");
        Variable[] powers = [Power(i, exponent), Power(i, Constant(exponent))];

        Tensor[] y = Run(s_cpu, Optimizer.FastRun, [i], [Tensor.From([3, 50000])], powers);

        Assert.That(y.Select(power => power.DType), Is.All.EqualTo(DType.Float32));
        Assert.That(y[0].AsSpan<float>()[1], Is.EqualTo(Math.Pow(50000, exponent)).Within(1e-4).Percent);
        Assert.That(y[1].AsSpan<float>()[1], Is.EqualTo(Math.Pow(50000, exponent)).Within(1e-4).Percent);
    }

    [Test]
    public void Arrays_of_single_and_double_precision_are_not_joined() => Assert.That(
        () => Concat(0, Vector("x"), Vector("y", DType.Float64)),
        Throws.TypeOf<EngineException>().With.Message.Contains("would widen to float64"));

    /// <summary>A condition is true for any value except 0, whatever its dtype and that of the values.</summary>
    [Test]
    public void A_condition_is_a_truth_and_no_number(
        [Values] DType condition, [Values] DType values,
        [Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer) =>
        CheckConditions(s_cpu, condition, values, optimizer);

    [Test]
    public void So_it_is_in_the_conditions_on_cuda([Values] DType condition, [Values] DType values) =>
        CheckConditions(CudaTestDevice.Open(), condition, values, Optimizer.FastRun);

    private static void CheckConditions(Device device, DType condition, DType values, Optimizer optimizer)
    {
        double[] given = condition.IsFloat()
            ? [0, -0.0, 0.5, -0.25, 1e-30, double.NaN, double.PositiveInfinity,
                condition == DType.Float64 ? 1e-300 : 1e-38]
            : s_operands[condition];
        Input c = Variable("c", condition, [given.Length]), a = Variable("a", values, [1]),
            b = Variable("b", values, [1]);

        Tensor chosen = Run(
            device, optimizer, [c, a, b],
            [Tensor.From(given).Cast(condition), Tensor.From([7]).Cast(values),
                Tensor.From([values == DType.Bool ? 0 : 9]).Cast(values)],
            Where(c, a, b))[0];

        double second = values == DType.Bool ? 0 : 9;
        Assert.That(
            NdArray.From(chosen).Data, Is.EqualTo(NdArray.From(Tensor.From(given).Cast(condition)).Data
                .Select(x => x != 0 ? values == DType.Bool ? 1 : 7.0 : second)));
        Assert.That(chosen.DType, Is.EqualTo(values == DType.Bool ? values : values.Computes()));
    }

    private static void Check(Device device, DType dtype, Optimizer optimizer, double[] literals)
    {
        double[] operands = s_operands[dtype];
        Input x = Variable("x", dtype, [operands.Length]);
        var outputs = new List<Variable>();
        var expected = new List<(string What, Tensor Value)>();
        foreach (Case each in s_cases)
        {
            foreach (double literal in literals)
            {
                DType common = dtype.IsFloat() ? dtype.Computes()
                    : each.TakesIntegers && Math.Floor(literal) == literal && double.IsFinite(literal)
                        ? dtype == DType.Int64 ? dtype : DType.Int32
                    : DType.Float32;
                Add($"x {each.Name} {literal:R}", () => each.Right(x, literal), isLeft: false);
                Add($"{literal:R} {each.Name} x", () => each.Left(literal, x), isLeft: true);

                void Add(string what, Func<Variable> build, bool isLeft)
                {
                    what = FormattableString.Invariant($"{what}, x being {dtype.Name()}");
                    if (!Fits(literal, common))
                    {
                        Assert.That(build, Throws.TypeOf<EngineException>(), what);
                        return;
                    }

                    outputs.Add(build());
                    expected.Add((what, Plain(each, common, operands, literal, isLeft)));
                }
            }
        }

        Tensor[] actual = Run(device, optimizer, [x], [Tensor.From(operands).Cast(dtype)], [.. outputs]);

        Assert.Multiple(() =>
        {
            for (int i = 0; i < actual.Length; i++)
            {
                Assert.That(actual[i].DType, Is.EqualTo(expected[i].Value.DType), expected[i].What);
                Assert.That(
                    NdArray.From(actual[i]).Data, Is.EqualTo(NdArray.From(expected[i].Value).Data), expected[i].What);
            }
        });
    }

    /// <summary>Whether a dtype can represent a number exactly, by C#'s conversion.</summary>
    private static bool Fits(double literal, DType dtype) => dtype switch
    {
        DType.Int32 => literal == Math.Clamp(literal, int.MinValue, int.MaxValue),
        DType.Int64 => Math.Abs(literal) <= 1L << 53,
        DType.Float32 => !double.IsFinite(literal)
            || (float.IsFinite((float)literal) && ((float)literal == 0) == (literal == 0)),
        _ => true,
    };

    private static Tensor Plain(Case each, DType dtype, double[] operands, double literal, bool isLeft)
    {
        return dtype switch
        {
            DType.Int32 => In<int>(),
            DType.Int64 => In<long>(),
            DType.Float32 => In<float>(),
            _ => In<double>(),
        };

        Tensor In<T>() where T : unmanaged, INumber<T>
        {
            T c = T.CreateTruncating(literal);
            T[] results = [.. operands.Select(T.CreateTruncating)
                .Select(x => isLeft ? each.Plain.Of(c, x, x) : each.Plain.Of(x, c, x))];
            return each.Plain.IsTruth ? Tensor.From(results).Cast(DType.Bool) : Tensor.From(results);
        }
    }

    private static Tensor[] Run(
        Device device, Optimizer optimizer, Input[] inputs, Tensor[] arguments, params Variable[] outputs)
    {
        using var f = Function.Compile(
            inputs, outputs, device: device, options: new CompileOptions { Optimizer = optimizer });
        return f.Call(arguments);
    }

    private sealed record Case(
        string Name,
        bool TakesIntegers,
        Func<Variable, double, Variable> Right,
        Func<double, Variable, Variable> Left,
        IPlain Plain);

    /// <summary>An op in plain C#; x is the operand that is not a literal.</summary>
    private interface IPlain
    {
        bool IsTruth => false;

        T Of<T>(T a, T b, T x) where T : INumber<T>;
    }

    private sealed class Plus : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => unchecked(a + b);
    }

    private sealed class Minus : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => unchecked(a - b);
    }

    private sealed class Times : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => unchecked(a * b);
    }

    private sealed class Over : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => a / b;
    }

    private sealed class Max : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => T.Max(a, b);
    }

    private sealed class Min : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => T.Min(a, b);
    }

    private sealed class Chosen : IPlain
    {
        public T Of<T>(T a, T b, T x) where T : INumber<T> => T.IsZero(x) ? b : a;
    }

    private sealed class IsLess : IPlain
    {
        public bool IsTruth => true;

        public T Of<T>(T a, T b, T x) where T : INumber<T> => a < b ? T.One : T.Zero;
    }

    private sealed class IsNotGreater : IPlain
    {
        public bool IsTruth => true;

        public T Of<T>(T a, T b, T x) where T : INumber<T> => a <= b ? T.One : T.Zero;
    }

    private sealed class IsEqual : IPlain
    {
        public bool IsTruth => true;

        public T Of<T>(T a, T b, T x) where T : INumber<T> => a == b ? T.One : T.Zero;
    }
}
