using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// What a loop means at its edges, compared with the same steps written out. The edges are backward sequences of other
/// lengths, effects and choices at each step, gradients that are cut short, states of 16 bits, no steps at all.
/// </summary>
[TestFixture]
public sealed class LoopSemanticsTests
{
    private static readonly CpuDevice s_cpu = new(2);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    /// <summary>Theano cuts a sequence for each tap, reverses it, and takes the first steps of the result.</summary>
    private static readonly (string Name, (int Length, int[] Taps)[] Sequences, int? Steps)[] s_backward =
    [
        ("one", [(5, [0])], null),
        ("one with neighbors", [(6, [-1, 0, 1])], null),
        ("one with the next row alone", [(6, [2])], null),
        ("one with an earlier row alone", [(6, [-2])], null),
        ("two of one length", [(5, [0]), (5, [0])], null),
        ("two of two lengths", [(5, [0]), (7, [0])], null),
        ("two of two lengths with neighbors", [(6, [-1, 1]), (9, [0, 2])], null),
        ("one length, other neighbors", [(7, [0]), (7, [-1])], null),
        ("lengths that neighbors make equal", [(5, [0]), (6, [-1, 0])], null),
        ("fewer steps", [(6, [0])], 4),
        ("fewer steps and neighbors", [(8, [-1, 0]), (6, [1])], 3),
        ("as many steps", [(4, [0]), (5, [0])], 4),
        ("no steps", [(4, [0])], 0),
    ];

    private static IEnumerable<TestCaseData> Backward =>
        from each in s_backward
        from isKnown in (bool[])[false, true]
        select new TestCaseData(each.Sequences, each.Steps, isKnown).SetArgDisplayNames(
            each.Name, isKnown ? "known" : "unknown");

    [TestCaseSource(nameof(Backward))]
    public void A_loop_goes_backward_from_the_last_row_of_each_sequence(
        (int Length, int[] Taps)[] sequences, int? steps, bool isKnown)
    {
        Input[] x = [.. sequences.Select(
            (each, i) => Variable($"x{i}", DType.Float64, [isKnown ? each.Length : Engine.Shape.Unknown, 2]))];
        Input n = Size("n"), h0 = Vector("h0", DType.Float64);
        Variable Step(Variable h, IReadOnlyList<Variable> rows) =>
            Tanh((h * 0.5) + rows.Select((row, i) => row * (i + 1)).Aggregate((a, b) => a + b));
        Variable loop = Scan(
            step => Step(step[^1], [.. step.SkipLast(1)]),
            [.. x.Zip(sequences, (each, of) => new ScanSequence(each, of.Taps))], [h0],
            nSteps: steps is null ? null : isKnown ? (StepCount)steps.Value : (StepCount)n, goBackwards: true)[0];

        List<Variable>[] rows = [.. sequences.SelectMany((each, i) =>
        {
            int min = Math.Min(0, each.Taps.Min()), max = Math.Max(0, each.Taps.Max());
            return each.Taps.Select(tap =>
                Enumerable.Range(tap - min, each.Length - max + min).Reverse().Select(row => x[i][row]).ToList());
        })];
        var written = new List<Variable> { h0 };
        for (int step = 0; step < (steps ?? rows.Min(each => each.Count)); step++)
        {
            written.Add(Step(written[^1], [.. rows.Select(each => each[step])]));
        }

        Variable[] wrt = [.. x, h0];
        Variable[] all = [loop, .. Both(loop[(.., -1)], wrt), .. Both(Stack(0, [.. written])[1..][(.., -1)], wrt),
            Cast(n, DType.Float64)];
        using var f = Function.Compile([.. x, h0, n], all, device: s_cpu);
        var random = new Random(3);
        Tensor[] y = f.Call(
            [.. sequences.Select(each => Draw(random, each.Length, 2)), Draw(random, 2), Tensor.Scalar(steps ?? 0)]);
        int count = 1 + wrt.Length;
        for (int i = 1; i <= count; i++)
        {
            Assert.That(y[i].Shape, Is.EqualTo(y[i + count].Shape));
            Assert.That(y[i].ToArray<double>(), Is.EqualTo(y[i + count].ToArray<double>()).Within(1e-14));
        }

        Variable[] Both(Variable states, Variable[] of) =>
            [states, .. Grad(Sum(Square(states)), of, disconnectedInputs: DisconnectedInputs.Ignore)];
    }

