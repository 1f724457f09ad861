using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// The peak performance of NVIDIA's GPUs, from their clocks and widths or, if those are unknown, from a datasheet.
/// </summary>
internal static class CudaPeak
{
    private const int ClockKilohertz = 13, MemoryClockKilohertz = 36, MemoryBusBits = 37;

    /// <summary>
    /// NVIDIA's datasheets, float32 outside tensor cores; the best known GPU of a compute capability comes first.
    /// </summary>
    private static readonly (int Architecture, double GigabytesPerSecond, double Teraflops, string Model)[] s_known =
    [
        (75, 320, 8.1, "T4"),
        (80, 1555, 19.5, "A100 SXM 40 GB"),
        (86, 936, 35.6, "GeForce RTX 3090"),
        (89, 1008, 82.6, "GeForce RTX 4090"),
        (90, 3350, 66.9, "H100 SXM"),
        (90, 4800, 66.9, "H200"),
        (100, 8000, 75, "B200"),
        (120, 1792, 104.8, "GeForce RTX 5090"),
    ];

    /// <summary>Returns the assumed peak of a compute capability.</summary>
    /// <exception cref="EngineException">No GPU of that compute capability is known.</exception>
    public static Peak Of(int architecture) =>
        Array.FindIndex(s_known, gpu => gpu.Architecture == architecture) is >= 0 and int index
            ? Assumed(index)
            : throw new EngineException(
                $"Nothing is known of sm_{architecture}: it may be "
                + $"{string.Join(", ", s_known.Select(gpu => $"sm_{gpu.Architecture}").Distinct())}.");

    /// <summary>Returns the peak of a GPU of this machine.</summary>
    public static Peak Of(Gpu gpu) => Of(
        gpu.Name, gpu.Architecture, gpu.Multiprocessors, gpu.TryAttribute(ClockKilohertz),
        gpu.TryAttribute(MemoryClockKilohertz), gpu.TryAttribute(MemoryBusBits));

    /// <summary>
    /// Returns the peak of a GPU from what it reports. Newer drivers report clocks of 0. Then the peak is that of the
    /// known GPU of this name, or else of its compute capability, or else of the nearest lower one.
    /// </summary>
    internal static Peak Of(
        string name, int architecture, int multiprocessors, int clockKilohertz, int memoryClockKilohertz,
        int memoryBusBits)
    {
        // Memory transfers data twice a cycle; an arithmetic unit multiplies and adds in one cycle.
        double bytes = 2e3 * memoryClockKilohertz * memoryBusBits / 8;
        int units = architecture is 70 or 72 or 75 or 80 ? 64 : 128;
        double flops = 2e3 * clockKilohertz * units * multiprocessors;
        if (bytes > 0 && flops > 0)
        {
            return new Peak(bytes, flops, $"from the clocks and widths of this {name}");
        }

        string[] words = name.Split(' ', '-');
        int known = Array.FindIndex(
            s_known, gpu => words.Contains(gpu.Model.Split(' ').First(word => word.Any(char.IsDigit))));
        int nearest = s_known.Select(gpu => gpu.Architecture).Where(other => other <= architecture)
            .DefaultIfEmpty(s_known[0].Architecture).Max();
        return Assumed(known >= 0 ? known : Array.FindIndex(s_known, gpu => gpu.Architecture == nearest));
    }

    private static Peak Assumed(int index)
    {
        (_, double gigabytes, double teraflops, string model) = s_known[index];
        return new Peak(gigabytes * 1e9, teraflops * 1e12, $"assumed, the {model}'s datasheet");
    }
}
