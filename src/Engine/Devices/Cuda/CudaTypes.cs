namespace Engine.Devices.Cuda;

/// <summary>The names of dtypes in CUDA C.</summary>
internal static class CudaTypes
{
    public static string Cuda(this DType dtype) => ElementType.Of(dtype).Cuda;

    /// <summary>The shared memory that a block may declare, on every GPU.</summary>
    public const int MaxSharedBytes = 48 * 1024;

    /// <summary>
    /// Returns the shared memory that a launch may ask for, for each block: table "Technical Specifications per Compute
    /// Capability" of NVIDIA's CUDA C++ Programming Guide.
    /// </summary>
    public static int MaxSharedBytesOf(int architecture) => 1024 * architecture switch
    {
        75 => 64,
        80 or 87 => 163,
        86 or 89 or >= 120 => 99,
        >= 90 => 227,
        _ => 48,
    };

    /// <summary>Returns a type of the same size, for kernels that only move elements.</summary>
    public static string CudaBits(this DType dtype) => dtype.Size() switch
    {
        1 => "uint8",
        2 => "uint16",
        4 => "int",
        _ => "int64",
    };

    /// <summary>Returns the number of blocks if each thread takes one element.</summary>
    public static int Blocks(long elements, int threads) => checked((int)((elements + threads - 1) / threads));
}
