namespace Engine.Devices.Cuda;

/// <summary>Specifies how a GPU is used.</summary>
public sealed record CudaOptions
{
    /// <summary>Gets or sets the number of the GPU, as the driver counts, from 0.</summary>
    public int Ordinal { get; init; }

    /// <summary>
    /// Gets or sets whether kernels may use the hardware's faster, less exact mathematical functions.
    /// </summary>
    public bool FastMath { get; init; }

    /// <summary>
    /// Gets or sets whether matrix products and convolutions of float32, and their gradients, may round what they
    /// multiply to TF32, with 10 bits of mantissa, to use tensor cores. GPUs have TF32 from compute capability 8.0 on.
    /// Sums stay float32. The default is false, so that results are those of float32.
    /// </summary>
    public bool TensorFloat32 { get; init; }

    /// <summary>
    /// Gets or sets whether to wait for each kernel before the next launch. This is slow, but an error then names the
    /// kernel that failed.
    /// </summary>
    public bool Synchronous { get; init; }

    /// <summary>
    /// Gets or sets whether to mark the work for a profiler: ranges for epochs, plans and ops, and the lines of the
    /// kernels' sources. Each kernel is then launched by itself, not in a graph, and so lies in its op's range.
    /// </summary>
    public bool Profile { get; init; }

    /// <summary>
    /// Gets or sets the folder that keeps compiled kernels; null for <c>$ENGINE_CACHE</c>, or else <c>engine/cubins</c>
    /// in the user's folder for caches. A folder that cannot be read or written is not used.
    /// </summary>
    public string? CacheFolder { get; init; }
}
