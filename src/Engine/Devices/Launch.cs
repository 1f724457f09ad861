namespace Engine.Devices;

/// <summary>Describes one launch of a program: on a GPU a kernel or a copy, on the CPU the loops of an op.</summary>
/// <param name="Name">The kernel's name; for several in one launch, all their names.</param>
/// <param name="Kernels">The bound ops, or copies, that it computes in full or in part.</param>
public sealed record Launch(string Name, IReadOnlyList<IKernel> Kernels)
{
    private readonly Func<KernelResources?> _resources = static () => null;

    internal Launch(string name, IReadOnlyList<IKernel> kernels, Func<KernelResources?> resources)
        : this(name, kernels) => _resources = resources;

    /// <summary>
    /// Gets or sets how the work is divided: on a GPU the number of blocks, on the CPU the number of indices of each
    /// loop.
    /// </summary>
    public string Grid { get; init; } = "";

    /// <summary>Gets or sets the threads of a block; empty if there are no blocks.</summary>
    public string Block { get; init; } = "";

    /// <summary>
    /// Gets the resources of a GPU kernel, read from its machine code; null if there is none to read.
    /// </summary>
    public KernelResources? Resources => _resources();
}

/// <summary>Describes the resources that a GPU kernel uses.</summary>
/// <param name="Registers">The registers of a thread.</param>
/// <param name="SharedBytes">The shared memory of a block.</param>
/// <param name="LocalBytes">The stack of a thread, with its spilled registers: slow memory, at best 0.</param>
public readonly record struct KernelResources(int Registers, int SharedBytes, int LocalBytes);

/// <summary>Represents the peak performance of a device, which no program exceeds.</summary>
/// <param name="BytesPerSecond">The bandwidth of memory, reads and writes together.</param>
/// <param name="FlopsPerSecond">The rate of float32 arithmetic; an addition or a multiplication counts as one.</param>
/// <param name="Source">Where these numbers come from, in words.</param>
public sealed record Peak(double BytesPerSecond, double FlopsPerSecond, string Source)
{
    /// <summary>Gets or sets the most bytes that may still lie in a cache; 0 if caches are not considered.</summary>
    public long CachedBytes { get; init; }

    /// <summary>Gets or sets how fast cached bytes are read.</summary>
    public double CachedBytesPerSecond { get; init; }

    /// <summary>
    /// Returns the smallest time in seconds: for the bytes or for the arithmetic, whichever takes longer.
    /// </summary>
    public double Floor(long bytes, long flops) => Math.Max(
        bytes / (bytes < CachedBytes ? CachedBytesPerSecond : BytesPerSecond), flops / FlopsPerSecond);

    /// <summary>Returns the assumed peak in words, for the end of a table.</summary>
    public override string ToString()
    {
        string cached = CachedBytes == 0
            ? ""
            : $", {TextTable.Short(CachedBytesPerSecond, "B/s")} up to {CachedBytes >> 20} MiB,";
        string flops = TextTable.Short(FlopsPerSecond, "FLOP/s");
        return $"{TextTable.Short(BytesPerSecond, "B/s")}{cached} and {flops} ({Source})";
    }
}
