using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// Graphs of 100,000 ops in a chain or side by side, and of 25,000 ops that are not fused. Everything is done with them
/// on a thread with a tiny stack, and printed text grows in proportion to the ops. An algorithm with quadratic time
/// would take minutes.
/// </summary>
public class DeepGraphTests
{
    private const int Ops = 100_000;

    private static IEnumerable<TestCaseData> Graphs =>
    [
        new TestCaseData((Func<Variable, Variable>)Chain).SetArgDisplayNames("a chain"),
        new TestCaseData((Func<Variable, Variable>)Wide).SetArgDisplayNames("a wide one"),
        new TestCaseData((Func<Variable, Variable>)Mixed).SetArgDisplayNames("steps that stay apart"),
    ];

    [TestCaseSource(nameof(Graphs))]
    public void A_graph_of_very_many_ops_is_compiled_run_and_printed(Func<Variable, Variable> graph)
    {
        var used = new TaskCompletionSource();
        var thread = new Thread(
            () =>
            {
                try
                {
                    Use(graph);
                    used.SetResult();
                }
                catch (Exception error)
                {
                    used.SetException(error);
                }
            },
            maxStackSize: 256 << 10);
        thread.Start();
        used.Task.GetAwaiter().GetResult();
    }

    [Test]
    public void The_gradient_of_one_is_compiled_for_a_GPU_and_run()
    {
        using Origin.Scope origin = Origin.Use(new Origin(null, 0));
        Input x = Vector("x");
        Variable y = x;
        for (int i = 0; i < Ops / 8; i++)
        {
            y += x;
        }

        Variable gradient = Grad(Sum(y), x);
        using var gpu = new LoweringDevice();
        using var planned = Function.Compile([x], [gradient], device: gpu);
        planned.Prepare(Tensor.From([1f]));
        using var function = Function.Compile([x], [gradient]);
        Assert.That(function.Call(Tensor.From([1f]))[0].AsSpan<float>()[0], Is.EqualTo((Ops / 8) + 1));
    }

    private static void Use(Func<Variable, Variable> graph)
    {
        using Origin.Scope origin = Origin.Use(new Origin(null, 0));
        Input x = Vector("x");
        Variable y = graph(x);
        Assert.That(Traversal.Order([y]), Has.Count.InRange(Ops / 4, Ops));
        using var device = new CpuDevice(threads: 2);
        using var function = Function.Compile([x], [y], device: device);
        Assert.That(function.DebugPrint(), Has.Length.LessThan(Ops * 400));
        Assert.That(function.ToDot(), Has.Length.LessThan(Ops * 400));
        Assert.That(function.Call(Tensor.From(new float[8]))[0].AsSpan<float>().Length, Is.EqualTo(8));
        foreach (Stage stage in Enum.GetValues<Stage>())
        {
            Assert.That(function.Print(stage), Has.Length.LessThan(Ops * 400), $"{stage}");
        }
    }

    private static Variable Chain(Variable x)
    {
        for (int i = 0; i < Ops / 2; i++)
        {
            x = Tanh(x) * 1.01;
        }

        return x;
    }

    /// <summary>Half of the ops use x, each with its own number; every other variable has one use.</summary>
    private static Variable Wide(Variable x)
    {
        Variable[] terms = [.. Enumerable.Range(0, Ops / 2).Select(i => x * (i + 0.5))];
        while (terms.Length > 1)
        {
            terms = [.. terms.Chunk(2).Select(pair => pair.Length == 2 ? pair[0] + pair[1] : pair[0])];
        }

        return terms[0];
    }

    /// <summary>Ops that are not fused, so that the plan has as many steps.</summary>
    private static Variable Mixed(Variable x)
    {
        Variable y = x;
        for (int i = 0; i < Ops / 40; i++)
        {
            Variable matrix = Softmax(Reshape(y, [2, 4])) * 1.5;
            y = Reshape(Dot(Dot(matrix, Transpose(matrix)), matrix), [8]) + (x * 2);
            y = Slice(Concat(0, y, x), 0, 0, 8);
        }

        return y;
    }
}
