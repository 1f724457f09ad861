using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Loops, compared with loops written by hand and with the same graphs unrolled.</summary>
[TestFixture]
public sealed class ScanTests
{
    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void A_loop_with_checkpoints_gives_some_of_the_results_and_the_same_gradient([Values] bool goBackwards)
    {
        Input x = Matrix("x", DType.Float64), h = Vector("h", DType.Float64);
        SharedVariable w = Shared(Tensor.From([0.5, -0.25, 0.75]));
        StepOutputs Step(IReadOnlyList<Variable> at) =>
            StepOutputs.Create([Tanh((at[0] * w) + (at[1] * at[2])), at[0] + 1]);
        Variable factor = Constant(Tensor.From([0.9, 1.1, -0.5]));
        ScanOutputs all = Scan(Step, [x], [h, null], [factor], goBackwards: goBackwards);
        ScanOutputs some = ScanCheckpoints(Step, [x], [h, null], [factor], saveEvery: 4, goBackwards: goBackwards);
        Variable[] kept = [all[0][(3.., 4)], all[1][(3.., 4)]];
        Variable[] Both(Variable[] results) =>
            [.. results, .. Grad(Sum(Square(results[0])) + Sum(Sin(results[1])), [x, h, w])];
        using var f = Function.Compile([x, h], [.. Both(kept), .. Both([.. some])]);
        var random = new Random(2);

        Tensor[] y = f.Call(
            Tensor.From([.. Enumerable.Range(0, 60).Select(_ => random.NextDouble() - 0.5)], 20, 3),
            Tensor.From([0.1, 0.2, 0.3]));

        Assert.That(y[0].Shape, Is.EqualTo(Engine.Shape.Create(5, 3)));
        for (int i = 0; i < y.Length / 2; i++)
        {
            Assert.That(y[(y.Length / 2) + i].AsSpan<double>().ToArray(),
                Is.EqualTo(y[i].AsSpan<double>().ToArray()).Within(1e-14));
        }
    }

    [Test]
    public void Checkpoints_save_memory()
    {
        Assert.That(Bytes(checkpoints: true), Is.LessThan(Bytes(checkpoints: false) / 4));

        static long Bytes(bool checkpoints)
        {
            SharedVariable h = Shared(new Tensor(DType.Float32, [1000]));
            StepOutputs Step(IReadOnlyList<Variable> at) => Tanh(at[0] * 1.5);
            Variable last = (checkpoints
                ? ScanCheckpoints(Step, outputsInfo: [h], nSteps: 1024, saveEvery: 32)
                : Scan(Step, outputsInfo: [h], nSteps: 1024))[0][^1];
            using var f = Function.Compile([], [Grad(Sum(last), h)]);
            f.Call();
            return f.Plans[0].Layout.Memory.ArenaBytes;
        }
    }

    [Test]
    public void Checkpoints_need_whole_groups_of_steps() => Assert.That(
        () => ScanCheckpoints(at => at[0] + 1, outputsInfo: [Constant(1, DType.Float32)], nSteps: 25),
        Throws.TypeOf<EngineException>().With.Message.Contains("25 steps do not make whole groups of 10"));

    /// <summary>Theano's tutorial: A to the power of k, element by element.</summary>
    [Test]
    public void A_power_is_a_loop_that_carries_a_product()
    {
        Input k = Size("k"), a = Vector("a");
        ScanOutputs powers = Scan(
            step => step[0] * a,
            outputsInfo: [OnesOf(a)],
            nSteps: k);
        using var f = Function.Compile([a, k], [Slice(powers[0], 0, -1)], device: s_cpu);
        Assert.That(f.Call(Tensor.From([0f, 1, 2, 3]), Tensor.Scalar(2))[0].AsSpan<float>().ToArray(),
            Is.EqualTo([0f, 1, 4, 9]));
        Assert.That(
            f.Call(Tensor.From([0f, 1, 2]), Tensor.Scalar(5))[0].AsSpan<float>().ToArray(), Is.EqualTo([0f, 1, 32]));
    }

