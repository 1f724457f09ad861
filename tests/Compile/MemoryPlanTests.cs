using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>The addresses of values in plans, for many random functions.</summary>
[TestFixture]
public sealed class MemoryPlanTests
{
    private const int Graphs = 300;
    private const int Runs = 3;

    private readonly CpuDevice _device = new(3);

    [OneTimeTearDown]
    public void Free() => _device.Dispose();

    [Test]
    public void A_function_computes_what_its_ops_mean_one_by_one() => ForEachGraph(graph =>
    {
        using Function function = Compile(graph);
        for (int run = 0; run < Runs; run++)
        {
            graph.RequireClose(function, run);

            // The remains of one run must not affect the next.
            Storage arena = function.Plans[0].Arena;
            arena.Write([.. Enumerable.Repeat((byte)0xFF, (int)arena.Bytes)]);
        }
    });

    [Test]
    public void No_two_values_that_are_alive_at_the_same_step_overlap() => ForEachGraph(graph =>
    {
        using Function function = Compile(graph);
        function.Run(graph.Arguments());
        Layout layout = function.Plans[0].Layout;
        Occupant[] occupants = [.. Occupants(function, layout)];
        foreach (Occupant a in occupants)
        {
            Assert.That(a.Start, Is.GreaterThanOrEqualTo(0));
            Assert.That(a.End, Is.LessThanOrEqualTo(layout.Memory.ArenaBytes), $"{a} lies beyond the arena");
            foreach (Occupant b in occupants)
            {
                Assert.That(a == b || a.End <= b.Start || b.End <= a.Start || a.Last < b.First || b.Last < a.First
                    || TakesOver(layout, a, b) || TakesOver(layout, b, a), $"{a} overlaps {b}");
            }
        }
    });

    [Test]
    public void The_arena_is_as_large_as_what_lives_at_once_and_no_larger_than_all() => ForEachGraph(graph =>
    {
        using Function function = Compile(graph);
        function.Run(graph.Arguments());
        Layout layout = function.Plans[0].Layout;
        Occupant[] occupants = [.. Occupants(function, layout)];
        int ends = layout.Steps.Count;
        // Reused buffers count once, so only values with memory of their own are added up.
        long max = Enumerable.Range(-1, ends + 2).Max(step => occupants
            .Where(occupant => occupant.First <= step && step <= occupant.Last)
            .DistinctBy(occupant => occupant.Start)
            .Sum(occupant => occupant.End - occupant.Start));

        Assert.That(layout.Memory.ArenaBytes, Is.InRange(layout.Memory.LowerBound, layout.Memory.BytesWithoutReuse));
        Assert.That(layout.Memory.ArenaBytes, Is.GreaterThanOrEqualTo(max));
    });

    [Test]
    public void The_random_functions_reach_every_way_of_sharing_memory()
    {
        int inPlace = 0, updatesInPlace = 0, copiesBefore = 0, copiesAfter = 0, workspaces = 0, views = 0;
        ForEachGraph(graph =>
        {
            using Function function = Compile(graph);
            function.Run(graph.Arguments());
            Layout layout = function.Plans[0].Layout;
            Allocation[] allocations = [.. layout.Steps.SelectMany(step => step.Outputs)];
            Occupant[] occupants = [.. Occupants(function, layout)];
            inPlace += occupants.Count(a => occupants.Any(b => TakesOver(layout, a, b)));
            updatesInPlace += allocations.Count(allocation => allocation.Kind == AllocationKind.Shared);
            copiesBefore += layout.CopiesBefore.Count;
            copiesAfter += layout.CopiesAfter.Count;
            workspaces += layout.Steps.Count(step => step.Lowered.Workspace > 0);
            views += function.Plans[0].Schedule.Count - layout.Steps.Count;
        });

        int[] counts = [inPlace, updatesInPlace, copiesBefore, copiesAfter, workspaces, views];
        Assert.That(counts, Is.All.GreaterThan(Graphs / 10));
    }

    [Test]
    public void A_value_of_as_many_bytes_but_other_elements_is_not_written_over()
    {
        // 4 bytes of float32 and 4 of bool: the scalar is read again after the first answers are written.
        SharedVariable scalar = Shared(Tensor.Scalar(5f)), values = Shared(Tensor.From([9f, 1, 9, 1]));
        using var f = Function.Compile([], [Less(scalar * 1.5, values)]);

        Assert.That(f.Call()[0].AsSpan<bool>().ToArray(), Is.EqualTo(new[] { true, false, true, false }));
        Step compare = f.Plans[0].Layout.Steps[^1];
        Assert.That(compare.Inputs.Select(input => input!.Buffer), Does.Not.Contain(compare.Outputs[0].Buffer));
    }

