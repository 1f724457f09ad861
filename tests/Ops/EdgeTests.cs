using System.Globalization;
using System.Runtime.CompilerServices;
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
/// The values of functions and gradients at kinks, ties, zeros and infinities: the table of docs/graphs/gradients.md.
/// </summary>
[TestFixture]
public sealed class EdgeTests
{
    private static readonly CpuDevice s_cpu = new(2);

    /// <summary>The functions of the table by their text; zero and one have the type of x.</summary>
    private static readonly Dictionary<string, Func<Variable, Variable>> s_functions = Functions();

    private static IReadOnlyList<Edge> Rows { get; } = [.. File
        .ReadLines(Path.Combine(Repository.Root, "docs", "graphs", "gradients.md"))
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal)).SelectMany(Edges)];

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void Every_function_is_in_the_table() =>
        Assert.That(s_functions.Keys, Is.EquivalentTo(Rows.Select(row => row.Function).Distinct()));

    [Test]
    public void Values_and_gradients_are_those_of_the_table(
        [Values(DType.Float32, DType.Float64)] DType dtype, [Values] Optimizer optimizer) =>
        Check(s_cpu, dtype, optimizer);

    [Test]
    public void So_they_are_on_cuda([Values(Optimizer.None, Optimizer.FastRun)] Optimizer optimizer) =>
        Check(CudaTestDevice.Open(), DType.Float32, optimizer);

    private static void Check(Device device, DType dtype, Optimizer optimizer)
    {
        var inputs = new List<Input>();
        var outputs = new List<Variable>();
        var expected = new List<(string What, double[] Values)>();
        foreach (Edge row in Rows)
        {
            Input x = Variable("x", dtype, [row.At.Length]);
            Variable y = s_functions[row.Function](x), grad = Grad(Sum(y), x);
            inputs.Add(x);
            Add(y, row.Value, "value");
            Add(grad, row.Gradient, "gradient");
            if (row.Second is { } second)
            {
                Add(Grad(Sum(grad), [x], disconnectedInputs: DisconnectedInputs.Ignore)[0], second, "second gradient");
            }

            void Add(Variable output, double[] values, string what)
            {
                outputs.Add(output);
                expected.Add(($"the {what} of {row.Function} at {row.Text}", values));
            }
        }

        using var f = Function.Compile(
            inputs, outputs, device: device, options: new CompileOptions { Optimizer = optimizer });
        Tensor[] actual = f.Call([.. Rows.Select(row => Tensor.From(row.At).Cast(dtype))]);

        Assert.Multiple(() =>
        {
            for (int i = 0; i < actual.Length; i++)
            {
                Assert.That(
                    NdArray.From(actual[i]).Data, Is.EqualTo(expected[i].Values).Within(1e-6), expected[i].What);
            }
        });
    }

    private static Dictionary<string, Func<Variable, Variable>> Functions()
    {
        var functions = new Dictionary<string, Func<Variable, Variable>>();
        Of(x => Power(x, 0));
        Of(x => Power(x, 1));
        Of(x => Power(x, 2));
        Of(x => Power(x, 3));
        Of(x => Power(x, 0.5));
        Of(x => Power(x, -1));
        With((x, zero, one) => Power(x, zero));
        With((x, zero, one) => Power(zero, x));
        With((x, zero, one) => Power(-2 * one, x));
        Of(x => Abs(x));
        Of(x => Sign(x));
        Of(x => Floor(x));
        Of(x => Ceiling(x));
        Of(x => Round(x));
        Of(x => Sqrt(x));
        Of(x => Sqrt(Sum(Square(x))));
        Of(x => Sqrt(Sum(x * x)));
        Of(x => Sqrt(Sum(2 * x * x)));
        Of(x => Sqrt(Sum(x * (x / 3))));
        Of(x => Sqrt(Dot(x, x)));
        Of(x => Power(Sum(Power(x, 2)), 0.5));
        Of(x => Power(Sum(Power(Abs(x), 3)), 1 / 3.0));
        Of(x => Sqrt(Power(x, 3)));
        Of(x => Sqrt(Mean(Square(x - Mean(x)))));
        Of(x => Std(x, ddof: 1));
        Of(x => Sqrt(Square(x)));
        Of(x => Sqrt(Abs(x)));
        Of(x => Sqrt(x * x * x * x));
        Of(x => Sqrt(Exp(x)));
        Of(x => Exp(x / 2));
        Of(x => Sqrt(Softmax(x)));
        Of(x => Sqrt(Maximum(Softmax(x), 1e-30)));
        Of(x => Log(x));
        Of(x => Log1p(x));
        Of(x => 1 / x);
        Of(x => x * x * x);
        Of(x => Prod(x));
        Of(x => CumProd(x));
        Of(x => Slice(x, 0, 0, 1) * Slice(x, 0, 1, 1));
        Of(x => Where(Greater(x, 0), Log(x), 0));
        Of(x => Where(Greater(x, 0), x * Log(x), 0));
        Of(x => Where(Greater(x, 0), -Log(x) * x, 0));
        Of(x => Where(NotEqual(x, 0), (x + 1) * (1 / x), 0));
        Of(x => Where(Greater(x, 0), Sqrt(x), 0));
        Of(x => Where(NotEqual(x, 0), 1 / x, 0));
        Of(x => Where(Greater(x, 0), Power(x, -1.5), x));
        Of(x => Where(Greater(x, 0), x, Exp(x) - 1));
        Of(x => Sigmoid(x));
        Of(x => 1 / (1 + Exp(-x)));
        Of(x => Maximum(x, 0));
        Of(x => Minimum(x, 0));
        With((x, zero, one) => Maximum(zero, x));
        With((x, zero, one) => Minimum(zero, x));
        Of(x => Maximum(x, x));
        Of(x => Minimum(x, x));
        Of(x => Clip(x, -1, 1));
        Of(x => Max(x));
        Of(x => Min(x));
        Of(x => MaxPool2D(Reshape(x, [1, 1, 1, 2]), (1, 2)));
        Of(x => Rectify(x));
        Of(x => LeakyRectify(x, 0.25));
        Of(x => Elu(x));
        Of(x => Exp(x));
        Of(x => Tanh(x));
        Of(x => Softplus(x));
        Of(x => Softmax(x));
        Of(x => LogSoftmax(x));
        With((x, zero, one) => BinaryCrossEntropy(x, one));
        With((x, zero, one) => BinaryCrossEntropy(x, zero));
        With((x, zero, one) => BinaryCrossEntropy(Sigmoid(x), one));
        functions.Add(
            "CategoricalCrossEntropy(x, y) with y = (0, 1)",
            x => CategoricalCrossEntropy(
                Reshape(x, [1, 2]), Cast(Constant(Tensor.From([0.0, 1], 1, 2)), x.DType)));
        functions.Add(
            "CategoricalCrossEntropy(x, y) with y = class 1",
            x => CategoricalCrossEntropy(Reshape(x, [1, 2]), Constant(Tensor.From([1]))));
        functions.Add(
            "Where(zero, CategoricalCrossEntropy(x, y), 0) with y = class 1",
            x => Where(
                Constant(0, x.DType), CategoricalCrossEntropy(Reshape(x, [1, 2]), Constant(Tensor.From([1]))), 0));
        return functions;

        void Of(Func<Variable, Variable> function, [CallerArgumentExpression(nameof(function))] string text = "") =>
            functions.Add(text["x => ".Length..], function);

        void With(
            Func<Variable, Variable, Variable, Variable> function,
            [CallerArgumentExpression(nameof(function))] string text = "") => functions.Add(
            text["(x, zero, one) => ".Length..], x => function(x, Constant(0, x.DType), Constant(1, x.DType)));
    }

    /// <summary>Returns the statements of a line of the table, which may be for several functions.</summary>
    private static IEnumerable<Edge> Edges(string line)
    {
        string[] cells = [.. line.Trim('|', ' ').Split('|').Select(cell => cell.Trim())];
        string[] functions = cells[0].Contains(" with ", StringComparison.Ordinal)
            ? [cells[0].Replace("`", "", StringComparison.Ordinal)]
            : [.. cells[0].Split('`').Where((_, i) => i % 2 == 1)];
        return functions.Select(function => new Edge(
            function, cells[1], Numbers(cells[1])!, Numbers(cells[2])!, Numbers(cells[3])!, Numbers(cells[4])));
    }

    private static double[]? Numbers(string cell) => cell.Length == 0 ? null :
        [.. cell.Trim('(', ')').Split(", ").Select(number => double.Parse(
            number.Replace("∞", "Infinity", StringComparison.Ordinal)
                .Replace('−', '-'), CultureInfo.InvariantCulture))];

    private sealed record Edge(
        string Function, string Text, double[] At, double[] Value, double[] Gradient, double[]? Second);
}
