using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Rewrites;
using Engine.Tests.Compile;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Rewrites;

/// <summary>
/// Rewrites change how a function computes, not what. <c>ENGINE_RANDOM_GRAPHS</c> says how many random functions are
/// tried on the CPU, and <c>ENGINE_RANDOM_GRAPHS_FROM</c> with which seed they begin.
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
                Tensor[] arguments = graph.Arguments();
                NdArray[] expected = graph.Run(arguments);

                Tensor[] actual = function.Call(arguments);

                for (int i = 0; i < expected.Length; i++)
                {
                    string what = $"output {i} ({graph.Outputs[i]}) of run {run}";
                    RandomGraph.RequireClose(NdArray.From(actual[i]), expected[i], graph.Largest, what);
                }

                foreach ((Engine.Graph.SharedVariable shared, NdArray value) in graph.State)
                {
                    RandomGraph.RequireClose(
                        NdArray.From(shared.GetValue()), value, graph.Largest, $"'{shared}' after run {run}");
                }
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
