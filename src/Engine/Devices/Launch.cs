namespace Engine.Devices;

/// <summary>
/// Describes what a program hands to its device at once: on a GPU a kernel or a copy, on the CPU the loops of an op.
/// </summary>
/// <param name="Name">The kernel's name; of several in one, theirs.</param>
/// <param name="Kernels">The bound ops, or copies, that it computes, or computes a part of.</param>
public sealed record Launch(string Name, IReadOnlyList<IKernel> Kernels)
{
    private readonly Func<KernelResources?> _resources = static () => null;

    internal Launch(string name, IReadOnlyList<IKernel> kernels, Func<KernelResources?> resources)
        : this(name, kernels) => _resources = resources;

    /// <summary>
    /// Gets or sets how the work is divided: the number of blocks on a GPU, of indices of each loop on the CPU.
    /// </summary>
    public string Grid { get; init; } = "";

    /// <summary>Gets or sets the threads of a block; empty where there are no blocks.</summary>
    public string Block { get; init; } = "";

    /// <summary>Gets what a GPU's kernel takes, read off its machine code; null where there is none to read.</summary>
    public KernelResources? Resources => _resources();
}

/// <summary>Describes what a GPU's kernel takes.</summary>
/// <param name="Registers">The registers of a thread.</param>
/// <param name="SharedBytes">The shared memory of a block.</param>
/// <param name="LocalBytes">The stack of a thread, in which spilled registers lie too: slow memory, best none.</param>
public readonly record struct KernelResources(int Registers, int SharedBytes, int LocalBytes);

/// <summary>Represents the most a device can do, which no program goes beyond.</summary>
/// <param name="BytesPerSecond">Of memory, read and written.</param>
/// <param name="FlopsPerSecond">Of float32 arithmetic, an addition or a multiplication being one.</param>
/// <param name="Source">How that is known, in words.</param>
public sealed record Peak(double BytesPerSecond, double FlopsPerSecond, string Source)
{
    /// <summary>Gets or sets no more bytes than this may still lie in a cache; 0 where that is not looked at.</summary>
    public long CachedBytes { get; init; }

    /// <summary>Gets or sets how fast those are read.</summary>
    public double CachedBytesPerSecond { get; init; }

    /// <summary>Returns the least seconds for so many bytes and so much arithmetic, whichever takes longer.</summary>
    public double Floor(long bytes, long flops) => Math.Max(
        bytes / (bytes < CachedBytes ? CachedBytesPerSecond : BytesPerSecond), flops / FlopsPerSecond);

    /// <summary>Returns what is assumed, for the end of a table.</summary>
    public override string ToString()
    {
        string cached = CachedBytes == 0
            ? ""
            : $", {TextTable.Short(CachedBytesPerSecond, "B/s")} up to {CachedBytes >> 20} MiB,";
        string flops = TextTable.Short(FlopsPerSecond, "FLOP/s");
        return $"{TextTable.Short(BytesPerSecond, "B/s")}{cached} and {flops} ({Source})";
    }
}
