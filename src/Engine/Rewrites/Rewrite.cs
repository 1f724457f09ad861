using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Rewrites;

/// <summary>
/// Turns a graph in which every side is known into one that computes the same, better.
/// </summary>
/// <param name="Name">What it is called in prints and where it is switched off.</param>
/// <param name="Level">The least optimizer with which it runs.</param>
/// <param name="Apply">The rewrite, for a function that will run on a device.</param>
internal sealed record Rewrite(string Name, Optimizer Level, Func<FunctionGraph, Device, FunctionGraph> Apply)
{
    /// <summary>Gets or sets whether it runs only where it is asked for, because it costs digits.</summary>
    public bool IsOnDemand { get; init; }

    /// <summary>Rewrites a graph, and first the graphs that its ops run.</summary>
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
        new("loops", Optimizer.FastRun, (graph, _) => Loops.Apply(graph)),
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
