namespace Engine.Runner;

/// <summary>What connects ranks, as a model: how many bytes it carries in a second, and what a message waits beside.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="BytesPerSecond">How many bytes a rank sends in a second, by the link's name.</param>
/// <param name="Latency">The seconds that each message takes beside its bytes, which is assumed.</param>
internal sealed record LinkModel(string Name, double BytesPerSecond, double Latency)
{
    /// <summary>The links of docs/scale.md.</summary>
    public static IReadOnlyList<LinkModel> All { get; } =
    [
        new("Ethernet, 1 Gbit", 125e6, 50e-6), new("Ethernet, 25 Gbit", 3.125e9, 20e-6),
        new("InfiniBand, 200 Gbit", 25e9, 2e-6), new("NVLink, 450 GB/s", 450e9, 3e-6),
    ];

    /// <summary>How long an exchange takes at least: all-to-all and all-gather, each with a message to every other rank.</summary>
    /// <param name="bytesSent">What a rank sends in both.</param>
    /// <param name="ranks">How many ranks there are.</param>
    public double Seconds(long bytesSent, int ranks) => (bytesSent / BytesPerSecond) + (2 * (ranks - 1) * Latency);
}
