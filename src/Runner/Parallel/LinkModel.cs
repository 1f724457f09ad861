namespace Engine.Runner;

/// <summary>A model of the link between ranks: its bytes per second, and the latency of a message.</summary>
/// <param name="Name">The name.</param>
/// <param name="BytesPerSecond">The bytes that a rank sends per second, by the link's specification.</param>
/// <param name="Latency">The assumed additional seconds per message.</param>
internal sealed record LinkModel(string Name, double BytesPerSecond, double Latency)
{
    /// <summary>The links of docs/scale.md.</summary>
    public static IReadOnlyList<LinkModel> All { get; } =
    [
        new("Ethernet, 1 Gbit", 125e6, 50e-6), new("Ethernet, 25 Gbit", 3.125e9, 20e-6),
        new("InfiniBand, 200 Gbit", 25e9, 2e-6), new("NVLink, 450 GB/s", 450e9, 3e-6),
    ];

    /// <summary>
    /// Returns the smallest time of an exchange: all-to-all and all-gather, each with a message to every other rank.
    /// </summary>
    /// <param name="bytesSent">The bytes that a rank sends in both.</param>
    /// <param name="ranks">The number of ranks.</param>
    public double Seconds(long bytesSent, int ranks) => (bytesSent / BytesPerSecond) + (2 * (ranks - 1) * Latency);
}
