using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Reduces the work of loops: removes unused results, and moves out what need not be computed step by step.
/// </summary>
internal static class Loops
{
    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        if (!Traversal.Order(graph.Roots).Any(node => node.Op is Scan))
        {
            return graph;
        }

        bool readsHalves = device is CudaTarget { HasHalfProducts: true };
        return Merge.Apply(
            TrimLoops.Apply(HoistLoops.Apply(KeepProducts.Apply(TrimLoops.Apply(graph)), readsHalves)));
    }
}
