using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

public class ExplanationTests
{
    [Test]
    public void The_schedule_tells_bytes_arithmetic_and_the_minimum_time()
    {
        using var gpu = new AbsentCudaDevice(90);
        using Function f = Step(gpu, new CompileOptions { Optimizer = Optimizer.None });

        string[] lines = f.Print(Stage.Schedule).Split('\n');

        // 2 · 1000 · 500 · 200 operations at 66.9 TFLOP/s, 4 · (1000 · 200 + 200 · 500) bytes at 3.35 TB/s.
        Assert.That(Row(lines, "dot"), Is.EqualTo(
            "1 dot (1000, 200), (200, 500) (1000, 500) 1.20 MB 2.00 MB 200 M 2.99 layer"));
        Assert.That(Row(lines, "subtract"), Does.Contain("(200, 500) to w 800 kB 400 kB 100 k 0.36"));
        Assert.That(
            lines[^2], Is.EqualTo("Floors are for 3.35 TB/s and 66.9 TFLOP/s (assumed, the H100 SXM's datasheet)."));
    }

    [Test]
    public void The_graph_is_shown_as_it_was_written_and_as_it_is_behind_the_rewrites()
    {
        using var gpu = new AbsentCudaDevice(90);
        using Function f = Step(gpu, new CompileOptions());
        int written = Traversal.Order(f.Plans[0].History[0].Graph.Roots).Count;

        Assert.That(
            f.Print(Stage.Graph),
            Does.StartWith($"{written} ops as written\n").And.Contain("dot").And.Contain("new w = #"));
        string[] rewrites = f.Print(Stage.Rewritten).Split('\n');
        Assert.That(Row(rewrites, "written"), Does.StartWith($"written {written} "));
        Rewritten last = f.Plans[0].History[^1];
        int left = Traversal.Order(f.Plans[0].Graph.Roots).Count;
        Assert.That(Row(rewrites, last.By), Does.StartWith($"{last.By} {left} "));
    }

    [Test]
    public void The_memory_is_shown_with_and_without_reuse()
    {
        using var cpu = new CpuDevice(1);
        using Function f = Step(cpu, new CompileOptions());

        string text = f.Print(Stage.Memory);

        MemoryPlan memory = f.Plans[0].Layout.Memory;
        FormattableString[] lines =
        [
            $"bytes with reuse: {memory.ArenaBytes:N0}\n",
            $"bytes without reuse: {memory.BytesWithoutReuse:N0}\n",
            $"the lower bound: {memory.LowerBound:N0} (",
        ];
        foreach (FormattableString line in lines)
        {
            Assert.That(text, Does.Contain(FormattableString.Invariant(line)));
        }

        Assert.That(text, Does.Contain("shared variables: 400,000 in 1\n"));
        Assert.That(text.Split('\n'), Has.One.StartsWith("x (1000, 200)"));
    }

    [Test]
    public void Kernels_are_counted_with_what_they_are_launched_with()
    {
        using var gpu = new AbsentCudaDevice(90);
        using Function f = Step(gpu, new CompileOptions { Optimizer = Optimizer.None });

        string text = f.Print();

        Assert.That(text, Does.Contain($"\n{f.Launches.Count} kernels, "));
        Assert.That(f.Launches.Select(launch => launch.Name), Has.Some.Contains("gemm"));
        Assert.That(f.Launches.Select(launch => launch.Block), Is.All.Not.Empty);
    }

    [Test]
    public void A_gpu_that_is_not_there_is_planned_for_as_one_that_is()
    {
        CudaDevice device = CudaTestDevice.Open();
        using var absent = new AbsentCudaDevice(device.Architecture);
        using Function there = Step(device, new CompileOptions()), planned = Step(absent, new CompileOptions());

        Assert.That(
            planned.Launches.Select(launch => (launch.Name, launch.Grid, launch.Block)),
            Is.EqualTo(there.Launches.Select(launch => (launch.Name, launch.Grid, launch.Block))));
    }

    [Test]
    public void What_is_planned_for_a_gpu_that_is_not_there_does_not_run()
    {
        using var gpu = new AbsentCudaDevice(90);
        using Function f = Step(gpu, new CompileOptions());

        Assert.That(() => f.Run(X), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The GPU that this is planned for is not there: it can be looked at, not run."));
        Assert.That(() => new AbsentCudaDevice(13), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "Nothing is known of sm_13: it may be sm_75, sm_80, sm_86, sm_89, sm_90, sm_100, sm_120."));
    }

    [Test]
    public void Without_a_plan_there_is_nothing_to_print()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [x + 1]);

        Assert.That(() => f.Print(), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The function has no plan to show yet: call it, or Prepare it for arguments of some shapes."));
        Assert.That(f.DebugPrint(), Does.StartWith("output 0\n |add [id A] <float32 (?)>\n"));
    }

    [Test]
    public void Ops_tell_what_they_take()
    {
        Variable images = Variable("x", DType.Float32, [128, 16, 15, 15]);
        Variable filters = Variable("w", DType.Float32, [32, 16, 2, 2]);
        Assert.That(Flops(Conv2D(images, filters)), Is.EqualTo(2L * 128 * 32 * 14 * 14 * 16 * 2 * 2));
        Variable data = Variable("data", DType.Float32, [40000, 1024]),
            first = Variable("i", DType.Int32, Shape.Scalar);
        Variable rows = TakeRows(data, first, Constant(128, DType.Int32));
        Assert.That(Flops(rows), Is.Zero);
        Apply take = ((Result)rows).Owner;
        TensorType[] types = [.. take.Inputs.Select(input => input.Type)];
        Assert.That(take.Op.ReadBytes(0, types, [rows.Type]), Is.EqualTo(128 * 1024 * 4));
        Assert.That(take.Op.ReadBytes(2, types, [rows.Type]), Is.Zero);
    }

    private static Tensor X => new(DType.Float32, [1000, 200]);

    private static long Flops(Variable variable)
    {
        Apply node = ((Result)variable).Owner;
        return node.Op.Flops(
            [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(output => output.Type)]);
    }

    /// <summary>A layer and the update of its weights, for 1000 rows.</summary>
    private static Function Step(Engine.Devices.Device device, CompileOptions options)
    {
        Input x = Matrix("x");
        SharedVariable w = Shared(new Tensor(DType.Float32, [200, 500]), "w");
        Variable y;
        using (Origin.Use(new Origin("Model.cs", 1, "layer")))
        {
            y = Rectify(Dot(x, w));
        }

        Variable loss = Mean(y * y);
        var f = Function.Compile([x], [loss], [new(w, w - (Grad(loss, w) * 0.1))], device: device, options: options);
        f.Prepare(X);
        return f;
    }

    /// <summary>The first row of a table with an op, with its spaces reduced to one.</summary>
    private static string Row(string[] lines, string op) => lines
        .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        .First(line => line.Contains(op, StringComparison.Ordinal));
}