    /// <summary>Theano's tutorial: x(t) from x(t−1), u(t) and u(t−4), y(t) from x(t−3) too.</summary>
    [Test]
    public void A_recurrence_with_taps_is_what_it_says()
    {
        Input u = Vector("u", DType.Float64), x0 = Vector("x0", DType.Float64), y0 = Scalar("y0", DType.Float64);
        ScanOutputs made = Scan(
            step =>
            {
                (Variable u4, Variable ut, Variable x3, Variable x1, Variable y1) =
                    (step[0], step[1], step[2], step[3], step[4]);
                return [Tanh((x1 * 0.5) + (ut * 0.3) + (u4 * 0.2) + y1), (y1 * 0.1) + x3];
            },
            sequences: [new ScanSequence(u, -4, 0)],
            outputsInfo: [new OutputInfo(x0, -3, -1), y0]);
        using var f = Function.Compile([u, x0, y0], made.ToArray(), device: s_cpu);
        double[] us = [0.1, -0.5, 0.3, 0.7, -0.2, 0.4, 0.9, -0.8], xs = [0.5, -0.25, 0.125];
        Tensor[] actual = f.Call(Tensor.From(us), Tensor.From(xs), Tensor.Scalar(0.75));
        List<double> x = [.. xs], y = [0.75];
        for (int t = 4; t < us.Length; t++)
        {
            double next = Math.Tanh((x[^1] * 0.5) + (us[t] * 0.3) + (us[t - 4] * 0.2) + y[^1]);
            y.Add((y[^1] * 0.1) + x[^3]);
            x.Add(next);
        }

        Assert.That(actual[0].AsSpan<double>().ToArray(), Is.EqualTo(x.Skip(3)).Within(1e-14));
        Assert.That(actual[1].AsSpan<double>().ToArray(), Is.EqualTo(y.Skip(1)).Within(1e-14));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_recurrent_network_has_the_values_and_gradients_that_it_has_written_out(bool backwards)
    {
        const int Steps = 7, Batch = 3, In = 4, Units = 5;
        var random = new Random(1);
        Input x = Tensor3("x", DType.Float64), h0 = Matrix("h0", DType.Float64), w = Matrix("w", DType.Float64);
        Input u = Matrix("u", DType.Float64), b = Vector("b", DType.Float64);
        Variable all = Scan(
            step => Tanh(Dot(step[0], w) + Dot(step[1], u) + b), [x], [h0], goBackwards: backwards)[0];
        Variable h = h0;
        List<Variable> rows = [];
        for (int t = 0; t < Steps; t++)
        {
            h = Tanh(Dot(Row(x, backwards ? Steps - 1 - t : t), w) + Dot(h, u) + b);
            rows.Add(DimShuffle(h, NewAxis, 0, 1));
        }

        Variable written = Concat(0, [.. rows]);
        Input[] inputs = [x, h0, w, u, b];
        Tensor[] values =
        [
            Draw(random, Steps, Batch, In), Draw(random, Batch, Units), Draw(random, In, Units),
            Draw(random, Units, Units), Draw(random, Units),
        ];
        Tensor weights = Draw(random, Steps, Batch, Units);
        Tensor[] expected = Run(written), actual = Run(all);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Shape, Is.EqualTo(expected[i].Shape));
            Assert.That(
                actual[i].AsSpan<double>().ToArray(), Is.EqualTo(expected[i].AsSpan<double>().ToArray()).Within(1e-12));
        }

