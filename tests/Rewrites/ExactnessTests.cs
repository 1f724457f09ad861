using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Rewrites;
using Rounding = Engine.Graph.Rounding;

namespace Engine.Tests.Rewrites;

/// <summary>
/// No rewrite makes a result less exact than the graph as written. Every expression for which a rewrite knows a better
/// form is computed both as written and rewritten, for numbers of all magnitudes, and both are compared with the exact
/// value.
/// </summary>
[TestFixture]
public sealed class ExactnessTests
{
    private const int Rows = ExactExpression.Rows, Columns = ExactExpression.Columns;

    /// <summary>How many ulp less exact a result may be: one or two more roundings.</summary>
    private const double Slack = 4;

    private static readonly CpuDevice s_cpu = new(1);

    private static readonly double[] s_scales = [1e-38, 1e-20, 1e-6, 0.1, 1, 12, 30, 70, 85, 1e3, 1e6, 1e20, 1e37];

    private static readonly double[] s_doubleScales = [1e-300, 1e-150, 650, 700, 1e9, 1e15, 1e150, 1e300];

    private static IEnumerable<TestCaseData> Cases => ExactExpression.All.SelectMany(expression =>
        ((DType[])[DType.Float32, DType.Float64])
        .Where(dtype => expression.DType is null || expression.DType == dtype)
        .Select(dtype => new TestCaseData(expression, dtype).SetArgDisplayNames(expression.Name, dtype.Name())));

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [TestCaseSource(nameof(Cases))]
    public void No_rewrite_makes_a_result_less_exact(object of, DType dtype)
    {
        var expression = (ExactExpression)of;
        var random = new Random(5);
        using Function written = Compile(new CompileOptions { Optimizer = Optimizer.None });
        (string Name, Function Function)[] rewritten =
        [
            ("fast_run", Compile(new CompileOptions())),
            ("fast_compile", Compile(new CompileOptions { Optimizer = Optimizer.FastCompile })),
            .. Rewrite.All.Select(rewrite => rewrite.Name).Distinct()
                .Select(name => ($"without {name}", Compile(new CompileOptions { Excluding = [name] }))),
        ];
        try
        {
            foreach (double scale in dtype == DType.Float32 ? s_scales : [.. s_scales, .. s_doubleScales])
            {
                for (int pattern = 0; pattern < 4; pattern++)
                {
                    Compare(Draw(scale, pattern, dtype, random));
                }
            }
        }
        finally
        {
            Array.ForEach(rewritten, each => each.Function.Dispose());
        }

        void Compare(double[][] rows)
        {
            double[] errors = Errors(written, rows);
            foreach ((string name, Function function) in rewritten)
            {
                double[] others = Errors(function, rows);
                for (int i = 0; i < errors.Length; i++)
                {
                    if (!(others[i] <= errors[i] + Slack))
                    {
                        string row = string.Join("; ", rows[i / (errors.Length / Rows)].Select(x => $"{x:R}"));
                        string off = $"{others[i]:G3} ulp off, and {errors[i]:G3} as it was written";
                        Assert.Fail($"{name}: {off}, at {i} of {row}");
                    }
                }
            }
        }

        Function Compile(CompileOptions options)
        {
            var x = new Input(new TensorType(dtype, expression.IsOfColumns ? [Columns, Rows] : [Rows, Columns]), "x");
            return Function.Compile([x], [expression.Written(x)], device: s_cpu, options: options);
        }

        // The error of each result in ulp, row by row; 0 if the exact value is beyond float64.
        double[] Errors(Function function, double[][] rows)
        {
            IEnumerable<double> values = expression.IsOfColumns
                ? Enumerable.Range(0, Columns).SelectMany(column => rows.Select(row => row[column]))
                : rows.SelectMany(row => row);
            Shape shape = expression.IsOfColumns ? [Columns, Rows] : [Rows, Columns];
            double[] actual = NdArray.From(
                function.Call(Tensor.From(values.ToArray()).Reshape(shape.Dimensions).Cast(dtype))[0]).Data;
            var errors = new double[actual.Length];
            int count = actual.Length / Rows;
            for (int row = 0; row < Rows; row++)
            {
                DoubleDouble[] exact = expression.Exact(rows[row]);
                double[]? magnitudes = expression.Magnitudes?.Invoke(rows[row]);
                for (int i = 0; i < count; i++)
                {
                    double value = actual[expression.IsOfColumns ? (i * Rows) + row : (row * count) + i];
                    errors[(row * count) + i] = Error(value, exact[i].High, magnitudes?[i] ?? exact[i].High);
                }
            }

            return errors;
        }

        double Error(double actual, double exact, double magnitude)
        {
            double max = Rounding.MaxFinite(dtype), ulp = Rounding.Ulp(dtype, magnitude);
            return !double.IsFinite(exact) || ulp == 0 ? 0
                : double.IsNaN(actual) ? double.PositiveInfinity
                : Math.Abs(Math.Clamp(actual, -max, max) - Math.Clamp(exact, -max, max)) / ulp;
        }
    }

    /// <summary>Draws rows at a scale: spread over it, all equal, neighbors, and spread around it.</summary>
    private static double[][] Draw(double scale, int pattern, DType dtype, Random random)
    {
        return [.. Enumerable.Range(0, Rows).Select(row =>
            Enumerable.Range(0, Columns).Select(_ => Rounded(Next(row))).ToArray())];

        double Next(int row) => pattern switch
        {
            0 => scale * ((random.NextDouble() * 2) - 1),
            1 => row % 2 == 0 ? scale : -scale,
            2 => (row % 2 == 0 ? scale : -scale) * (1 + (random.Next(-2, 3) * Rounding.Epsilon(dtype))),
            _ => (row % 2 == 0 ? scale : -scale) + (random.NextDouble() * 2) - 1,
        };

        double Rounded(double x) => dtype == DType.Float32 ? (float)x : x;
    }
}