    private static readonly
        (string Name, Func<Variable, Variable, Func<Variable, Variable>, Variable> Make, int Seen)[] s_seen =
    [
        ("a row", (x, _, see) => Map(row => see(row), x), 5),
        ("a value of every step", (x, w, see) => Map(row => row * see(w), x), 5),
        ("what is computed from it", (x, w, see) => Map(row => row * Exp(see(w * 2)), x), 5),
        ("a constant", (x, _, see) => Map(row => row * see(Constant(Tensor.From([1f, 2]))), x), 5),
        ("a value from outside", (x, w, see) =>
        {
            Variable outside = see(w);
            return Map(row => row * outside, x);
        }, 1),
        ("a non-sequence", (x, w, see) => Scan(step => step[0] * see(step[1]), [x], nonSequences: [w])[0], 5),
        ("a branch that is taken twice",
            (x, w, see) => Map(row => IfElse(Greater(Sum(row), 0), row * see(Exp(w)), row), x), 2),
        ("the other branch", (x, w, see) => Map(row => IfElse(Greater(Sum(row), 0), row, row * see(Exp(w))), x), 3),
        ("a branch that is never taken", (x, w, see) => Map(row => IfElse(Greater(Sum(row), 99), see(Exp(w)), row), x),
            0),
        ("a branch of a branch", (x, w, see) => Map(
            row => IfElse(Greater(Sum(row), 0), IfElse(Greater(row[0], 2), see(Tanh(w)), w), row), x), 1),
        ("both branches", (x, w, see) => Map(row =>
        {
            Variable both = see(Exp(w));
            return IfElse(Greater(Sum(row), 0), both, both * 2);
        }, x), 5),
        ("a branch and the result", (x, w, see) => Map(row =>
        {
            Variable both = see(Exp(w));
            return IfElse(Greater(Sum(row), 99), both, row) + both;
        }, x), 5),
        ("a choice that is the same at every step",
            (x, w, see) => Map(row => row + IfElse(Greater(Sum(w), 99), see(Exp(w)), w), x), 0),
        ("a loop in a loop", (x, w, see) => Map(row => Map(number => number * see(w), row)[0], x), 10),
    ];

    private static IEnumerable<TestCaseData> Seen =>
        from each in s_seen
        from optimizer in (Optimizer[])[Optimizer.None, Optimizer.FastCompile, Optimizer.FastRun]
        select new TestCaseData(each.Make, each.Seen, optimizer).SetArgDisplayNames(each.Name, optimizer.ToString());

    [TestCaseSource(nameof(Seen))]
    public void An_effect_happens_at_each_step_that_needs_it(
        Func<Variable, Variable, Func<Variable, Variable>, Variable> make, int expected, Optimizer optimizer)
    {
        int seen = 0;
        Input x = Matrix("x"), w = Vector("w");
        Variable y = make(x, w, value => Print(value, _ => seen++));
        Variable plain = make(x, w, value => value);
        using var f = Function.Compile(
            [x, w], [y, plain, w], device: s_cpu, options: new CompileOptions { Optimizer = optimizer });
        Tensor[] results = f.Call(Tensor.From([1f, 1, -1, 0, 3, 0, -2, 1, 0, 0], 5, 2), Tensor.From([0.5f, 0.25f]));
        Assert.That(results[0].ToArray<float>(), Is.EqualTo(results[1].ToArray<float>()));
        Assert.That(seen, Is.EqualTo(expected));
    }

    [Test]
    public void A_check_in_a_branch_that_is_not_taken_does_not_fail()
    {
        Input x = Vector("x"), w = Scalar("w");
        Variable y =
            Map(row => IfElse(Greater(row, 0), row * Log(Require(w, "w must be positive", Greater(w, 0))), row), x);
        using var f = Function.Compile([x, w], [y], device: s_cpu);
        Assert.That(f.Call(Tensor.From([-1f, 0]), Tensor.Scalar(-1f))[0].ToArray<float>(), Is.EqualTo([-1f, 0]));
        Assert.That(
            () => f.Call(Tensor.From([-1f, 1]), Tensor.Scalar(-1f)), Throws.TypeOf<EngineException>().With.Message
                .Contains("w must be positive"));
    }

    [Test]
    public void A_gradient_that_is_cut_short_has_gradients_of_its_own(
        [Values(1, 4, 6, 9)] int rows, [Values] bool goBackwards, [Values] bool hasTaps, [Values] bool isCounted)
    {
        const int Most = 4;
        Input x = Matrix("x", DType.Float64), w = Vector("w", DType.Float64), first = Matrix("first", DType.Float64),
            n = Size("n");
        Variable Step(Variable row, Variable older, Variable newer) => Tanh((row * w) + (older * 0.5) - (newer * w));
        Variable loop = Scan(
            step => hasTaps ? Step(step[0], step[1], step[2]) : Step(step[0], step[1], step[1]), [x],
            [hasTaps ? new OutputInfo(first, -2, -1) : first[1]], nSteps: isCounted ? (StepCount)n : null,
            goBackwards: goBackwards,
            truncateGradient: Most)[0];
        List<Variable> states = [first[0], first[1]];
        for (int step = 0; step < rows; step++)
        {
            if (step > 0 && step == rows - Most)
            {
                states = [.. states.Select(DisconnectedGrad)];
            }

            Variable row = x[goBackwards ? rows - 1 - step : step];
            states.Add(
                Step(step < rows - Most ? DisconnectedGrad(row) : row, hasTaps ? states[^2] : states[^1], states[^1]));
        }

        Variable weights = Constant(Draw(new Random(1), rows, 2));
        Variable written =
            Stack(0, [.. states.Skip(2).Select((state, step) => step < rows - Most ? DisconnectedGrad(state) : state)]);
        Variable[] all = [.. Derivatives(loop), .. Derivatives(written)];
        using var f = Function.Compile([x, w, first, n], [.. all, n + 0], device: s_cpu);
        var random = new Random(2);
        Tensor[] y = f.Call(Draw(random, rows, 2), Draw(random, 2), Draw(random, 2, 2), Tensor.Scalar(rows));
        for (int i = 0; i < all.Length / 2; i++)
        {
            Assert.That(y[i].Shape, Is.EqualTo(y[i + (all.Length / 2)].Shape), $"{i}");
            Assert.That(
                y[i].ToArray<double>(), Is.EqualTo(y[i + (all.Length / 2)].ToArray<double>()).Within(1e-13), $"{i}");
        }

        Variable[] Derivatives(Variable results)
        {
            IReadOnlyList<Variable> grads =
                Grad(Sum(results * weights), [x, w, first], disconnectedInputs: DisconnectedInputs.Ignore);
            Variable cost = Sum(Sin(grads[0] * 3)) + Sum(Square(grads[1])) + Sum(Square(grads[2] + 1));
            return [results, .. grads, .. Grad(cost, [x, w, first], disconnectedInputs: DisconnectedInputs.Ignore)];
        }
    }

