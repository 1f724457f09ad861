using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Ops;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Kernels that neither the ops' examples nor the networks use, but other programs may. These are products in every
/// tile, gradients by columns with constant dimensions, and kernels whose grids are launched along x because they are
/// too long for the hardware along y or z.
/// </summary>
internal static class LargeKernels
{
    private const ulong SomeAddress = 4096;

    private static readonly bool[] s_both = [false, true];

    public static IEnumerable<KernelVariant> All =>
    [
        .. Products.Select(launch => new KernelVariant("dot", launch.Function)),
        .. Columns.Select(launch => new KernelVariant("conv2DInputGradient", launch.Function)),
        .. HorizontalFusion.Join([Transpose]).Select(launch => new KernelVariant("dimShuffle", launch.Function)),
        .. HorizontalFusion.Join([WideProduct]).Select(launch => new KernelVariant("dot", launch.Function)),
    ];

    /// <summary>Gets the kernels that need a GPU with tensor cores for TF32 and numbers of 16 bits.</summary>
    public static IEnumerable<KernelVariant> OfTensorCores =>
        ProductsOf(CudaTile.OfTensorCores).Concat(ProductsOfHalves)
            .Select(launch => new KernelVariant("dot", launch.Function));

    private static IEnumerable<KernelLaunch> Products => ProductsOf(CudaTile.All);

    private static IEnumerable<KernelLaunch> ProductsOf(IReadOnlyList<CudaTile> tiles) =>
        from tile in tiles
        from a in s_both
        from b in s_both
        from dimension in (int[])[1024, 1023]
        let shape = new GemmShape(dimension, dimension, dimension, a, b)
        let cover = tile.Cover(dimension, dimension)
        let at = new GemmAddresses(SomeAddress, SomeAddress, SomeAddress, SomeAddress, SomeAddress)
        select CudaGemm.Launch(new CudaTiling(tile, cover.Down, cover.Across, 2), shape, DType.Float32, at);

    private static IEnumerable<KernelLaunch> ProductsOfHalves =>
        from tile in CudaTile.OfHalves
        from dtype in (DType[])[DType.Float16, DType.BFloat16]
        from a in s_both
        from b in s_both
        from dimension in (int[])[1024, 1022]
        let shape = new GemmShape(dimension, dimension, dimension, a, b)
        let cover = tile.Cover(dimension, dimension)
        let at = new GemmAddresses(SomeAddress, SomeAddress, SomeAddress, Workspace: SomeAddress)
        select CudaGemm.Launch(new CudaTiling(tile, cover.Down, cover.Across, 2), shape, dtype, at);

    private static KernelLaunch Transpose => new CudaKernel("copy.cu", "transpose", "T int").Launch(
        new Dim3(1, 1, Dim3.MaxAlongYZ + 1), new Dim3(32, 8), SomeAddress, SomeAddress, default(CudaLoops), 2, 2, 2, 2);

    private static KernelLaunch WideProduct
    {
        get
        {
            var shape = new GemmShape(16, 8_000_000, 5);
            var at = new GemmAddresses(SomeAddress, SomeAddress, SomeAddress, Workspace: SomeAddress);
            return CudaGemm.Launch(CudaGemm.Tiling(shape, DType.Float32), shape, DType.Float32, at);
        }
    }

    private static IEnumerable<KernelLaunch> Columns
    {
        get
        {
            var strided = new CudaColumns(new ConvShape(128, 64, 28, 28, 64, 3, 3, 2, 2, 1, 1, true), DType.Float32);
            return strided.InputGradient(SomeAddress, SomeAddress, SomeAddress, SomeAddress).OfType<KernelLaunch>();
        }
    }
}