        Tensor[] Run(Variable result)
        {
            Variable cost = Sum(result * Constant(weights));
            using var f = Function.Compile(inputs, [result, .. Grad(cost, inputs)], device: s_cpu);
            return f.Call(values);
        }
    }

    /// <summary>Theano's tutorial: powers of two up to the first one above 45.</summary>
    [Test]
    public void A_condition_ends_a_loop_with_the_step_that_meets_it()
    {
        ScanOutputs powers = Scan(
            step => ((StepOutputs)(step[0] * 2)).EndingWith(Greater(step[0] * 2, 45)),
            outputsInfo: [Constant(1, DType.Float32)],
            nSteps: 10);
        using var f = Function.Compile([], [powers[0], powers.Steps!], device: s_cpu);
        Tensor[] made = f.Call();
        Assert.That(made[0].AsSpan<float>().ToArray(), Is.EqualTo([2f, 4, 8, 16, 32, 64, 64, 64, 64, 64]));
        Assert.That(made[1].AsSpan<int>()[0], Is.EqualTo(6));
    }

    [Test]
    public void A_gradient_that_is_cut_short_reaches_the_last_steps_alone()
    {
        Input x = Vector("x"), h0 = Scalar("h0");
        Variable h = Scan(step => step[0] + (step[1] * 2), [x], [h0], truncateGradient: 2)[0];
        Variable cost = Sum(Slice(h, 0, -1));
        using var f = Function.Compile([x, h0], Grad(cost, [x, h0]), device: s_cpu);
        Tensor[] longer = f.Call(Tensor.From([1f, 1, 1, 1]), Tensor.Scalar(1f));
        Assert.That(longer[0].AsSpan<float>().ToArray(), Is.EqualTo([0f, 0, 2, 1]));
        Assert.That(longer[1].AsSpan<float>()[0], Is.Zero);
        Tensor[] shorter = f.Call(Tensor.From([1f, 1]), Tensor.Scalar(1f));
        Assert.That(shorter[0].AsSpan<float>().ToArray(), Is.EqualTo([2f, 1]));
        Assert.That(shorter[1].AsSpan<float>()[0], Is.EqualTo(4));
    }

    [Test]
    public void Minus_one_cuts_no_gradient_short()
    {
        Input x = Vector("x");
        Variable h = Scan(step => step[0] + (step[1] * 2), [x], [Constant(0, DType.Float32)], truncateGradient: -1)[0];
        using var f = Function.Compile([x], [Grad(Sum(Slice(h, 0, -1)), x)], device: s_cpu);

        Assert.That(f.Call(Tensor.From([1f, 1, 1, 1]))[0].AsSpan<float>().ToArray(), Is.EqualTo([8f, 4, 2, 1]));
    }

    [Test]
    public void A_loop_has_second_derivatives()
    {
        Input x = Vector("x", DType.Float64), a = Scalar("a", DType.Float64), h0 = Scalar("h0", DType.Float64);
        VerifyGrad(
            at =>
            {
                Variable h = Scan(step => Sin(step[1] * at[1] + step[0]), [at[0]], [at[2]])[0];
                IReadOnlyList<Variable> first = Grad(Sum(h * h), at);
                return Sum(first[0] * at[0]) + (first[1] * first[2]);
            },
            [Tensor.From([0.3, -0.2, 0.9, 0.1]), Tensor.Scalar(0.7), Tensor.Scalar(0.2)]);
    }

    [Test]
    public void A_step_draws_other_numbers_than_the_one_before()
    {
        var stream = new RandomStream(5);
        Variable same = stream.Uniform([3]);
        Variable drawn = Scan(_ => stream.Uniform([3]) + (same * 0), nSteps: 4)[0];
        Variable kept = Scan(_ => same + 0.0, nSteps: 4)[0];
        using var f = Function.Compile([], [drawn, kept], device: s_cpu);
        Tensor[] first = f.Call(), second = f.Call();
        Assert.That(first[0].AsSpan<float>().ToArray().Concat(second[0].AsSpan<float>().ToArray()), Is.Unique);
        float[][] steps = [.. first[1].AsSpan<float>().ToArray().Chunk(3)];
        Assert.That(steps[1..], Is.All.EqualTo(steps[0]));
    }

    /// <summary>The loop of the gradient uses the noise of the forward loop.</summary>
    [Test]
    public void The_gradient_of_a_loop_that_draws_is_of_what_it_drew()
    {
        var stream = new RandomStream(5);
        Input w = Scalar("w");
        Variable noise = Scan(step => [stream.Uniform([2]) * w, step[0] + 1],
            outputsInfo: [null, Constant(0, DType.Float32)], nSteps: 5)[0];
        using var f = Function.Compile([w], [Sum(noise), Grad(Sum(noise), w)], device: s_cpu);
        Tensor[] values = f.Call(Tensor.Scalar(2f));
        Assert.That(values[1].AsSpan<float>()[0], Is.EqualTo(values[0].AsSpan<float>()[0] / 2).Within(1e-5f));
    }

    [Test]
    public void A_loop_within_a_loop_keeps_the_states_of_the_outer_one_alone()
    {
        Input x = Vector("x", DType.Float64), w = Scalar("w", DType.Float64), h0 = Scalar("h0", DType.Float64);
        Variable whole = Scan(step => Tanh((step[1] * w) + step[0]), [x], [h0])[0][^1];
        Variable parts = Scan(
            outer => Scan(inner => Tanh((inner[1] * w) + inner[0]), [outer[0]], [outer[1]])[0][^1],
            [Reshape(x, [4, 3])], [h0])[0][^1];
        using var f = Function.Compile([x, w, h0], [whole, .. Grad(whole, [x, w, h0])], device: s_cpu);
        using var g = Function.Compile([x, w, h0], [parts, .. Grad(parts, [x, w, h0])], device: s_cpu);
        Tensor[] values = [Draw(new Random(2), 12), Tensor.Scalar(0.8), Tensor.Scalar(0.1)];
        foreach ((Tensor a, Tensor b) in f.Call(values).Zip(g.Call(values)))
        {
            Assert.That(b.AsSpan<double>().ToArray(), Is.EqualTo(a.AsSpan<double>().ToArray()).Within(1e-14));
        }
    }

    [Test]
    public void The_products_of_all_rows_are_one_outside_of_the_loop()
    {
        Input x = Tensor3("x"), h0 = Matrix("h0");
        SharedVariable w = Shared(Tensor.From(new float[20], 4, 5), "w"),
            u = Shared(Tensor.From(new float[25], 5, 5), "u");
        Variable h = Scan(step => Tanh(Dot(step[0], w) + Dot(step[1], u)), [x], [h0])[0];
        using var f = Function.Compile([x, h0], Grad(Sum(h), [w, u, x]), device: s_cpu);
        f.Prepare(new Tensor(DType.Float32, [7, 3, 4]), new Tensor(DType.Float32, [3, 5]));
        Apply[] loops = [.. f.Nodes.Where(node => node.Op is Scan)];
        Assert.That(loops, Has.Length.EqualTo(2));
        Assert.That(loops.Select(Products), Is.EqualTo([1, 1]), "h·u, whose rows the gradient's loop reads, and g·uT");
        Assert.That(f.Nodes.Count(node => IsProduct(node)), Is.EqualTo(4), "x·w, xT·g, hT·g and g·wT");

        Assert.That(loops.SelectMany(Kept), Is.Unique, "the gradients of steps are rows once, for x, w and u");

        static IEnumerable<Variable> Kept(Apply loop) => ((Scan)loop.Op).Body.Outputs
            .Where((_, output) => ((Scan)loop.Op).StepWrites[output].HasRows);

        static int Products(Apply loop) => Traversal.Order(((Scan)loop.Op).Body.Outputs).Count(IsProduct);

        static bool IsProduct(Apply node) => node.Op.Name.StartsWith("dot", StringComparison.Ordinal);
    }

    [Test]
    public void A_thousand_steps_take_the_plan_of_one()
    {
        Input x = Matrix("x"), h0 = Vector("h0");
        Variable h = Scan(step => Tanh(step[0] + step[1]), [x], [h0])[0];
        using var f = Function.Compile([x, h0], [h[^1]], device: s_cpu);
        f.Prepare(new Tensor(DType.Float32, [1000, 8]), new Tensor(DType.Float32, [8]));
        Assert.That(f.Launches, Has.Count.LessThan(5));
        Assert.That(f.Plans[0].Layout.Memory.BytesWithoutReuse, Is.LessThan(1000 * 8 * 4 + 2048),
            "no state but the last is kept");
        Assert.That(f.Print(Stage.Rewritten), Does.Contain("A body of #"));
        Tensor[] arguments = [new Tensor(DType.Float32, [1000, 8]), new Tensor(DType.Float32, [8])];
        f.Run(arguments);
        long before = GC.GetAllocatedBytesForCurrentThread();
        f.Run(arguments);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    private static Variable OnesOf(Variable a) => (a * 0) + 1;

    private static Variable Row(Variable x, int row) =>
        DimShuffle(Slice(x, 0, row, 1), [.. Enumerable.Range(1, x.Rank - 1)]);

    private static Tensor Draw(Random random, params int[] dimensions)
    {
        var values = new double[dimensions.Aggregate(1, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = random.NextDouble() - 0.5;
        }

        return Tensor.From(values).Reshape(dimensions);
    }
}
