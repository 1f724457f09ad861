using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>
/// A core's data caches, as the processor describes them (CPUID leaf 4 of Intel, 8000001D of AMD). If it does not, the
/// smallest common sizes are assumed. The sizes affect the speed of a product, not its bits.
/// </summary>
internal static class Caches
{
    private const int IntelLeaf = 4, AmdLeaf = unchecked((int)0x8000001D), LargestAmdLeaf = unchecked((int)0x80000000);
    private const int Data = 1, Unified = 3, MaxCaches = 8;

    /// <summary>The size of the L1 cache in bytes.</summary>
    internal static int FirstBytes { get; } = Find(level: 1) ?? 32 << 10;

    /// <summary>The size of the L2 cache in bytes.</summary>
    internal static int SecondBytes { get; } = Find(level: 2) ?? 256 << 10;

    private static int? Find(int level)
    {
        if (!X86Base.IsSupported)
        {
            return null;
        }

        bool hasAmdLeaf = (uint)X86Base.CpuId(LargestAmdLeaf, 0).Eax >= unchecked((uint)AmdLeaf);
        int[] leaves = hasAmdLeaf ? [AmdLeaf, IntelLeaf] : [IntelLeaf];
        foreach (int leaf in leaves)
        {
            for (int cache = 0; cache < MaxCaches; cache++)
            {
                (int kind, int shape, int sets, _) = X86Base.CpuId(leaf, cache);
                if ((kind & 0x1F) is Data or Unified && ((kind >> 5) & 7) == level)
                {
                    int ways = (int)((uint)shape >> 22) + 1;
                    return ways * (((shape >> 12) & 0x3FF) + 1) * ((shape & 0xFFF) + 1) * (sets + 1);
                }
            }
        }

        return null;
    }
}
