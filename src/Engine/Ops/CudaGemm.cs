using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>The launches of a matrix product on CUDA: gemm.cu, which says what its two tiles are for.</summary>
internal static class CudaGemm
{
    private const int Threads = 256, SmallTile = 64, LargeTile = 128;

    /// <summary>As many tiles keep a large GPU busy.</summary>
    private const int EnoughTiles = 128;

    /// <summary>The inner side is split into parts no shorter than this, and not into more than so many.</summary>
    private const int PartLength = 128, MostParts = 32;

    /// <summary>The bytes in which the parts' sums lie, if there are parts.</summary>
    public static long Workspace(GemmShape shape, DType dtype)
    {
        int parts = Parts(shape, dtype);
        return parts > 1 ? (long)parts * shape.M * shape.N * dtype.Size() : 0;
    }

    /// <summary>The product of two matrices.</summary>
    public static CudaLaunch[] Launches(GemmShape shape, DType dtype, ulong a, ulong b, ulong c, ulong workspace)
    {
        int parts = Parts(shape, dtype);
        bool isLarge = IsLarge(shape, dtype);
        int tile = isLarge ? LargeTile : SmallTile;
        var kernel = new CudaKernel(
            "gemm.cu",
            "gemm",
            $"T {dtype.Cuda()}",
            $"LARGE {(isLarge ? 1 : 0)}",
            $"TRANSPOSE_A {(shape.TransposeA ? 1 : 0)}",
            $"TRANSPOSE_B {(shape.TransposeB ? 1 : 0)}");
        CudaLaunch product = kernel.Launch(
            new Dim3(CudaTypes.Blocks(shape.M, tile), CudaTypes.Blocks(shape.N, tile), parts),
            Threads,
            a, b, parts > 1 ? workspace : c, shape.M, shape.N, shape.K);
        int elements = shape.M * shape.N;
        return parts > 1
            ? [product, .. CudaReduce.Launches<Sum>(dtype, [parts, elements], [elements], workspace, c, 0)]
            : [product];
    }

    /// <summary>
    /// Whether the larger tiles are still enough to keep the GPU busy. Sums in double would not fit the registers.
    /// </summary>
    private static bool IsLarge(GemmShape shape, DType dtype) =>
        dtype == DType.Float32 && Tiles(shape, LargeTile) >= EnoughTiles;

    private static int Parts(GemmShape shape, DType dtype)
    {
        long tiles = Tiles(shape, SmallTile);
        return tiles == 0 || IsLarge(shape, dtype)
            ? 1
            : (int)Math.Clamp(Math.Min(EnoughTiles / tiles, shape.K / PartLength), 1, MostParts);
    }

    private static long Tiles(GemmShape shape, int tile) =>
        (long)CudaTypes.Blocks(shape.M, tile) * CudaTypes.Blocks(shape.N, tile);
}
