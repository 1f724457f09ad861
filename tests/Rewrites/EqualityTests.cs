using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Rewrites;
using Engine.Tests.Compile;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Rewrites;

/// <summary>
/// Rewrites change how a function computes, not what. <c>ENGINE_RANDOM_GRAPHS</c> sets the number of random functions
/// that are tested on the CPU, and <c>ENGINE_RANDOM_GRAPHS_FROM</c> the first seed.
/// </summary>
[TestFixture]
public sealed class EqualityTests
{
    private const int Runs = 2;

    private static readonly CpuDevice s_cpu = new(2);

    private static IEnumerable<TestCaseData> Choices =>
    [
        Case("none", new CompileOptions { Optimizer = Optimizer.None }),
        Case("fast_compile", new CompileOptions { Optimizer = Optimizer.FastCompile }),
        Case("fast_run", new CompileOptions()),
        .. Rewrite.All.Select(rewrite => rewrite.Name).Distinct()
            .Select(name => Case($"without {name}", new CompileOptions { Excluding = [name] })),
    ];

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [TestCaseSource(nameof(Choices))]
    public void A_function_computes_what_its_ops_mean_whatever_is_rewritten(CompileOptions options)
    {
        int first = Setting("ENGINE_RANDOM_GRAPHS_FROM", 1000), count = Setting("ENGINE_RANDOM_GRAPHS", 150);
        for (int seed = first; seed < first + count; seed++)
        {
            Check(seed, options, s_cpu);
        }
    }

    /// <summary>
    /// For large and small numbers, a rewritten function may lose as much by rounding as the function as written, and
    /// no more.
    /// </summary>
    [TestCaseSource(nameof(Choices))]
    public void So_it_does_of_numbers_of_all_magnitudes(CompileOptions options)
    {
        double[] scales = [1e-150, 1e-60, 1e-20, 1e-6, 30, 700, 1e3, 1e6, 1e15, 1e60, 1e150];
        int first = Setting("ENGINE_RANDOM_GRAPHS_FROM", 5000), count = Setting("ENGINE_RANDOM_GRAPHS", 99);
        int compared = 0, all = 0;
        for (int seed = first; seed < first + count; seed++)
        {
            try
            {
                Compare(new RandomGraph(seed, scales[seed % scales.Length]));
            }
            catch (Exception error)
            {
                throw new AssertionException($"Graph {seed}: {error.Message}", error);
            }
        }

        Assert.That(compared, Is.GreaterThan(all / 3), $"of {all} elements");

        void Compare(RandomGraph graph)
        {
            using var function = Function.Compile(
                graph.Inputs, graph.Outputs, graph.Updates, device: s_cpu, options: options);
            Tensor[] arguments = graph.Arguments();
            NdArray?[] tolerances = graph.Tolerances(arguments);
            NdArray[] expected = graph.Run(arguments);
            Tensor[] actual = function.Call(arguments);
            for (int i = 0; i < expected.Length; i++)
            {
                all += expected[i].Data.Length;
                if (tolerances[i] is not { } tolerance)
                {
                    continue;
                }

                compared += expected[i].Data.Length;
                double[] values = NdArray.From(actual[i]).Data;
                for (int element = 0; element < values.Length; element++)
                {
                    (double a, double e, double within) =
                        (values[element], expected[i].Data[element], tolerance.Data[element]);
                    Assert.That(
                        a.Equals(e) || Math.Abs(a - e) <= within + 1e-290,
                        $"output {i} ({graph.Outputs[i]}), element {element}: {a:R}, not {e:R} within {within:G3}");
                }
            }
        }
    }

    [Test]
    public void So_it_does_on_cuda()
    {
        Device cuda = CudaTestDevice.Open();
        for (int seed = 0; seed < 6; seed++)
        {
            Check(seed, new CompileOptions(), cuda);
        }
    }

    private static void Check(int seed, CompileOptions options, Device device)
    {
        try
        {
            var graph = new RandomGraph(seed);
            using var function = Function.Compile(
                graph.Inputs, graph.Outputs, graph.Updates, device: device, options: options);
            for (int run = 0; run < Runs; run++)
            {
                graph.RequireClose(function, run);
            }
        }
        catch (Exception error)
        {
            throw new AssertionException($"Graph {seed}: {error.Message}", error);
        }
    }

    private static TestCaseData Case(string name, CompileOptions options) =>
        new TestCaseData(options).SetArgDisplayNames(name);

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}
