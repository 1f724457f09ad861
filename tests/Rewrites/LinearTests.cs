using Engine.Compile;
using Engine.Graph;
using Engine.Rewrites;

namespace Engine.Tests.Rewrites;

/// <summary>
/// A graph that is eight times as long takes about eight times as much to compile, not 64 times. The test measures
/// allocated memory, which unlike time is the same each time, apart from the spare capacity of lists.
/// </summary>
public class LinearTests
{
    private const int Ops = 1250;

    [Test]
    public void A_graph_eight_times_as_long_takes_eight_times_as_much()
    {
        Allocated(Ops);
        Dictionary<string, long> one = Allocated(Ops), eight = Allocated(8 * Ops);

        foreach ((string stage, long bytes) in one)
        {
            string what = $"{stage} allocates {bytes} bytes and then {eight[stage]}";
            // A rewrite for GPUs allocates nothing here: 0 bytes must stay 0.
            Assert.That(eight[stage], Is.LessThan(Math.Max(12 * bytes, 1)), what);
        }
    }

    [Test]
    public void What_has_been_rewritten_is_not_rewritten_again()
    {
        (_, FunctionGraph graph) = Known(Ops);
        foreach (Rewrite rewrite in Rewrite.All.Where(rewrite => rewrite.Name is not "fuse"))
        {
            graph = rewrite.Apply(graph, Engine.Devices.Device.Default);
            IReadOnlyList<Apply> once = Traversal.Order(graph.Roots);

            FunctionGraph twice = rewrite.Apply(graph, Engine.Devices.Device.Default);
            Assert.That(Traversal.Order(twice.Roots), Is.EqualTo(once), rewrite.Name);
        }
    }

    private static (long Bytes, FunctionGraph Graph) Known(int ops)
    {
        (Input x, Variable y) = LongGraph.Chain(ops);
        FunctionGraph graph = FunctionGraph.Create([x], [y], [], []);
        long before = GC.GetAllocatedBytesForCurrentThread();
        graph = graph.Specialize([new TensorType(DType.Float32, [4, 4])]);
        return (GC.GetAllocatedBytesForCurrentThread() - before, graph);
    }

    private static Dictionary<string, long> Allocated(int ops)
    {
        (long bytes, FunctionGraph graph) = Known(ops);
        var stages = new Dictionary<string, long> { ["specialize"] = bytes };
        foreach (Rewrite rewrite in Rewrite.All)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            graph = rewrite.Apply(graph, Engine.Devices.Device.Default);
            stages[rewrite.Name] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        foreach (bool atOnce in (bool[])[false, true])
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Schedule.Create(graph, atOnce);
            stages[$"schedule, at once {atOnce}"] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return stages;
    }
}
