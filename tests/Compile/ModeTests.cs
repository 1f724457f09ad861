using System.Runtime.CompilerServices;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>The errors that the modes find, on both devices.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class ModeTests(bool isGpu)
{
    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [TestCase(Fault.WrongValue, "computed output 0, float32 (5), wrongly: element (2) is 4, and 3 by the op's reference implementation.")]
    [TestCase(Fault.LeavesOneOut, "element (2) is NaN, and 3 by the op's reference implementation.")]
    [TestCase(
        Fault.WritesBehindOutput, "wrote outside its outputs: 0 bytes behind the end of float32 (5) has changed.")]
    [TestCase(Fault.WritesOverInput, "wrote over its input 'x' (float32 (5)).")]
    public void DebugMode_names_the_op_that_does_not_do_what_its_reference_does(Fault fault, string found)
    {
        using Function f = Wrong(fault, Mode.DebugMode, out int line);

        EngineException error = Assert.Throws<EngineException>(() => f.Run())!;

        Assert.That(error.Message, Does.StartWith($"wrong(x), step 1 of 2 on {Device}, "));
        Assert.That(error.Message, Does.Contain(found));
        Assert.That(error.Message, Does.EndWith($"{nameof(ModeTests)}.cs:{line}."));
    }

    [TestCase(Fault.WrongValue, new[] { 3f, 5, 9, 9, 11 })]
    [TestCase(Fault.None, new[] { 3f, 5, 7, 9, 11 })]
    public void Without_a_mode_the_function_runs_as_it_is(Fault fault, float[] expected)
    {
        using Function f = Wrong(fault, Mode.Mode, out _);

        Assert.That(f.Call()[0].AsSpan<float>().ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void DebugMode_lets_pass_what_is_right_and_computes_the_same()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var graph = new RandomGraph(seed);
            using Function debugged = Compile(graph, Mode.DebugMode);
            Tensor[] arguments = graph.Arguments();
            Tensor[] actual = debugged.Call(arguments);
            debugged.RunMany(2, arguments);

            var same = new RandomGraph(seed);
            using Function plain = Compile(same, Mode.Mode);
            Tensor[] expected = plain.Call(same.Arguments());
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.That(actual[i].Bytes.SequenceEqual(expected[i].Bytes), $"output {i} of graph {seed}");
            }
        }
    }

    [Test]
    public void NanGuardMode_names_the_op_the_layer_and_the_line_of_the_first_infinity()
    {
        Input x = Vector("x");
        Variable y;
        using (Origin.Use(new Origin("Model.cs", 12, "hidden")))
        {
            y = Log(x);
        }

        using var f = Function.Compile(
            [x], [Sum(y * y)], device: Device,
            options: new CompileOptions { Mode = Mode.NanGuardMode, Excluding = ["fuse"] });

        f.Run(Tensor.From([1f, 2]));
        Assert.That(
            () => f.Run(Tensor.From([1f, 2, 0])),
            Throws.TypeOf<EngineException>().With.Message.StartsWith(
                $"log(x), step 1 of 3 on {Device}, made the first value that is no finite number: in output 0, "
                + $"float32 (3), element (2) is -Infinity.").And
                .Message.EndsWith("Its inputs are finite: float32 (3). Layer 'hidden'. Built at Model.cs:12."));
    }

    [Test]
    public void NanGuardMode_tells_what_was_given_from_what_was_made()
    {
        Input x = Vector("x");
        using var f = Function.Compile(
            [x], [x * 2], device: Device, options: new CompileOptions { Mode = Mode.NanGuardMode });

        Assert.That(
            () => f.Run(Tensor.From([1f, float.NaN])),
            Throws.TypeOf<EngineException>().With.Message.Contains(
                "is given 'x' (float32 (2)), in which element (1) is NaN."));
    }

    private Function Wrong(Fault fault, Mode mode, out int line)
    {
        SharedVariable x = Shared(Tensor.From([1f, 2, 3, 4, 5]), "x");
        Variable y = new WrongOp(fault).Call(x);
        line = Line() - 1;
        return Function.Compile(
            [], [(y * 2) + 1], device: Device, options: new CompileOptions { Mode = mode });
    }

    private Function Compile(RandomGraph graph, Mode mode) => Function.Compile(
        graph.Inputs, graph.Outputs, graph.Updates, device: Device, options: new CompileOptions { Mode = mode });

    private static int Line([CallerLineNumber] int line = 0) => line;
}
