using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>Makes loops do less: what nobody asks for is left out, and what need not be computed step by step is not.</summary>
internal static class Loops
{
    public static FunctionGraph Apply(FunctionGraph graph) =>
        Traversal.Order(graph.Roots).Any(node => node.Op is Scan)
            ? Merge.Apply(TrimLoops.Apply(HoistLoops.Apply(KeepProducts.Apply(TrimLoops.Apply(graph)))))
            : graph;
}