    [Test]
    public void A_state_of_16_bits_is_stored_after_every_step(
        [Values(DType.Float16, DType.BFloat16)] DType half, [Values] bool hasTaps, [Values] bool isEnded)
    {
        Input x = Matrix("x"), w = Vector("w"), first = Matrix("first");
        Variable stored = Cast(w, half), begin = Cast(first, half);
        Variable Step(Variable row, Variable older, Variable newer) => Tanh((newer * stored) + row) + (older * 0.5);
        Variable loop = Scan(
            step =>
            {
                StepOutputs next = hasTaps ? Step(step[0], step[1], step[2]) : Step(step[0], step[1], step[1]);
                return isEnded ? next.EndingWith(Greater(Sum(step[0]), 99)) : next;
            },
            [x], [hasTaps ? new OutputInfo(begin, -2, -1) : Cast(first[1], half)])[0];
        List<Variable> states = [Cast(first[0], half), Cast(first[1], half)];
        for (int step = 0; step < 6; step++)
        {
            states.Add(Cast(Step(x[step], hasTaps ? states[^2] : states[^1], states[^1]), half));
        }

        Variable written = Stack(0, [.. states.Skip(2)]);
        Assert.That(loop.DType, Is.EqualTo(half));
        Variable[] wrt = [x, w, first];
        using var f = Function.Compile(
            [x, w, first], [loop * 1, .. Grad(Sum(loop), wrt), written * 1, .. Grad(Sum(written), wrt)], device: s_cpu);
        var random = new Random(2);
        Tensor[] y = f.Call(Draw(random, 6, 3).Cast(DType.Float32), Draw(random, 3).Cast(DType.Float32),
            Draw(random, 2, 3).Cast(DType.Float32));
        Assert.That(y[0].ToArray<float>(), Is.EqualTo(y[4].ToArray<float>()));
        for (int i = 1; i < 4; i++)
        {
            Assert.That(y[i].ToArray<float>(),
                Is.EqualTo(y[4 + i].ToArray<float>()).Within(half == DType.Float16 ? 0.01 : 0.08));
        }
    }

    [TestCase(0, null)]
    [TestCase(0, 0)]
    [TestCase(1, 0)]
    [TestCase(1, 1)]
    public void A_product_of_nothing_has_second_derivatives(int rank, int? axis)
    {
        foreach (bool isKnown in (bool[])[false, true])
        {
            foreach (int[] dimensions in rank == 0 ? (int[][])[[0]] : [[0, 3], [3, 0], [0, 0]])
            {
                Input x = Variable("x", DType.Float64,
                    isKnown ? Engine.Shape.Create(dimensions) : Engine.Shape.OfRank(dimensions.Length));
                foreach (Variable y in (Variable[])[
                    axis is null ? Prod(x) : Prod(x, [axis.Value]), CumProd(x, axis ?? 0)])
                {
                    Variable first = Grad(Sum(Square(y)), x), second = Grad(Sum(Square(first + x)), x);
                    using var f = Function.Compile([x], [y, first, second], device: s_cpu);
                    Tensor[] results = f.Call(new Tensor(DType.Float64, Engine.Shape.Create(dimensions)));
                    Assert.That(results[0].ToArray<double>(), y.Rank < x.Rank ? Is.All.EqualTo(1) : Is.Empty);
                    Assert.That(results[2].Shape, Is.EqualTo(Engine.Shape.Create(dimensions)));
                }
            }
        }
    }

    private static Tensor Draw(Random random, params int[] dimensions) => Tensor.From(
        [.. Enumerable.Range(0, dimensions.Aggregate(1, (a, b) => a * b)).Select(_ => random.NextDouble() - 0.5)],
        dimensions);
}
