using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Rewrites;

/// <summary>
/// Transforms a graph whose dimensions are all known into one that computes the same result faster or with fewer
/// rounding errors.
/// </summary>
/// <param name="Name">The name in prints and in the option that turns it off.</param>
/// <param name="Level">The lowest optimizer level that runs it.</param>
/// <param name="Apply">The rewrite, for a function that will run on a device.</param>
internal sealed record Rewrite(string Name, Optimizer Level, Func<FunctionGraph, Device, FunctionGraph> Apply)
{
    /// <summary>Gets or sets whether it runs only on request, because it costs digits.</summary>
    public bool IsOnDemand { get; init; }

    /// <summary>Rewrites the graphs that a graph's ops run, then the graph.</summary>
    public FunctionGraph Throughout(FunctionGraph graph, Device device) =>
        Apply(graph.WithBodies((_, _, body) => Throughout(body, device)), device);

    /// <summary>Gets all rewrites, in the order in which they run.</summary>
    public static IReadOnlyList<Rewrite> All { get; } =
    [
        new("merge", Optimizer.FastCompile, (graph, _) => Merge.Apply(graph)),
        new("fold", Optimizer.FastCompile, (graph, _) => Fold.Apply(graph)),
        new("canonicalize", Optimizer.FastRun, (graph, _) => Canonicalize.Apply(graph)),
        new("stabilize", Optimizer.FastCompile, (graph, _) => Stabilize.Apply(graph)),
        new("merge", Optimizer.FastRun, (graph, _) => Merge.Apply(graph)),
        new("loops", Optimizer.FastRun, Loops.Apply),
        new("join_cross_entropy", Optimizer.FastRun, (graph, _) => JoinCrossEntropy.Apply(graph)),
        new("pool_convolutions", Optimizer.FastRun, PoolConvolutions.Apply),
        new("winograd2", Optimizer.FastRun, (graph, device) =>
            ChooseConvolutions.Apply(graph, device, ConvolutionPath.Winograd2)),
        new("winograd4", Optimizer.FastRun, (graph, device) =>
            ChooseConvolutions.Apply(graph, device, ConvolutionPath.Winograd4)) { IsOnDemand = true },
        new("reciprocals", Optimizer.FastRun, Reciprocals.Apply),
        new("join_output", Optimizer.FastRun, JoinOutput.Apply),
        new("read_halves", Optimizer.FastRun, ReadHalves.Apply),
        new("fuse", Optimizer.FastRun, Fuse.Apply),
        new("fuse_rows", Optimizer.FastRun, FuseRows.Apply),
        new("read_rows", Optimizer.FastRun, ReadRows.Apply),
    ];
}