    [Test]
    public void Zero_and_negative_zero_are_not_merged()
    {
        Input x = Scalar("x");
        using var f = Function.Compile([x], [x / Constant(0, DType.Float32), x / Constant(-0.0, DType.Float32)]);

        Tensor[] y = f.Call(Tensor.Scalar(1f));

        Assert.That(y[0].AsSpan<float>()[0], Is.EqualTo(float.PositiveInfinity));
        Assert.That(y[1].AsSpan<float>()[0], Is.EqualTo(float.NegativeInfinity));
    }

    /// <summary>Too many buffers to be placed by size.</summary>
    [Test]
    public void Thousands_of_buffers_do_not_overlap_in_little_more_than_they_need()
    {
        var random = new Random(5);
        Lifetime[] buffers = [.. Enumerable.Range(0, 5000).Select(first =>
            new Lifetime(64 * random.Next(20), first / 2, (first / 2) + random.Next(random.Next(200) + 1)))];

        var plan = MemoryPlan.Layout(buffers);

        for (int i = 0; i < buffers.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                bool isApart = plan.Offsets[j] + buffers[j].Bytes <= plan.Offsets[i]
                    || plan.Offsets[i] + buffers[i].Bytes <= plan.Offsets[j];
                bool areTogether = buffers[j].Last >= buffers[i].First && buffers[j].Bytes > 0 && buffers[i].Bytes > 0;
                Assert.That(isApart || !areTogether, $"{i} lies over {j}");
            }
        }

        Assert.That(
            plan.Offsets.Zip(buffers, (offset, buffer) => offset + buffer.Bytes).Max(), Is.EqualTo(plan.ArenaBytes));
        Assert.That(plan.ArenaBytes, Is.InRange(plan.LowerBound, plan.LowerBound * 5 / 4));
    }

    private Function Compile(RandomGraph graph) =>
        Function.Compile(graph.Inputs, graph.Outputs, graph.Updates, device: _device);

    /// <summary>The values in the arena and their lifetimes, computed independently from the steps.</summary>
    private static IEnumerable<Occupant> Occupants(Function function, Layout layout)
    {
        int end = layout.Steps.Count;
        IEnumerable<Allocation> inputs = function.Plans[0].Graph.Inputs.Select(layout.AllocationOf);
        IEnumerable<Allocation> copies = layout.CopiesBefore.Select(copy => copy.To);
        foreach (Allocation allocation in inputs.Concat(copies).Distinct())
        {
            yield return Of(allocation, -1, end);
        }

        HashSet<Allocation> kept = [.. layout.Outputs, .. layout.CopiesAfter.Select(copy => copy.From)];
        for (int s = 0; s < layout.Steps.Count; s++)
        {
            foreach (Allocation allocation in layout.Steps[s].Outputs.Where(
                allocation => allocation.Kind == AllocationKind.Arena))
            {
                int last = end - 1;
                while (last > s && !layout.Steps[last].Inputs.Contains(allocation))
                {
                    last--;
                }

                yield return Of(allocation, s, kept.Contains(allocation) ? end : last);
            }

            if (layout.WorkspaceBuffer(s) is >= 0 and int workspace)
            {
                long start = layout.Memory.Offsets[workspace];
                yield return new Occupant(null, start, start + layout.Steps[s].Lowered.Workspace, s, s);
            }
        }

        Occupant Of(Allocation allocation, int first, int last)
        {
            long start = layout.Memory.Offsets[allocation.Buffer];
            return new Occupant(allocation, start, start + Bytes(layout, allocation.Variable), first, last);
        }
    }

    /// <summary>Whether b is written over a by an op that may do so and is the last to read a.</summary>
    private static bool TakesOver(Layout layout, Occupant a, Occupant b)
    {
        if (a.Allocation is null || b.Allocation is null || a.Last != b.First || a.Start != b.Start || a.End != b.End)
        {
            return false;
        }

        Step step = layout.Steps[b.First];
        int size = b.Allocation.Variable.DType.Size();
        return step.Inputs.Contains(a.Allocation) && step.Outputs.Contains(b.Allocation)
            && step.Node.Inputs.Select((input, i) => step.Inputs[i] != a.Allocation
                || (step.Node.Op.MayOverwrite(i) && input.DType.Size() == size)).All(allowed => allowed);
    }

    private static long Bytes(Layout layout, Variable variable)
    {
        OperandType type = Layout.OperandType(variable);
        return type.Shape.Count * type.DType.Size();
    }

    private static void ForEachGraph(Action<RandomGraph> check)
    {
        for (int seed = 0; seed < Graphs; seed++)
        {
            try
            {
                check(new RandomGraph(seed));
            }
            catch (Exception error)
            {
                throw new AssertionException($"Graph {seed}: {error.Message}", error);
            }
        }
    }

    private sealed record Occupant(Allocation? Allocation, long Start, long End, int First, int Last);
}
