using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// The most that NVIDIA's GPUs can do, from their clocks and widths or, of one that is not there, from a datasheet.
/// </summary>
internal static class CudaPeak
{
    private const int ClockKilohertz = 13, MemoryClockKilohertz = 36, MemoryBusBits = 37;

    /// <summary>
    /// Of each compute capability its best known GPU: NVIDIA's datasheets, float32 outside tensor cores.
    /// </summary>
    private static readonly (int Architecture, double GigabytesPerSecond, double Teraflops, string Model)[] s_known =
    [
        (75, 320, 8.1, "T4"),
        (80, 1555, 19.5, "A100 SXM 40 GB"),
        (86, 936, 35.6, "GeForce RTX 3090"),
        (89, 1008, 82.6, "GeForce RTX 4090"),
        (90, 3350, 66.9, "H100 SXM"),
    ];

    /// <summary>The peak assumed for a compute capability.</summary>
    /// <exception cref="EngineException">Nothing is known of it.</exception>
    public static Peak Of(int architecture)
    {
        foreach ((int known, double gigabytes, double teraflops, string model) in s_known)
        {
            if (known == architecture)
            {
                return new Peak(gigabytes * 1e9, teraflops * 1e12, $"assumed, an {model}'s datasheet");
            }
        }

        throw new EngineException(
            $"Nothing is known of sm_{architecture}: it may be "
            + $"{string.Join(", ", s_known.Select(gpu => $"sm_{gpu.Architecture}"))}.");
    }

    /// <summary>The peak of a GPU that is there.</summary>
    public static Peak Of(Gpu gpu)
    {
        // Memory moves twice a cycle; an arithmetic unit multiplies and adds in one.
        double bytes = 2e3 * gpu.TryAttribute(MemoryClockKilohertz) * gpu.TryAttribute(MemoryBusBits) / 8;
        int units = gpu.Architecture is 70 or 72 or 75 or 80 ? 64 : 128;
        double flops = 2e3 * gpu.TryAttribute(ClockKilohertz) * units * gpu.Multiprocessors;
        return bytes > 0 && flops > 0
            ? new Peak(bytes, flops, $"from the clocks and widths of this {gpu.Name}")
            : Of(gpu.Architecture);
    }
}
