using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>
/// A core's first cache for data, as the processor describes it (CPUID leaf 4 of Intel's, 8000001D of AMD's); where it
/// does not, the least that is common. What is chosen by it changes how fast a product is and no bit of it.
/// </summary>
internal static class FirstCache
{
    private const int IntelLeaf = 4, AmdLeaf = unchecked((int)0x8000001D), LargestAmdLeaf = unchecked((int)0x80000000);

    /// <summary>Its size, and how many lines that lie a multiple of 4 KB apart, or of a part of that, it holds.</summary>
    internal static (int Bytes, int Ways) Size { get; } = Find();

    private static (int Bytes, int Ways) Find()
    {
        if (X86Base.IsSupported)
        {
            bool hasAmdLeaf = (uint)X86Base.CpuId(LargestAmdLeaf, 0).Eax >= unchecked((uint)AmdLeaf);
            int[] leaves = hasAmdLeaf ? [AmdLeaf, IntelLeaf] : [IntelLeaf];
            foreach (int leaf in leaves)
            {
                // The kind of the first cache listed: 1 is data.
                (int kind, int shape, int sets, _) = X86Base.CpuId(leaf, 0);
                if ((kind & 0x1F) == 1)
                {
                    int ways = (int)((uint)shape >> 22) + 1;
                    return (ways * (((shape >> 12) & 0x3FF) + 1) * ((shape & 0xFFF) + 1) * (sets + 1), ways);
                }
            }
        }

        return (32 << 10, 8);
    }
}
