namespace Engine.Devices.Cuda;

/// <summary>Describes how a GPU is to be used.</summary>
public sealed record CudaOptions
{
    /// <summary>Gets or sets which GPU, as the driver counts them, from 0.</summary>
    public int Ordinal { get; init; }

    /// <summary>
    /// Gets or sets whether kernels may use the faster, less exact mathematical functions of the hardware.
    /// </summary>
    public bool FastMath { get; init; }

    /// <summary>
    /// Gets or sets whether matrix products of float32 may round the numbers that they multiply to TF32, of 10 bits of
    /// mantissa, which tensor cores take: on GPUs from compute capability 8.0 on. Sums stay float32. Off, as everywhere
    /// where a result is to be that of float32.
    /// </summary>
    public bool TensorFloat32 { get; init; }

    /// <summary>
    /// Gets or sets whether to wait for each kernel before the next is launched: slow, but an error then names the
    /// kernel that failed.
    /// </summary>
    public bool Synchronous { get; init; }

    /// <summary>
    /// Gets or sets whether to show a profiler what runs: ranges for epochs, plans and ops, and the lines of the
    /// kernels' sources. Each kernel is then launched by itself, not as part of a graph, so that it lies in its op's
    /// range.
    /// </summary>
    public bool Profile { get; init; }

    /// <summary>
    /// Gets or sets the folder that keeps compiled kernels; null for <c>$ENGINE_CACHE</c>, or else <c>engine/cubins</c>
    /// in the user's folder for caches. One that cannot be read or written is done without.
    /// </summary>
    public string? CacheFolder { get; init; }
}
